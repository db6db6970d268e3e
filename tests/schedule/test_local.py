"""Work that waits in this process is bounded, in order, and never duplicated."""

import asyncio

import pytest

from bot.runtime.in_flight import Background, InFlight
from bot.schedule import Line
from tests.support.waiting import wait_until


class Bench:
    """Two lanes, and work that ends when the test says so."""

    def __init__(self) -> None:
        self.background = Background(InFlight())
        self.line: Line[str] = Line(self.background, 2)
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    def add(self, what: str, most: int = 100) -> bool:
        """Let `what` wait for a lane."""
        return self.line.add(what, lambda: self.do(what), most)

    async def do(self, what: str) -> None:
        """Wait until the test ends the work."""
        self.began.append(what)
        await self.ends.setdefault(what, asyncio.Event()).wait()

    def end(self, what: str) -> None:
        """End the work, now and for every later run."""
        self.ends.setdefault(what, asyncio.Event()).set()


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_work_begins_in_the_order_it_came_as_slots_fall_free(bench: Bench) -> None:
    """The one that came first has waited longest."""
    for what in "abcd":
        assert bench.add(what)
    await wait_until(lambda: bench.began == ["a", "b"], "both lanes are taken")
    bench.end("b")
    await wait_until(lambda: bench.began == ["a", "b", "c"], "the next one begins")
    for what in "acd":
        bench.end(what)
    await bench.background.drain(5)
    assert bench.began == ["a", "b", "c", "d"]


async def test_what_waits_is_not_added_again(bench: Bench) -> None:
    """It has not read anything yet, so it serves all callers."""
    for what in ("a", "b", "c", "c", "c", "d"):
        assert bench.add(what)
    for what in "abcd":
        bench.end(what)
    await bench.background.drain(5)
    assert bench.began == ["a", "b", "c", "d"]


async def test_what_runs_is_added_again_since_it_may_have_looked_too_early(bench: Bench) -> None:
    """A wake-up during the end of a delivery that saw an empty mailbox is not lost."""
    bench.add("a")
    await wait_until(lambda: bench.began == ["a"], "it runs")
    assert bench.add("a")
    await wait_until(lambda: bench.began == ["a", "a"], "it has another run, beside the first")
    bench.end("a")
    await bench.background.drain(5)


async def test_more_than_the_capacity_is_turned_away(bench: Bench) -> None:
    """Running work counts, too; work that already waits needs no capacity."""
    assert [bench.add(what, most=3) for what in "abcd"] == [True, True, True, False]
    assert bench.add("c", most=3)
    for what in "abc":
        bench.end(what)
    await bench.background.drain(5)
    assert bench.began == ["a", "b", "c"]
    assert bench.add("d", most=1)
    bench.end("d")
    await bench.background.drain(5)


async def test_work_that_fails_frees_capacity_for_the_next(bench: Bench) -> None:
    """The failure is logged, and nothing waits for it."""

    async def fails() -> None:
        raise RuntimeError

    for what in "abc":
        bench.line.add(what, fails, 100)
    bench.add("d")
    bench.end("d")
    await bench.background.drain(5)
    assert bench.began == ["d"]


async def test_nothing_more_begins_when_work_is_cut_off(bench: Bench) -> None:
    """When the process ends, waiting work stays in Redis."""
    for what in "abc":
        bench.add(what)
    await wait_until(lambda: bench.began == ["a", "b"], "both lanes are taken")
    await bench.background.drain(0.0)
    assert bench.began == ["a", "b"]
