"""Gauges are measured when somebody asks, but not for each who does."""

import asyncio

from bot.runtime.metrics import Measuring


async def test_all_who_ask_at_once_share_a_measurement() -> None:
    """A stranger who asks again and again has nothing measured."""
    measuring, taken = Measuring(), list[str]()

    async def measure() -> None:
        taken.append("one")
        await asyncio.sleep(0)

    with measuring.taking(measure):
        assert taken == [], "nobody has asked"
        await asyncio.gather(*(measuring.done() for _ in range(5)))
        await measuring.done()
        assert taken == ["one"]


async def test_what_can_be_measured_later_is_measured_at_once_then() -> None:
    """The connection to Redis opens after the server; once it is closed, nothing uses it."""
    measuring, taken = Measuring(), list[str]()

    async def ready() -> None:
        taken.append("ready")

    async def backlog() -> None:
        taken.append("backlog")

    with measuring.taking(ready):
        await measuring.done()
        with measuring.taking(backlog):
            await measuring.done()
            assert taken == ["ready", "ready", "backlog"]
    await Measuring().done()


async def test_a_measure_that_fails_does_not_keep_the_others_from_being_shown() -> None:
    """Nobody foresaw it; it is in the log."""
    measuring, taken = Measuring(), list[str]()

    async def fails() -> None:
        raise RuntimeError

    async def ready() -> None:
        taken.append("ready")

    with measuring.taking(fails, ready):
        await measuring.done()
    assert taken == ["ready"]
