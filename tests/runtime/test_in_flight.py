"""A process's concurrent work for Slack is bounded, counted, and finished before it ends."""

import asyncio

import pytest

from bot.model.times import Micros
from bot.runtime.in_flight import CROWD, CROWD_SECONDS, ORDERLY, InFlight


async def crowd(
    in_flight: InFlight, requests: int, until: asyncio.Event
) -> list[asyncio.Task[None]]:
    """Run that many concurrent requests by Slack until the event is set."""

    async def one() -> None:
        async with in_flight.entered():
            await until.wait()

    tasks = [asyncio.create_task(one()) for _ in range(requests)]
    await asyncio.sleep(0)
    return tasks


async def test_more_requests_at_once_than_people_make_are_a_crowd() -> None:
    """It counts as one for a moment after most of it has been answered."""
    now = 100.0
    in_flight, leave = InFlight(clock=lambda: now), asyncio.Event()
    tasks = await crowd(in_flight, CROWD, leave)
    assert not in_flight.may_be_disordered
    tasks += await crowd(in_flight, 1, leave)
    assert in_flight.may_be_disordered
    leave.set()
    await asyncio.gather(*tasks)
    assert in_flight.may_be_disordered
    now += CROWD_SECONDS
    assert not in_flight.may_be_disordered


async def test_a_crowd_in_order_costs_no_wait() -> None:
    """Steady load is a crowd that never ends. What is written earlier than the last proves less."""
    in_flight = InFlight()
    await crowd(in_flight, CROWD + 1, asyncio.Event())
    for written in range(ORDERLY):
        assert in_flight.may_be_disordered
        in_flight.replied(Micros(written))
    assert not in_flight.may_be_disordered
    in_flight.replied(Micros(ORDERLY - 2))
    assert in_flight.may_be_disordered


async def test_the_order_of_one_crowd_proves_nothing_of_the_next() -> None:
    """Each has to prove its own."""
    now = 100.0
    in_flight, leave = InFlight(clock=lambda: now), asyncio.Event()
    first = await crowd(in_flight, CROWD + 1, leave)
    for written in range(ORDERLY):
        in_flight.replied(Micros(written))
    leave.set()
    await asyncio.gather(*first)
    now += CROWD_SECONDS
    await crowd(in_flight, CROWD + 1, asyncio.Event())
    assert in_flight.may_be_disordered


async def test_who_stops_waiting_for_room_has_not_entered() -> None:
    """A connection that ends leaves nothing behind that a shutdown would wait for."""
    in_flight = InFlight(concurrency=1)
    await in_flight.enter()
    waiting = asyncio.create_task(in_flight.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    in_flight.leave()
    assert in_flight.is_idle


async def test_no_more_requests_run_at_once_than_there_is_room_for() -> None:
    """The rest wait for room."""
    in_flight = InFlight(concurrency=3)
    running = most = 0

    async def one() -> None:
        nonlocal running, most
        async with in_flight.entered():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 3


async def test_a_request_that_fails_makes_room() -> None:
    """A raised error leaves the count unchanged."""
    in_flight = InFlight(concurrency=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with in_flight.entered():
                raise RuntimeError
    async with asyncio.timeout(1), in_flight.entered():
        pass
