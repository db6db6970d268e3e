"""The scheduler works with real docket on a real Valkey."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from docket import Docket, Worker
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import StoreAway
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.owed import Owed, OwedKind
from bot.model.people import UserId
from bot.model.replies import Reply, ReplyId
from bot.model.schedule import BEAT_SECONDS
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import COMMAND_TIMEOUT_SECONDS, Store
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, Key
from bot.schedule.docket import (
    DOCKET_NAME,
    REDELIVERY,
    DocketSchedule,
    open_docket,
    open_worker,
)
from bot.settings import Settings
from bot.store.mailbox import Mailbox
from bot.store.turn import Head
from tests.conftest import started
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.keys import at
from tests.support.processes import kept_valkey
from tests.support.redis_servers import node_url
from tests.support.waiting import wait_until

ID = SessionId(SESSION)
SLACK_WAITS_SECONDS = 3
REPORT = Owed(ReplyId("T0:C0:1764000000.000100"), 1, OwedKind.OUTCOME)

Deliver = Callable[[str], Awaitable[None]]


@asynccontextmanager
async def working(url: str, deliver: Deliver, *, workers: int = 1) -> AsyncIterator[DocketSchedule]:
    """Run a schedule whose worker runs `deliver`, under the name of the bot's task."""

    async def named(session: str) -> None:
        await deliver(session)

    named.__name__ = "deliver"
    async with open_docket(url) as docket:
        docket.register(named)
        async with several(docket, workers):
            yield DocketSchedule(docket)


@asynccontextmanager
async def several(docket: Docket, workers: int) -> AsyncIterator[None]:
    """Run that many workers; leaving ends them after the tasks that are under way."""
    if not workers:
        yield
        return
    async with open_worker(docket) as worker, several(docket, workers - 1):
        task = asyncio.create_task(worker.run_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def knowing(docket: Docket) -> DocketSchedule:
    """A schedule that knows the tasks' names, without a worker."""

    async def deliver(_: str) -> None:
        pass

    async def report(_: str, attempt: int = 1) -> None:
        pass

    docket.register(deliver)
    docket.register(report)
    return DocketSchedule(docket)


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """A plain Redis client that returns bytes."""
    client = Redis.from_url(node_url(redis_url))
    yield client
    await client.aclose()


async def test_a_wake_up_for_now_is_not_lost_while_an_earlier_one_ends(redis_url: str) -> None:
    """The earlier one may have seen an empty mailbox: the new one runs beside it, or after it."""
    leave, runs = asyncio.Event(), list[str]()

    async def deliver(session: str) -> None:
        runs.append(session)
        await leave.wait()

    async with working(redis_url, deliver) as schedule:
        await schedule.wake(ID)
        await wait_until(lambda: len(runs) == 1, "the first run has begun")
        await schedule.wake(ID)
        await wait_until(lambda: len(runs) == 2, "the second wake-up has its run")
        leave.set()


async def test_wake_ups_for_later_are_one(redis_url: str) -> None:
    """Requests for the same moment share one run, with one for each beat that passes meanwhile."""
    runs = list[float]()

    async def deliver(_: str) -> None:
        runs.append(time.time())

    async with working(redis_url, deliver, workers=2) as schedule:
        asked = time.time()
        for _ in range(20):
            await schedule.wake(ID, 0.3)
        beats = math.ceil((time.time() - asked) / BEAT_SECONDS) + 1
        await wait_until(lambda: runs, "the wake-up comes")
        await schedule.wake(ID, 0.01)
        await wait_until(lambda: runs[-1] > runs[0] + 0.001, "a wake-up after it is another")
    assert len(runs) <= beats + 1
    assert runs[0] - asked >= 0.3


async def test_a_run_can_ask_for_its_own_successor(redis_url: str) -> None:
    """This holds however soon it is: a key equal to the running task's would be dropped."""
    runs = 0

    async def deliver(session: str) -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            await schedule.wake(SessionId(session), 0.001)

    async with working(redis_url, deliver) as schedule:
        await schedule.wake(ID)
        await wait_until(lambda: runs == 4, "each run is followed by the next")


async def test_sessions_are_woken_beside_each_other(redis_url: str) -> None:
    """A slow one does not keep another waiting."""
    leave, runs = asyncio.Event(), set[str]()

    async def deliver(session: str) -> None:
        runs.add(session)
        if session == SESSION:
            await leave.wait()

    async with working(redis_url, deliver) as schedule:
        await schedule.wake(ID)
        await wait_until(lambda: SESSION in runs, "the slow one runs")
        await schedule.wake(SessionId(OTHER_SESSION))
        await wait_until(lambda: OTHER_SESSION in runs, "the other one runs, too")
        leave.set()


async def test_leaving_waits_for_the_tasks_that_are_under_way(redis_url: str) -> None:
    """A delivery is not cut off in the middle."""
    begun, finished = asyncio.Event(), asyncio.Event()

    async def deliver(_: str) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        finished.set()

    async with working(redis_url, deliver) as schedule:
        await schedule.wake(ID)
        await begun.wait()
    assert finished.is_set()


async def test_a_report_is_scheduled_once_for_each_attempt(redis_url: str, raw: Redis) -> None:
    """The delivery and the sweep both request it, and it runs once."""
    async with open_docket(redis_url) as docket:
        schedule = knowing(docket)
        for _ in range(5):
            await schedule.tell(REPORT, 60)
        await schedule.tell(REPORT, 60, attempt=2)
        assert await raw.zcard(docket.queue_key) == 2


async def test_redis_away_is_a_passing_error() -> None:
    """A caller must learn that nothing was scheduled."""
    async with open_docket("redis://127.0.0.1:1/0") as docket:
        schedule = knowing(docket)
        for attempt in (schedule.wake(ID), schedule.wake(ID, 5), schedule.tell(REPORT)):
            with pytest.raises(StoreAway):
                await attempt


async def test_a_redis_that_hangs_is_away(tmp_path: Path) -> None:
    """A caller that waits for it must answer Slack within 3 s."""
    async with kept_valkey(tmp_path / "valkey") as valkey, open_docket(valkey.url) as docket:
        schedule = knowing(docket)
        await schedule.wake(ID, 60)
        valkey.freeze()
        with pytest.raises(StoreAway):
            await schedule.wake(SessionId(OTHER_SESSION), 60)
        valkey.thaw()
    assert COMMAND_TIMEOUT_SECONDS < SLACK_WAITS_SECONDS


async def test_the_settings_of_the_worker_suit_our_tasks(redis_url: str) -> None:
    """A dead worker's tasks are taken by another, and nothing is kept of those that are done."""
    async with open_docket(redis_url) as docket, open_worker(docket) as worker:
        assert isinstance(worker, Worker)
        assert worker.redelivery_timeout == REDELIVERY
        assert docket.execution_ttl == timedelta(0)


async def test_no_words_of_people_are_in_a_task(settings: Settings, desk: Desk, raw: Redis) -> None:
    """Docket pickles its arguments, so they are ids; text is only in the relay's own JSON."""
    await raw.config_set("rdbcompression", "no")
    desk.devin.behave(SESSION, "rate_limited", retry_after=3600)
    async with started(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.reply("xyzzy", thread)
        await wait_until(lambda: desk.devin.requests, "Devin was asked")
    assert await has(raw, f"*{DOCKET_NAME}", SESSION), "the process has passed the wake-up on"
    assert not await has(raw, f"*{DOCKET_NAME}", "xyzzy")
    assert await has(raw, at(Key("")), "xyzzy")


async def test_the_sweep_finds_what_was_lost(
    bot: Bot, desk: Desk, store: Store, raw: Redis
) -> None:
    """If a process dies between a step and its scheduling, the sweep recovers within seconds."""
    thread = await desk.linked_thread()
    mailbox = Mailbox(store, timedelta(days=1))
    unreported, unsent = [
        Reply(
            thread=ThreadRef(
                team=desk.slack.team_id,
                channel=desk.slack.workspace.channel("general").id,
                thread_ts=thread,
            ),
            ts=await desk.slack.say(text, thread=thread, deliver=False),
            author=UserId(desk.slack.workspace.user("ada").id),
            text=text,
        )
        for text in ("one", "two")
    ]
    await mailbox.accept(unreported, ID, timedelta(0))
    head = await mailbox.take(ID, "gone")
    assert isinstance(head, Head)
    delivered = Outcome(kind=OutcomeKind.DELIVERED, status=200)
    await mailbox.finish(ID, "gone", head, delivered, go_on=False)
    await mailbox.accept(unsent, ID, timedelta(0))
    report = str(Owed(unreported.id, 1, OwedKind.OUTCOME))
    await raw.zadd(at(DUE_KEY), {ID: 0})
    await raw.zadd(at(OUTBOX_KEY), {report: 0})
    await desk.until_received("two")
    await desk.until_marked("white_check_mark", unreported.ts)
    await desk.until_marked("white_check_mark", unsent.ts)


async def has(raw: Redis, prefix: str, words: str) -> bool:
    """Return True if any key of that prefix holds `words`, in any type or encoding."""
    async for key in raw.scan_iter(f"{prefix}*", count=1000):
        dumped = await raw.dump(key)
        if words.encode() in bytes(dumped or b"") or words.encode() in bytes(key):
            return True
    return False
