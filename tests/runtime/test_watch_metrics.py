"""`/metrics` tells an operator how late threads are, what is watched, and what waits."""

import time
from datetime import timedelta

import pytest

from bot.app import Bot
from bot.model.people import UserId
from bot.model.sessions import Said, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.store.claims import Reads
from bot.store.links import Links
from bot.store.outbox import Outbox
from bot.store.state import measure
from bot.store.watches import Polled, Watches
from bot.store.words import BatchEnded, Words, words_owed
from sandbox.devin.answers import Read
from tests.runtime.test_operations import value
from tests.support.desk import SESSION, Desk, on_both, running
from tests.support.waiting import wait_until

TTL = timedelta(days=90)
LATER = timedelta(minutes=5)


def thread_of(number: int) -> ThreadRef:
    """Return the thread of one session of this page."""
    return ThreadRef(team="T0TEAM", channel="C0GENERAL", thread_ts=f"176400{number:04}.000100")


async def polled(
    store: Store, number: int, state: SessionState, *said: str, after: timedelta = LATER
) -> None:
    """Link a session, and record a poll of it that found this state and these words."""
    session, thread = SessionId(f"devin-{number:032x}"), thread_of(number)
    await Links(store, TTL).create(
        thread, Link(session=session, by=UserId("U0ADA"), linked_at=1764000000)
    )
    watches = Watches(store, TTL)
    (poll,) = (await watches.take(1, timedelta(0)))[0]
    items = [(thread, Said(id=text, text=text)) for text in said]
    seen = Watched(state=state, read_at=poll.began)
    assert await watches.record(poll, Polled(seen=seen, after=after, said=items)) is not None


async def test_sessions_are_counted_by_their_states(store: Store) -> None:
    """A session that was never read counts as unknown."""
    for number in range(3):
        await polled(store, number, SessionState.WAITING)
    await polled(store, 3, SessionState.WORKING)
    new = Link(session=SessionId("devin-0"), by=UserId("U0ADA"), linked_at=1764000000)
    await Links(store, TTL).create(thread_of(9), new)
    await measure(store)
    assert value("relay_sessions_watched", state="waiting") == 3
    assert value("relay_sessions_watched", state="working") == 1
    assert value("relay_sessions_watched", state="unknown") == 1
    assert value("relay_sessions_watched", state="other") == 0


async def test_a_measurement_of_very_many_sessions_is_bounded(store: Store) -> None:
    """Those beyond the limit are counted, and not opened."""
    for number in range(5):
        await polled(store, number, SessionState.WAITING)
    await measure(store, most=2)
    assert value("relay_sessions_watched", state="waiting") == 2
    assert value("relay_sessions_watched", state="other") == 3


async def test_a_session_that_nobody_looks_at_makes_the_watch_late(store: Store) -> None:
    """It is late from the moment when its look was due."""
    await polled(store, 0, SessionState.WAITING)
    await measure(store)
    assert value("relay_watch_late_seconds") == 0
    await polled(store, 1, SessionState.WORKING, after=timedelta(0))
    await wait_until(lambda: _is_late(store), "the session is overdue")


async def _is_late(store: Store) -> bool:
    await measure(store)
    return value("relay_watch_late_seconds") > 0


async def test_words_that_are_not_posted_are_counted_with_their_age(store: Store) -> None:
    """Their age counts from when they were read, also while they are tried again."""
    await polled(store, 0, SessionState.WAITING, "Done.", "Look.")
    await polled(store, 1, SessionState.WAITING, "Done, too.")
    outbox, owed = Outbox(store), words_owed(thread_of(0))
    begun = await outbox.begin(owed)
    assert begun is not None
    await wait_until(lambda: _has_age(store), "they have waited")
    assert value("relay_words_waiting") == 2
    words = Words(store)
    assert await words.cut(begun, thread_of(0), "") is not None
    assert not await BatchEnded().settle(store, begun)
    await measure(store)
    assert value("relay_words_waiting") == 1


async def _has_age(store: Store) -> bool:
    await measure(store)
    return value("relay_words_oldest_seconds") > 0


@on_both
async def test_each_message_that_is_posted_is_counted_with_its_lag(bot: Bot, desk: Desk) -> None:
    """The lag is from Devin's time of the message, in a thread that follows each message."""
    posted, lags = value("relay_mirrored_total"), value("relay_mirror_lag_seconds_count")
    total = value("relay_mirror_lag_seconds_sum")
    await desk.linked_thread()
    desk.devin.say(SESSION, "One step is done.")
    await wait_until(lambda: value("relay_mirrored_total") == posted + 1, "it is counted")
    assert value("relay_mirror_lag_seconds_count") == lags + 1
    assert 0 <= value("relay_mirror_lag_seconds_sum") - total < 60


async def test_a_thread_that_follows_turns_has_no_lag(desk: Desk, environ: dict[str, str]) -> None:
    """It waits for the end of the turn on purpose."""
    posted, lags = value("relay_mirrored_total"), value("relay_mirror_lag_seconds_count")
    async with running(desk, environ, MIRROR="turns"):
        await desk.linked_thread()
        desk.devin.say(SESSION, "The task is done.")
        desk.devin.behave(SESSION, "finished")
        await wait_until(lambda: value("relay_mirrored_total") == posted + 1, "it is counted")
    assert value("relay_mirror_lag_seconds_count") == lags


@pytest.mark.parametrize(
    ("failure", "reason"), [((429, 0.1), "HTTP 429"), (404, "HTTP 404")], ids=["429", "404"]
)
async def test_a_list_that_devin_does_not_give_is_counted(
    bot: Bot, desk: Desk, failure: tuple[int, float] | int, reason: str
) -> None:
    """Its reason is Devin's; a wrong organization is not taken for a session that isn't there."""
    name = "relay_devin_reads_put_off_total"
    before = value(name, reason=reason)
    desk.devin.read_failures["sessions"].append(failure)
    await desk.linked_thread()
    await desk.linked_thread()
    await wait_until(lambda: value(name, reason=reason) > before, "it is counted")


@pytest.mark.parametrize("kind", ["sessions", "messages"])
@pytest.mark.parametrize(("failure", "seconds"), [(429, 30), ((429, 7), 7)], ids=["none", "7 s"])
async def test_a_limit_of_reads_stops_all_of_them_for_a_while(
    bot: Bot, desk: Desk, store: Store, kind: Read, failure: tuple[int, float] | int, seconds: int
) -> None:
    """Nobody documents that Devin says for how long; asked again at once, it would refuse more."""
    reads = Reads(store, 300)
    desk.devin.read_failures[kind].append(failure)
    await desk.linked_thread()

    async def is_paused() -> bool:
        _, wait = await reads.spend(0)
        return seconds - 5 < wait <= seconds

    await wait_until(is_paused, "no process reads")
    assert not desk.devin.read_failures[kind]


async def test_sessions_with_news_wait_for_the_budget_of_reads(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """Two reads at once, and one more each 7.5 s; the first is of their states."""
    for number in range(8):
        session = SessionId(f"devin-{number:032x}")
        desk.devin.add_session(session)
        link = Link(session=session, by=UserId("U0ADA"), linked_at=1764000000)
        await Links(store, TTL).create(thread_of(number), link)
    name, began = "relay_devin_reads_put_off_total", time.monotonic()
    before = value(name, reason="budget")
    async with running(desk, environ, DEVIN_READS="10"):
        await wait_until(lambda: value(name, reason="budget") >= before + 7, "some are put off")
    most = 2 + (time.monotonic() - began) / 7.5
    assert 1 <= desk.devin.reads_by_kind["messages"] <= most
