"""What is due and done by nobody is begun by a process with capacity."""

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.redis.connection import Store, open_store
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, lease_key
from bot.runtime.in_flight import Background, InFlight
from bot.schedule import (
    MOST_ENTRIES,
    REFILL_SECONDS,
    SESSIONS_FOR_EACH_LANE,
    LocalDispatch,
    WorkPoll,
)
from bot.store.outbox import Owed, OwedKind
from bot.timing import TIMING
from tests.support.keys import at
from tests.support.processes import free_port
from tests.support.schedules import Outcomes
from tests.support.waiting import wait_until

LANES = 2
FOUND, NOTHING = TIMING.poll_pause, 2 * TIMING.poll_pause
"""The pauses after a poll that has found work, and after one that has not."""

CAPACITY = LANES * SESSIONS_FOR_EACH_LANE
REPORT = Owed(ReplyId("T0:C0:1764000000.000100"), 1, OwedKind.OUTCOME)
SESSIONS = [SessionId(f"devin-{number:012x}") for number in range(2 * CAPACITY)]


class Process:
    """A process with two lanes, whose deliveries end when the test says so."""

    def __init__(self, store: Store) -> None:
        self.in_flight = InFlight()
        self.dispatch = LocalDispatch(Background(self.in_flight), LANES)
        self.poll = WorkPoll(store, self.dispatch)
        self.begun: list[SessionId] = []
        self.told: list[Owed] = []
        self.over = asyncio.Event()
        tellers = {OwedKind.OUTCOME.value: Outcomes()}
        self.dispatch.serve(self._deliver, self._tell, tellers)

    async def _deliver(self, session: SessionId) -> None:
        self.begun.append(session)
        await self.over.wait()

    async def _tell(self, owed: Owed, _: int) -> None:
        self.told.append(owed)


async def due(raw: Redis, *sessions: SessionId) -> None:
    """Make mail due long ago, in this order."""
    await raw.zadd(at(DUE_KEY), {session: number for number, session in enumerate(sessions)})
    await raw.expire(at(DUE_KEY), 60)


async def test_a_process_takes_as_much_as_it_has_capacity_for(store: Store, raw: Redis) -> None:
    """The longest due comes first; the rest is left for others."""
    one, other = Process(store), Process(store)
    await due(raw, *SESSIONS)
    assert await one.poll.once() == REFILL_SECONDS
    await wait_until(lambda: one.begun == SESSIONS[:LANES], "its lanes are taken")
    assert one.dispatch.capacity == 0
    assert await one.poll.once() == REFILL_SECONDS, "it has no capacity for more"
    await raw.zrem(at(DUE_KEY), *SESSIONS[:CAPACITY])
    assert await other.poll.once() == REFILL_SECONDS
    await wait_until(
        lambda: other.begun == SESSIONS[CAPACITY : CAPACITY + LANES], "another goes on"
    )


async def test_mail_under_a_lease_or_not_due_yet_is_left_alone(store: Store, raw: Redis) -> None:
    """The holder delivers it, or its lease expires."""
    process = Process(store)
    held, later = SESSIONS[:2]
    await due(raw, held)
    await raw.zadd(at(DUE_KEY), {later: 2**50})
    await raw.set(at(lease_key(held)), "token", px=60_000)
    assert await process.poll.once() == NOTHING


async def test_an_entry_that_nobody_tells_is_told(store: Store, raw: Redis) -> None:
    """It was left by a process that died, or by one that ended before its time."""
    process = Process(store)
    await raw.zadd(at(OUTBOX_KEY), {str(REPORT): 0})
    await raw.expire(at(OUTBOX_KEY), 60)
    assert await process.poll.once() == FOUND
    await wait_until(lambda: process.told == [REPORT], "it is told")


async def test_an_entry_of_a_newer_release_is_left_alone(
    store: Store, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """During an upgrade, or after a roll-back, everything else goes on, whatever there is of it."""
    process = Process(store)
    newer = {f"T0:C0:1764000000.{number:06}|1|poem": 0 for number in range(3 * MOST_ENTRIES)}
    await raw.zadd(at(OUTBOX_KEY), {**newer, str(REPORT): 1})
    await raw.expire(at(OUTBOX_KEY), 60)
    for _ in range(4):
        await process.poll.once()
    await wait_until(lambda: REPORT in process.told, "what this release knows is told")
    assert await raw.zcard(at(OUTBOX_KEY)) == len(newer) + 1
    (line,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert (line.message, getattr(line, "kinds", [])) == ("reports of unknown kinds", ["poem"])


async def test_a_process_that_ends_takes_no_mail(store: Store, raw: Redis) -> None:
    """It would not be able to finish it."""
    process = Process(store)
    process.in_flight.is_closing = True
    await due(raw, *SESSIONS)
    await process.poll.once()
    assert await raw.zcard(at(DUE_KEY)) == len(SESSIONS)
    assert process.begun == []


async def test_a_poll_waits_out_an_outage() -> None:
    """Nothing is lost: what is due stays due."""
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as away:
        assert await Process(away).poll.once() == NOTHING


async def test_what_waits_here_is_not_found_again(store: Store, raw: Redis) -> None:
    """It is begun once there is capacity; the capacity that is left is for others."""
    process = Process(store)
    await due(raw, *SESSIONS[: CAPACITY - 1])
    assert await process.poll.once() == FOUND
    await wait_until(lambda: len(process.begun) == LANES, "its lanes are taken")
    assert process.dispatch.waiting == CAPACITY - 1 - LANES
    await raw.zrem(at(DUE_KEY), *SESSIONS[:LANES])  # as if under a lease
    assert await process.poll.once() == NOTHING
    await raw.zadd(at(DUE_KEY), {SESSIONS[-1]: CAPACITY})
    assert await process.poll.once() == REFILL_SECONDS
    assert process.dispatch.is_waiting(SESSIONS[-1])
