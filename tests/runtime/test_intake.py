"""What a process does for Slack at once: bounded, counted, finished before it ends."""

import asyncio
import logging

import pytest

from bot.runtime.intake import Intake
from bot.runtime.reordering import CROWD, LIMIT_SECONDS, QUIET_SECONDS
from tests.support.waiting import wait_until


async def is_calm(intake: Intake) -> bool:
    """Whether deliveries may go on at once."""
    waiting = asyncio.create_task(intake.calm())
    await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return done


async def crowd(intake: Intake, requests: int, until: asyncio.Event) -> list[asyncio.Task[None]]:
    """That many requests of Slack at once, which last until the event."""

    async def one() -> None:
        async with intake.entered():
            await until.wait()

    tasks = [asyncio.create_task(one()) for _ in range(requests)]
    await asyncio.sleep(0)
    return tasks


async def test_as_many_requests_as_people_make_do_not_put_deliveries_off() -> None:
    """More at once are a burst, until it is quiet."""
    now = 100.0
    intake, leave = Intake(clock=lambda: now), asyncio.Event()
    tasks = await crowd(intake, CROWD, leave)
    assert await is_calm(intake)
    tasks += await crowd(intake, 1, leave)
    assert not await is_calm(intake)
    leave.set()
    await asyncio.gather(*tasks)
    assert not await is_calm(intake)
    now += 2 * QUIET_SECONDS
    assert await is_calm(intake)


async def test_a_stall_of_the_process_is_no_quiet() -> None:
    """Who waits for the end of a burst waits for a silence that could have been broken."""
    now = 100.0
    intake = Intake(clock=lambda: now)
    for written in (2, 1):
        intake.replied(written)
    waiting = asyncio.create_task(intake.calm())
    await asyncio.sleep(0)
    now += 2 * QUIET_SECONDS
    assert not intake.is_crowded
    await wait_until(lambda: intake.is_crowded, "the silence is counted anew")
    assert not waiting.done()
    now += LIMIT_SECONDS
    await waiting


async def test_who_stops_waiting_for_room_has_not_entered() -> None:
    """A connection that ends leaves nothing behind that a shutdown would wait for."""
    intake = Intake(concurrency=1)
    await intake.enter()
    waiting = asyncio.create_task(intake.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    intake.leave()
    await asyncio.wait_for(intake.drain(60.0), 5.0)


async def test_no_more_requests_run_at_once_than_there_is_room_for() -> None:
    """The rest wait their turn."""
    intake = Intake(concurrency=3)
    running = most = 0

    async def one() -> None:
        nonlocal running, most
        async with intake.entered():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 3


async def test_a_request_that_fails_makes_room() -> None:
    """A raised error leaves the count as it was."""
    intake = Intake(concurrency=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with intake.entered():
                raise RuntimeError
    async with asyncio.timeout(1), intake.entered():
        pass
    await intake.drain(1)


async def test_draining_waits_for_requests_and_for_what_goes_on_after_them() -> None:
    """Nothing is left half done."""
    intake, leave, finished = Intake(), asyncio.Event(), list[str]()

    async def work() -> None:
        await leave.wait()
        finished.append("work")

    intake.spawn(work())
    tasks = await crowd(intake, 2, leave)
    draining = asyncio.create_task(intake.drain(10))
    await wait_until(lambda: intake.is_closing, "no more is taken")
    assert not draining.done()
    leave.set()
    await draining
    assert finished == ["work"]
    await asyncio.gather(*tasks)


async def test_what_takes_too_long_is_cut_off_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And the log says so."""
    intake, cut = Intake(), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    intake.spawn(endless())
    await asyncio.sleep(0)
    await intake.drain(0.02)
    assert cut.is_set()
    assert "cut off at shutdown" in caplog.text


async def test_work_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody awaits it, so its exception would be lost."""
    intake = Intake()

    async def fails() -> None:
        raise RuntimeError

    intake.spawn(fails())
    await intake.drain(1)
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[0] is RuntimeError
