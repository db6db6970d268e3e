"""A process's concurrent work for Slack is bounded, counted, and finished before it ends."""

import asyncio

import pytest

from bot.runtime.in_flight import InFlight
from bot.runtime.reordering import CROWD, LIMIT_SECONDS, QUIET_SECONDS
from tests.support.waiting import wait_until


async def is_calm(in_flight: InFlight) -> bool:
    """Return True if deliveries may go on at once."""
    waiting = asyncio.create_task(in_flight.calm())
    await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return done


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


async def test_as_many_requests_as_people_make_do_not_put_deliveries_off() -> None:
    """More at once are a burst, until it is quiet."""
    now = 100.0
    in_flight, leave = InFlight(clock=lambda: now), asyncio.Event()
    tasks = await crowd(in_flight, CROWD, leave)
    assert await is_calm(in_flight)
    tasks += await crowd(in_flight, 1, leave)
    assert not await is_calm(in_flight)
    leave.set()
    await asyncio.gather(*tasks)
    assert not await is_calm(in_flight)
    now += 2 * QUIET_SECONDS
    assert await is_calm(in_flight)


async def test_a_stall_of_the_process_is_no_quiet() -> None:
    """Waiting for the end of a burst needs a silence that could have been broken."""
    now = 100.0
    in_flight = InFlight(clock=lambda: now)
    for written in (2, 1):
        in_flight.replied(written)
    waiting = asyncio.create_task(in_flight.calm())
    await asyncio.sleep(0)
    now += 2 * QUIET_SECONDS
    assert not in_flight.is_crowded
    await wait_until(lambda: in_flight.is_crowded, "the silence is counted anew")
    assert not waiting.done()
    now += LIMIT_SECONDS
    await waiting


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
    """The rest wait for their turn."""
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
