"""Arrivals in a thread line up, whatever is asked for each of them meanwhile."""

import asyncio

import pytest

from bot.model.threads import ThreadRef
from bot.relay.turns import Turn, Turns

THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")
OTHER = THREAD.model_copy(update={"thread_ts": "1764000000.000200"})


async def test_a_later_arrival_waits_until_the_turn_before_it_is_over() -> None:
    """Its own line is all that it waits for."""
    turns = Turns()
    with turns.line_up(THREAD) as first:
        later, other = turns.line_up(THREAD), turns.line_up(OTHER)
        assert (first.is_first, later.is_first, other.is_first) == (True, False, True)
        waiting = asyncio.create_task(later.come())
        await asyncio.wait_for(other.come(), 5)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 5)
    assert later.is_first


async def test_a_turn_that_fails_is_over_as_well() -> None:
    """Those behind it go on."""
    turns = Turns()
    first, later = turns.line_up(THREAD), turns.line_up(THREAD)
    await leave(first)
    await asyncio.wait_for(later.come(), 5)
    await leave(later)
    assert turns.last == {}, "no line is kept that nobody stands in"


async def leave(turn: Turn) -> None:
    """Leave a turn by an error."""
    with pytest.raises(TimeoutError), turn:
        raise TimeoutError
