"""What a process does for Slack at once: bounded, counted, finished before it ends."""

import asyncio
import logging
import time

import pytest

from bot import intake as intake_module
from bot.intake import CROWD, QUIET_SECONDS, Intake
from tests.waiting import wait_until


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


async def test_ordinary_talk_is_calm() -> None:
    """As many requests at once as people make do not put deliveries off."""
    intake, leave = Intake(), asyncio.Event()
    tasks = await crowd(intake, CROWD, leave)
    for _ in range(CROWD - 1):
        intake.replied()
    assert await is_calm(intake)
    leave.set()
    await asyncio.gather(*tasks)


async def test_a_crowd_of_requests_is_a_burst_until_it_is_quiet() -> None:
    """Slack may deliver it in any order: deliveries wait for the silence after it."""
    intake, leave = Intake(), asyncio.Event()
    tasks = await crowd(intake, CROWD + 1, leave)
    assert not await is_calm(intake)
    leave.set()
    await asyncio.gather(*tasks)
    began = time.monotonic()
    await intake.calm()
    assert time.monotonic() - began < 10 * QUIET_SECONDS
    assert await is_calm(intake)


async def test_replies_in_quick_succession_are_a_burst() -> None:
    """Also when they come one after the other, as over one Socket Mode connection."""
    intake = Intake()
    for _ in range(CROWD):
        intake.replied()
    assert not await is_calm(intake)
    await intake.calm()


async def test_steady_load_does_not_put_deliveries_off_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A burst counts for a limited time from its beginning."""
    intake = Intake()
    for _ in range(CROWD):
        intake.replied()
    # The clock is the loop's and cannot be turned, so the burst's beginning is put back instead.
    intake._crowded_since -= intake_module.BURST_LIMIT_SECONDS  # noqa: SLF001  (see above)
    assert await is_calm(intake)
    assert not caplog.records


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
