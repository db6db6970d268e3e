"""A person starts so many sessions within an hour, whichever process they ask."""

from datetime import timedelta

import pytest
import redis.asyncio

from bot.model.errors import TooManyStarts
from bot.model.people import WORKFLOW, UserId
from bot.redis.connection import Store
from bot.store.claims import Starts
from tests.support.known import later

ADA, BEN = UserId("U0ADA00000"), UserId("U0BEN00000")


async def test_a_person_starts_so_many_within_an_hour(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """The next may be an hour after the first; other people have their own."""
    starts = Starts(store, 2)
    await starts.count(ADA, "first")
    await later(raw, timedelta(minutes=20))
    await starts.count(ADA, "second")
    with pytest.raises(TooManyStarts) as error:
        await starts.count(ADA, "third")
    wait = error.value.wait
    assert timedelta(minutes=39) < wait <= timedelta(minutes=40)
    await starts.count(BEN, "third")
    await starts.count(WORKFLOW, "third")
    await later(raw, wait)
    await starts.count(ADA, "third")
    with pytest.raises(TooManyStarts):
        await starts.count(ADA, "fourth")


async def test_a_start_is_counted_once(store: Store) -> None:
    """Slack delivers an event again, and a person submits a form twice."""
    starts = Starts(store, 1)
    for _ in range(3):
        await starts.count(ADA, "first")
    with pytest.raises(TooManyStarts):
        await starts.count(ADA, "second")
    await starts.count(ADA, "first")


async def test_what_everybody_may_start_together_costs_nobody_their_own(store: Store) -> None:
    """A start that is refused by one limit counts for none."""
    starts = Starts(store, 2, 1)
    await starts.count(ADA, "first")
    for _ in range(3):
        with pytest.raises(TooManyStarts) as error:
            await starts.count(BEN, "second")
        assert error.value.is_overall
    await starts.give_back(ADA, "first")
    await starts.count(BEN, "second")
    await Starts(store, 2).count(BEN, "third")


async def test_without_a_limit_nothing_is_counted(store: Store, raw: redis.asyncio.Redis) -> None:
    """Nor is anything kept of who started what."""
    for number in range(30):
        await Starts(store, 0).count(ADA, str(number))
    assert await raw.dbsize() == 0
