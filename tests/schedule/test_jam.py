"""Sessions beyond what Devin takes at once wait, and nothing else waits for them."""

import asyncio
import logging
from datetime import timedelta
from functools import partial

import pytest
from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, OUTBOX_KEY
from bot.runtime.in_flight import InFlight
from bot.schedule import NAMED
from bot.settings import Settings
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import MANY, Owed, OwedKind
from bot.wording.delivery_reports import WAITING_MARK
from tests.support.bots import open_bot
from tests.support.desk import Desk, key_of
from tests.support.entries import linked
from tests.support.keys import at
from tests.support.told import suspended
from tests.support.waiting import until_settled, wait_until

LANES = 4
SESSIONS = 30
MARKS = 40
TTL = timedelta(days=1)
NONE = timedelta(0)
LONG = timedelta(hours=1)
UNDELIVERED = "mail was not being delivered"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a bot that sends few messages at once, and may read many sessions."""
    return environ | {"DELIVERY_CONCURRENCY": str(LANES), "DEVIN_READS": "100000"}


async def thread_of(
    desk: Desk, store: Store, session: SessionId, until: asyncio.Event | None = None
) -> ThreadRef:
    """Return a linked thread that the bot has not heard of; Devin answers at `until`."""
    desk.devin.add_session(session)
    desk.devin.behave(session, "running", until=until)
    root = await desk.slack.say("Shall we ship it?", deliver=False)
    channel = desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=desk.slack.team_id, channel=channel, thread_ts=root)
    by = UserId(desk.slack.workspace.user("ada").id)
    await linked(store, thread, Link(session=session, by=by, linked_at=1), TTL)
    return thread


async def accepted(
    desk: Desk, store: Store, thread: ThreadRef, session: SessionId, *texts: str
) -> list[Reply]:
    """Accept replies in the thread for a process that died before it woke the session."""
    author, replies = UserId(desk.slack.workspace.user("ada").id), []
    for text in texts:
        ts = await desk.slack.say(text, thread=thread.thread_ts, deliver=False)
        replies.append(Reply(thread=thread, ts=ts, author=author, text=text))
        await Mailbox(store, TTL).accept(replies[-1], session, NONE)
    return replies


async def abandoned(
    desk: Desk,
    store: Store,
    raw: Redis,
    number: int,
    *texts: str,
    until: asyncio.Event | None = None,
) -> list[SessionId]:
    """Create sessions whose mail has been due for long, and that nobody delivers."""
    ids = [SessionId(f"devin-{one:032x}") for one in range(number)]
    for session in ids:
        thread = await thread_of(desk, store, session, until)
        await accepted(desk, store, thread, session, *texts)
    await raw.zadd(at(DUE_KEY), {str(session): number for number, session in enumerate(ids)})
    return ids


async def taken(store: Store, session: SessionId) -> Head:
    """Take the session's first reply in a process of the test."""
    step = await Mailbox(store, TTL).take(session, "token")
    assert isinstance(step, Head)
    return step


async def deferred(desk: Desk, store: Store) -> Reply:
    """Return a reply that waits for Devin for long, and whose notice is not due yet."""
    waiting = SessionId("devin-aaaaaaaaaaaa")
    (late,) = await accepted(desk, store, await thread_of(desk, store, waiting), waiting, "late")
    await Mailbox(store, TTL).defer(waiting, "token", await taken(store, waiting), LONG, LONG)
    return late


async def is_due_now(raw: Redis, owed: Owed) -> None:
    """Make an entry of the outbox overdue, as one whose process died long ago."""
    await raw.zadd(at(OUTBOX_KEY), {str(owed): 0})
    await raw.expire(at(OUTBOX_KEY), 600)


async def test_what_waits_for_devin_holds_up_no_timer_and_no_report(
    settings: Settings, desk: Desk, store: Store, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not matter how many sessions wait; everything is sent in the end."""
    caplog.set_level(logging.INFO)
    over, asleep = asyncio.Event(), SessionId("devin-bbbbbbbbbbbb")
    noticed = await deferred(desk, store)
    thread = await thread_of(desk, store, asleep)
    (told,) = await accepted(desk, store, thread, asleep, "asleep")
    report = Owed(told.id, 1, OwedKind.OUTCOME)
    outcome = Outcome(kind=OutcomeKind.SUSPENDED)
    head = await taken(store, asleep)
    await Mailbox(store, TTL).finish(asleep, "token", head, outcome, go_on=False)
    await raw.zrem(at(OUTBOX_KEY), str(report))
    sessions = await abandoned(desk, store, raw, SESSIONS, "First", "Second", until=over)
    async with open_bot(settings):
        await wait_until(lambda: desk.devin.in_flight == LANES, "all lanes are taken")
        await is_due_now(raw, Owed(noticed.id, 1, OwedKind.DELAY))
        await desk.until_marked(WAITING_MARK, noticed.ts)
        desk.slack.fail_next("chat.postMessage", retry_after=1)
        await is_due_now(raw, report)
        await desk.until_said(suspended("asleep"), thread.thread_ts)
        assert desk.devin.max_in_flight == LANES
        lines = [vars(one) for one in caplog.records if one.message == UNDELIVERED]
        assert max(one["sessions"] for one in lines) > NAMED
        assert max(len(one["session_ids"]) for one in lines) == NAMED, "a line names some of them"
        over.set()

        def all_is_sent() -> bool:
            return all(len(desk.received(session)) == 2 for session in sessions)

        await wait_until(all_is_sent, "all is sent")
    for session in sessions:
        read = [message.partition("\n\n")[2] for message in desk.received(session)]
        assert read == ["First", "Second"]


async def test_marks_that_hang_at_slack_hold_up_no_notice(
    settings: Settings, desk: Desk, store: Store, raw: Redis
) -> None:
    """What another process left behind does not wait behind them."""
    late, over = await deferred(desk, store), asyncio.Event()
    async with open_bot(settings):
        thread = await desk.linked_thread()
        desk.slack.fail_next("reactions.add", times=1_000, until=over)
        for number in range(MARKS):
            await desk.reply(f"Reply {number}", thread)
        await wait_until(lambda: len(desk.received()) == MARKS, "all are delivered")
        await is_due_now(raw, Owed(late.id, 1, OwedKind.DELAY))
        notice = str(Owed(late.id, 1, OwedKind.DELAY))
        told = partial(desk.posts, late.thread.thread_ts)
        await wait_until(lambda: notice in map(key_of, told()), "it is told to wait")
        begun = [call for call in desk.slack.calls if call.method == "reactions.add"]
        assert len(begun) < MARKS - MANY, "it did not wait behind them"
        desk.slack.fail_no_more()
        over.set()


async def test_a_process_that_ends_finishes_what_it_began_and_leaves_the_rest(
    settings: Settings, desk: Desk, store: Store, raw: Redis
) -> None:
    """It waits for Devin's answers and reports them; what is left stays due, for any process."""
    over, in_flight, leave = asyncio.Event(), InFlight(), asyncio.Event()
    sessions = await abandoned(desk, store, raw, LANES + 2, "Hello", until=over)

    async def run() -> None:
        async with open_bot(settings, in_flight=in_flight):
            await leave.wait()

    ending = asyncio.create_task(run())
    await wait_until(lambda: desk.devin.in_flight == LANES, "all lanes are taken")
    leave.set()
    await wait_until(lambda: in_flight.is_closing, "the process ends")
    assert not ending.done()
    over.set()
    await ending
    assert len(desk.devin.requests) == LANES
    assert await raw.zcard(at(DUE_KEY)) == 2
    marked = [call for call in desk.slack.calls if call.method == "reactions.add"]
    assert len(marked) == LANES, "people see how what was begun has ended"
    async with open_bot(settings):
        await until_settled(store)
    assert [len(desk.received(session)) for session in sessions] == [1] * (LANES + 2)
    assert len(desk.devin.requests) == LANES + 2
