"""Arrivals in a thread line up, whatever is asked for each of them meanwhile."""

import asyncio
from contextlib import suppress

from bot.model.threads import ThreadRef
from bot.relay.arrivals import Arrivals

THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")
OTHER = THREAD.model_copy(update={"thread_ts": "1764000000.000200"})


async def test_a_later_arrival_waits_until_the_turn_before_it_is_over() -> None:
    """Its own line is all that it waits for."""
    arrivals = Arrivals()
    first = arrivals.line_up(THREAD)
    with first as before_first, arrivals.line_up(OTHER) as before_other:
        assert before_first.is_set()
        assert before_other.is_set()
        later = asyncio.create_task(_come(arrivals))
        await asyncio.sleep(0)
        assert not arrivals.is_free(THREAD)
        assert not later.done()
    await asyncio.wait_for(later, 5)


async def test_a_turn_that_fails_is_over_as_well() -> None:
    """Those behind it go on, and no line is kept that nobody stands in."""
    arrivals = Arrivals()
    with suppress(TimeoutError), arrivals.line_up(THREAD):
        later = asyncio.create_task(_come(arrivals))
        await asyncio.sleep(0)
        raise TimeoutError
    await asyncio.wait_for(later, 5)
    assert arrivals.is_free(THREAD)


async def _come(arrivals: Arrivals) -> None:
    with arrivals.line_up(THREAD) as before:
        await before.wait()
