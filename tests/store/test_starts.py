"""A person starts so many sessions within an hour, whichever process they ask."""

from datetime import timedelta

import redis.asyncio

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
    assert await starts.count(ADA, "first") is None
    await later(raw, timedelta(minutes=20))
    assert await starts.count(ADA, "second") is None
    wait = await starts.count(ADA, "third")
    assert wait is not None
    assert timedelta(minutes=39) < wait <= timedelta(minutes=40)
    assert await starts.count(BEN, "third") is None
    assert await starts.count(WORKFLOW, "third") is None
    await later(raw, wait)
    assert await starts.count(ADA, "third") is None
    assert await starts.count(ADA, "fourth") is not None


async def test_a_start_is_counted_once(store: Store) -> None:
    """Slack delivers an event again, and a person submits a form twice."""
    starts = Starts(store, 1)
    for _ in range(3):
        assert await starts.count(ADA, "first") is None
    assert await starts.count(ADA, "second") is not None
    assert await starts.count(ADA, "first") is None


async def test_without_a_limit_nothing_is_counted(store: Store, raw: redis.asyncio.Redis) -> None:
    """Nor is anything kept of who started what."""
    for number in range(30):
        assert await Starts(store, 0).count(ADA, str(number)) is None
    assert await raw.dbsize() == 0
