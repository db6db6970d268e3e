"""Which threads must be read, from where on, and which mail waits for that."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros
from bot.redis import keep
from bot.redis.connection import Store, millis
from bot.redis.keys import DUE_KEY, HEARD_KEY, READ_FIRST_KEY, subject_key
from bot.store.checkpoints import DISORDER, OVERLAP, Checkpoints, Listening, Missed, ToRead
from bot.store.links import Links
from bot.store.mailbox import Head, Later, Mailbox
from tests.support.keys import at

WITHIN = timedelta(days=1)
SESSION = SessionId("devin-0123456789abcdef0123456789abcdef")
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")


EARLIER, SAME, LATER = map(Micros, (1, 2, 3))


@pytest.mark.parametrize(
    ("then", "after"), [(EARLIER, 0), (SAME, 1), (LATER, 1), (None, 1)], ids=str
)
async def test_a_thread_that_is_noted_while_it_is_read_stays_noted(
    store: Store, raw: Redis, then: Micros | None, after: int
) -> None:
    """A message was refused meanwhile, which the read may lack. Mail waits for that one, too.

    Or a connection was lost, or a process has started (None), for which all threads are noted.
    """
    link = Link(session=SESSION, by=UserId("U0ADA"), linked_at=1)
    await Links(store, WITHIN).create(THREAD, link)
    checkpoints = Checkpoints(store, WITHIN, "token")
    await checkpoints.note([Missed(THREAD, SAME)])
    gap, threads = await checkpoints.unread()
    if then is None:
        await checkpoints.note_all(since=LATER + millis(OVERLAP) * 1000)
    else:
        await checkpoints.note([Missed(THREAD, then)])
    await checkpoints.read(gap, SESSION, threads)
    assert await raw.zscore(at(READ_FIRST_KEY), SESSION) is not None
    again, left = await checkpoints.unread()
    assert left == [ToRead(THREAD, Micros(after))]
    await checkpoints.read(again, SESSION, left)
    assert (await checkpoints.unread())[1] == []
    assert not await checkpoints.let_go(again)
    assert await raw.hkeys(at(HEARD_KEY)) == []
    assert await raw.zscore(at(READ_FIRST_KEY), SESSION) is None


async def test_mail_waits_for_a_thread_no_longer_than_its_time(store: Store, raw: Redis) -> None:
    """A thread that Slack never shows must not hold up Devin's mail for ever."""
    await Links(store, WITHIN).create(
        THREAD, Link(session=SESSION, by=UserId("U0ADA"), linked_at=1)
    )
    mailbox = Mailbox(store, WITHIN)
    reply = Reply(thread=THREAD, ts="1764000002.000100", author=UserId("U0ADA"), text="hello")
    await Checkpoints(store, WITHIN, "token").note([Missed(THREAD, Micros(1_764_000_001_000_000))])
    await mailbox.accept(reply, SESSION, timedelta(0))
    step = await mailbox.take(SESSION, "token")
    assert isinstance(step, Later)
    assert step.after <= keep.READ_FIRST.total_seconds()
    await raw.hincrby(at(subject_key(reply.id)), "accepted", -millis(keep.READ_FIRST))
    await raw.zadd(at(DUE_KEY), {SESSION: 1})
    assert isinstance(await mailbox.take(SESSION, "token"), Head)


async def test_a_take_that_is_sent_twice_goes_on_with_its_reply_though_others_are_missing(
    store: Store,
) -> None:
    """The answer to the first was lost, and a thread was missed since; the reply is still ours."""
    await Links(store, WITHIN).create(
        THREAD, Link(session=SESSION, by=UserId("U0ADA"), linked_at=1)
    )
    mailbox = Mailbox(store, WITHIN)
    reply = Reply(thread=THREAD, ts="1764000002.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, SESSION, timedelta(0))
    assert isinstance(await mailbox.take(SESSION, "token"), Head)
    await Checkpoints(store, WITHIN, "token").note([Missed(THREAD, Micros(1_764_000_001_000_000))])
    again = await mailbox.take(SESSION, "token")
    assert isinstance(again, Head)
    assert not again.interrupted


async def test_a_gap_that_began_while_one_was_read_is_not_over(store: Store, raw: Redis) -> None:
    """Mail goes on waiting for it, and whoever has read the first one is told."""
    link = Link(session=SESSION, by=UserId("U0ADA"), linked_at=1)
    await Links(store, WITHIN).create(THREAD, link)
    checkpoints = Checkpoints(store, WITHIN, "token")
    await checkpoints.note([Missed(THREAD, Micros(1_764_000_002_000_000))])
    gap, _ = await checkpoints.unread()
    await checkpoints.note([Missed(THREAD, Micros(1_764_000_001_000_000))])
    assert await checkpoints.let_go(gap)
    assert await raw.zscore(at(READ_FIRST_KEY), SESSION) is not None


async def test_a_gap_elsewhere_holds_up_no_mail_of_a_session_that_was_read(
    store: Store, raw: Redis
) -> None:
    """Each link begins a gap, also while the backfill reads other threads."""
    links, other = Links(store, WITHIN), THREAD.model_copy(update={"channel": "C0OTHER"})
    for thread, session in ((THREAD, SESSION), (other, SessionId("devin-1"))):
        await links.create(thread, Link(session=session, by=UserId("U0ADA"), linked_at=1))
    checkpoints, mailbox = Checkpoints(store, WITHIN, "token"), Mailbox(store, WITHIN)
    await checkpoints.note([Missed(THREAD, Micros(1_764_000_001_000_000))])
    gap, threads = await checkpoints.unread()
    reply = Reply(thread=THREAD, ts="1764000002.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, SESSION, timedelta(0))
    assert isinstance(await mailbox.take(SESSION, "token"), Later)
    await checkpoints.note([Missed(other, Micros(1_764_000_003_000_000))])
    assert await checkpoints.read(gap, SESSION, threads)
    assert await raw.zscore(at(READ_FIRST_KEY), SESSION) is None
    assert isinstance(await mailbox.take(SESSION, "token"), Head)
    assert await raw.zscore(at(READ_FIRST_KEY), "devin-1") is not None


async def test_a_muted_thread_is_not_read(store: Store) -> None:
    """Nothing in it is for Devin, and no mail waits for it."""
    link = Link(session=SESSION, by=UserId("U0ADA"), linked_at=1, muted=True)
    await Links(store, WITHIN).create(THREAD, link)
    checkpoints = Checkpoints(store, WITHIN, "token")
    await checkpoints.note([Missed(THREAD, Micros(1_764_000_001_000_000))])
    assert await checkpoints.unread() == ("", [])


async def test_where_nothing_is_linked_only_what_is_for_the_bot_is_missed(store: Store) -> None:
    """Somebody waits for the bot's answer there; everything else is talk of others."""
    checkpoints = Checkpoints(store, WITHIN, "token")
    await checkpoints.note([Missed(THREAD, Micros(2))])
    assert await checkpoints.unread() == ("", [])
    await checkpoints.note([Missed(THREAD, Micros(2), is_for_bot=True)])
    gap, threads = await checkpoints.unread()
    assert gap
    assert threads == [ToRead(THREAD, Micros(1))]


async def test_what_is_for_the_bot_is_read_also_from_before_the_link(store: Store) -> None:
    """Somebody waits for an answer to it; other words from before are talk among people."""
    link = Link(session=SESSION, by=UserId("U0ADA"), linked_at=1, since=Micros(9))
    await Links(store, WITHIN).create(THREAD, link)
    checkpoints = Checkpoints(store, WITHIN, "token")
    for is_for_bot, after in ((False, 9), (True, 4)):
        await checkpoints.note([Missed(THREAD, Micros(5), is_for_bot=is_for_bot)])
        assert (await checkpoints.unread())[1] == [ToRead(THREAD, Micros(after))]


KEPT = Micros(1_764_000_000_000_000)
"""Until then everything was kept, before a process started."""


async def started_between(
    store: Store, raw: Redis, *, refused_before: bool = True
) -> tuple[Checkpoints, SessionId]:
    """Let a process start while mail of two sessions comes, and an event of one is refused."""
    links, mailbox, other = Links(store, WITHIN), Mailbox(store, WITHIN), SessionId("devin-1")
    checkpoints = Checkpoints(store, WITHIN, "token")
    await checkpoints.kept(KEPT)
    refused = THREAD.model_copy(update={"channel": "C0OTHER"})
    missed = [Missed(refused, KEPT - 9)]
    for thread, session in ((THREAD, SESSION), (refused, other)):
        await links.create(thread, Link(session=session, by=UserId("U0ADA"), linked_at=1))
    if refused_before:
        await checkpoints.note(missed)
    await checkpoints.note_all(is_start=True)
    if not refused_before:
        await checkpoints.note(missed)
    for thread, session in ((THREAD, SESSION), (refused, other)):
        reply = Reply(thread=thread, ts="1764000002.000100", author=UserId("U0ADA"), text="hello")
        await mailbox.accept(reply, session, timedelta(0))
        assert isinstance(await mailbox.take(session, "token"), Later)
    assert await raw.zcard(at(READ_FIRST_KEY)) == 2
    return checkpoints, other


@pytest.mark.parametrize("refused_before", [True, False])
async def test_mail_waits_for_no_start_if_another_process_has_heard_everything(
    store: Store,
    raw: Redis,
    refused_before: bool,  # noqa: FBT001  (a case)
) -> None:
    """Where an event was refused as well, it goes on waiting. All threads stay to be read."""
    checkpoints, other = await started_between(store, raw, refused_before=refused_before)
    await checkpoints.look()
    assert checkpoints.unheard == KEPT
    assert await checkpoints.pass_started(KEPT) == [SESSION]
    mailbox = Mailbox(store, WITHIN)
    assert isinstance(await mailbox.take(SESSION, "token"), Head)
    assert isinstance(await mailbox.take(other, "token"), Later)
    assert len((await checkpoints.unread())[1]) == 2
    await checkpoints.look()
    assert checkpoints.unheard is None
    assert await checkpoints.pass_started(KEPT) == []


async def test_who_heard_only_what_came_later_lets_no_mail_go_on(store: Store, raw: Redis) -> None:
    """Of two starts, the one counts before which less was kept, until all is read."""
    checkpoints, _ = await started_between(store, raw)
    assert await checkpoints.pass_started(KEPT + 1) == []
    await checkpoints.kept(KEPT + 2)
    await checkpoints.note_all(is_start=True)
    assert await checkpoints.pass_started(KEPT + 1) == []
    assert await raw.zcard(at(READ_FIRST_KEY)) == 2


async def test_only_mail_behind_what_a_start_may_have_missed_waits(
    store: Store, raw: Redis
) -> None:
    """All was kept until a moment before the checkpoint, but for what is noted by itself."""
    checkpoints, _ = await started_between(store, raw)
    kept = {one.thread: one.kept for one in (await checkpoints.unread())[1]}
    assert sorted(kept.values()) == [Micros(0), KEPT - millis(DISORDER) * 1000]
    assert kept[THREAD]
    await checkpoints.pass_started(KEPT)
    assert not any(one.kept for one in (await checkpoints.unread())[1])


async def test_a_lost_connection_is_no_start(store: Store, raw: Redis) -> None:
    """What it swallowed is with no other process, so mail waits, also if one starts then."""
    await Links(store, WITHIN).create(
        THREAD, Link(session=SESSION, by=UserId("U0ADA"), linked_at=1)
    )
    checkpoints = Checkpoints(store, WITHIN, "token")
    await checkpoints.kept(KEPT)
    await checkpoints.note_all()
    await checkpoints.look()
    assert checkpoints.unheard is None
    await checkpoints.note_all(is_start=True)
    assert await checkpoints.pass_started(KEPT) == []
    assert await raw.zcard(at(READ_FIRST_KEY)) == 1


async def test_a_thread_that_was_read_is_held_by_no_earlier_refusal(
    store: Store, raw: Redis
) -> None:
    """What was refused before that is found, so only the next start is in doubt."""
    checkpoints, _ = await started_between(store, raw)
    gap, threads = await checkpoints.unread()
    for one in threads:
        session = SESSION if one.thread == THREAD else SessionId("devin-1")
        await checkpoints.read(gap, session, [one])
    await checkpoints.note_all(is_start=True)
    assert await raw.zcard(at(READ_FIRST_KEY)) == 2
    await checkpoints.pass_started(KEPT)
    assert await raw.zcard(at(READ_FIRST_KEY)) == 0


class Slack:
    """Slack's time, which is set."""

    def __init__(self) -> None:
        self.now = KEPT - 60_000_000


SECOND = 1_000_000


BREAKS: dict[str, Callable[[Listening], object]] = {
    "none": bool,
    "was greeted late": Listening.greeted,
    "missed something": Listening.missed,
    "refused an event": lambda one: one.refused(Missed(THREAD, KEPT + SECOND)),
}


@pytest.mark.parametrize("case", BREAKS)
async def test_a_process_has_heard_everything_only_without_a_break(
    store: Store, raw: Redis, case: str
) -> None:
    """It heard since before, and keeps an event that was written after it found the start."""
    slack, checkpoints = Slack(), Checkpoints(store, WITHIN, "token")
    process = Listening(checkpoints, slack)
    process.greeted()
    await process.note()
    gap, _ = await checkpoints.unread()
    await checkpoints.let_go(gap)
    slack.now = KEPT + 10 * SECOND
    BREAKS[case](process)
    await started_between(store, raw)
    process.kept(slack.now)
    await checkpoints.look()
    assert await process.pass_started() == []
    assert await process.pass_started() == []
    slack.now = KEPT + 20 * SECOND
    process.kept(slack.now)
    assert len(await process.pass_started()) == (case == "none")
