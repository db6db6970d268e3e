"""Sessions beyond what Devin takes at once wait, and nothing else waits for them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from docket import Docket
from redis.asyncio import Redis

from bot.app import Bot, open_bot
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.owed import Owed, OwedKind
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, SWEEP_KEY
from bot.runtime.in_flight import InFlight
from bot.schedule.docket import DocketSchedule, open_docket
from bot.schedule.local import MANY_AT_ONCE
from bot.schedule.sweep import NAMED, SWEEP_LIMIT
from bot.settings import Settings
from bot.store.mailbox import Mailbox
from bot.store.turn import Head
from tests.conftest import started
from tests.support.desk import Desk, key_of
from tests.support.entries import linked
from tests.support.keys import at
from tests.support.told import suspended
from tests.support.waiting import until_settled, wait_until

SLOTS = 4
SESSIONS = 100
MARKS = 40
TTL = timedelta(days=1)
NONE = timedelta(0)
LONG = timedelta(hours=1)


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a bot that sends few messages at once, and may read many sessions."""
    return environ | {"DELIVERY_CONCURRENCY": str(SLOTS), "DEVIN_READS": "100000"}


@pytest.fixture
async def docket(redis_url: str) -> AsyncIterator[Docket]:
    """The scheduler's tasks by name, to schedule them as another process would."""

    async def deliver(_: str) -> None:
        pass

    async def report(_: str, attempt: int = 1) -> None:
        pass

    async def sweep() -> None:
        pass

    async with open_docket(redis_url) as docket:
        for task in (deliver, report, sweep):
            docket.register(task)
        yield docket


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
    await linked(store, thread, Link(session=session, by=by, at=1), TTL)
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


async def test_what_waits_for_devin_holds_up_no_timer_no_report_and_no_sweep(
    bot: Bot,
    desk: Desk,
    store: Store,
    raw: Redis,
    docket: Docket,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It does not matter how many sessions wait or are woken; everything is sent in the end."""
    over, schedule = asyncio.Event(), DocketSchedule(docket)
    waiting = SessionId("devin-aaaaaaaaaaaa")
    noticed = await accepted(desk, store, await thread_of(desk, store, waiting), waiting, "late")
    await Mailbox(store, TTL).defer(waiting, "token", await taken(store, waiting), LONG, LONG)
    asleep = SessionId("devin-bbbbbbbbbbbb")
    thread = await thread_of(desk, store, asleep)
    (told,) = await accepted(desk, store, thread, asleep, "asleep")
    sessions = await abandoned(desk, store, raw, SESSIONS, "First", "Second", until=over)
    for session in sessions * 3:
        await schedule.wake(session)
    await wait_until(lambda: desk.devin.in_flight == SLOTS, "all slots are taken")

    async def is_empty() -> bool:
        return await raw.xlen(docket.stream_key) == 0

    await wait_until(is_empty, "docket's slots are free")
    await schedule.tell(Owed(noticed[0].id, 1, OwedKind.DELAY), 0.1)
    await desk.until_marked("hourglass_flowing_sand", noticed[0].ts)

    desk.slack.fail_next("chat.postMessage", retry_after=1)
    outcome = Outcome(kind=OutcomeKind.SUSPENDED, state=SessionState.SUSPENDED)
    head = await taken(store, asleep)
    await Mailbox(store, TTL).finish(asleep, "token", head, outcome, go_on=False)
    await raw.zadd(at(OUTBOX_KEY), {str(Owed(told.id, 1, OwedKind.OUTCOME)): 0})
    await desk.until_said(suspended("asleep"), thread.thread_ts)
    assert await raw.xlen(docket.stream_key) <= SWEEP_LIMIT
    assert desk.devin.max_in_flight == SLOTS
    swept = [vars(one) for one in caplog.records if one.message == "mail was not being delivered"]
    assert max(one["sessions"] for one in swept) > NAMED
    assert max(len(one["session_ids"]) for one in swept) == NAMED, "a line a sweep, not a session"

    over.set()
    await raw.zadd(at(DUE_KEY), {waiting: 0})

    def all_is_sent() -> bool:
        return all(len(desk.received(session)) == 2 for session in sessions)

    await wait_until(all_is_sent, "all is sent")
    for session in sessions:
        read = [message.partition("\n\n")[2] for message in desk.received(session)]
        assert read == ["First", "Second"]


async def test_marks_that_hang_at_slack_hold_up_no_timer(
    bot: Bot, desk: Desk, store: Store, docket: Docket
) -> None:
    """Work that docket brings does not wait behind them."""
    waiting = SessionId("devin-aaaaaaaaaaaa")
    (late,) = await accepted(desk, store, await thread_of(desk, store, waiting), waiting, "late")
    await Mailbox(store, TTL).defer(waiting, "token", await taken(store, waiting), LONG, LONG)
    over, thread = asyncio.Event(), await desk.linked_thread()
    desk.slack.fail_next("reactions.add", times=1_000, until=over)
    for number in range(MARKS):
        await desk.reply(f"Reply {number}", thread)
    await wait_until(lambda: len(desk.received()) == MARKS, "all are delivered")
    await DocketSchedule(docket).tell(Owed(late.id, 1, OwedKind.DELAY), 0.1)
    notice = str(Owed(late.id, 1, OwedKind.DELAY))
    told = partial(desk.posts, late.thread.thread_ts)
    await wait_until(lambda: notice in map(key_of, told()), "it is told to wait")
    begun = [call for call in desk.slack.calls if call.method == "reactions.add"]
    assert len(begun) < MARKS - MANY_AT_ONCE, "it did not wait for its turn behind them"
    desk.slack.fail_no_more()
    over.set()


async def test_one_sweep_is_enough_to_begin_with_all_that_is_due(
    settings: Settings, desk: Desk, store: Store, raw: Redis, docket: Docket
) -> None:
    """A process that has room looks for more on its own, and no slot waits for the next sweep."""
    sessions = await abandoned(desk, store, raw, 3 * SWEEP_LIMIT, "Hello")
    settings = settings.model_copy(update={"catch_up": NONE})  # otherwise mail waits for that
    async with started(settings):
        await wait_until(lambda: desk.devin.requests, "the sweep has begun")
        await raw.set(at(SWEEP_KEY), 1, ex=600)  # as if another process swept, for long
        await until_settled(store)
    assert [len(desk.received(session)) for session in sessions] == [1] * len(sessions)


async def test_what_docket_has_brought_is_finished_or_passed_on_before_the_process_ends(
    settings: Settings, desk: Desk, store: Store, raw: Redis, docket: Docket
) -> None:
    """It waits for Devin's answers, tells reports meanwhile, and passes on the rest."""
    over, in_flight, leave = asyncio.Event(), InFlight(), asyncio.Event()
    waiting, schedule = SessionId("devin-aaaaaaaaaaaa"), DocketSchedule(docket)
    (late,) = await accepted(desk, store, await thread_of(desk, store, waiting), waiting, "late")
    await Mailbox(store, TTL).defer(waiting, "token", await taken(store, waiting), LONG, LONG)
    sessions = await abandoned(desk, store, raw, SLOTS + 2, "Hello", until=over)

    async def run() -> None:
        async with open_bot(settings, in_flight=in_flight):
            await leave.wait()

    ending = asyncio.create_task(run())
    for session in sessions:
        await schedule.wake(session)
    await wait_until(lambda: desk.devin.in_flight == SLOTS, "all slots are taken")
    leave.set()
    await wait_until(lambda: in_flight.is_closing, "the process ends")
    await schedule.tell(Owed(late.id, 1, OwedKind.DELAY), 0.1)
    await desk.until_marked("hourglass_flowing_sand", late.ts)
    assert not ending.done()
    over.set()
    await ending
    assert len(desk.devin.requests) == SLOTS
    assert await raw.zcard(at(DUE_KEY)) == 3
    await raw.zadd(at(DUE_KEY), {waiting: 0})
    async with started(settings):
        await until_settled(store)
    assert [len(desk.received(session)) for session in (*sessions, waiting)] == [1] * (SLOTS + 3)
    assert len(desk.devin.requests) == SLOTS + 3
