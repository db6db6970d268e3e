"""Work that continues after an answer to Slack is finished before the process ends."""

import asyncio
import logging

import pytest

from bot.model.errors import StoreAway
from bot.runtime.in_flight import Background, InFlight
from tests.runtime.test_in_flight import crowd
from tests.support.waiting import wait_until


async def test_draining_waits_for_requests_and_for_what_goes_on_after_them() -> None:
    """Nothing is left half done."""
    in_flight, leave, finished = InFlight(), asyncio.Event(), list[str]()
    background = Background(in_flight)

    async def work() -> None:
        await leave.wait()
        finished.append("work")

    background.spawn(work())
    tasks = await crowd(in_flight, 2, leave)
    draining = asyncio.create_task(background.drain(10))
    await wait_until(lambda: background.is_closing, "no more is taken")
    assert not draining.done()
    leave.set()
    await draining
    assert finished == ["work"]
    await asyncio.gather(*tasks)


async def test_what_takes_too_long_is_cut_off_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says so."""
    background, cut = Background(InFlight()), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    background.spawn(endless())
    await asyncio.sleep(0)
    await background.drain(0.02)
    assert cut.is_set()
    assert "cut off at shutdown" in caplog.text


async def test_an_outage_that_work_meets_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A status line that isn't set while Redis is away is no error of ours."""
    background = Background(InFlight())

    async def waits_for_redis() -> None:
        raise StoreAway("ConnectionError: connection refused")

    await background.spawn(waits_for_redis())
    (one,) = caplog.records
    assert (one.levelname, one.exc_info) == ("WARNING", None)
    assert "connection refused" in str(vars(one)["reason"])


async def test_work_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody awaits it, so its exception would be lost."""
    background = Background(InFlight())

    async def fails() -> None:
        raise RuntimeError

    background.spawn(fails())
    await background.drain(1)
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[0] is RuntimeError
