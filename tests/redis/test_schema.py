"""A process keeps away from what a newer release has written."""

import pytest
from redis.asyncio import Redis

from bot.model.errors import OperatorError
from bot.redis.connection import SCHEMA, Store, claim_schema
from bot.redis.keys import SCHEMA_KEY
from tests.support.keys import at


async def test_the_schema_is_noted_at_each_start(store: Store, raw: Redis) -> None:
    """A later release finds it there."""
    for _ in range(2):
        await claim_schema(store)
        assert await raw.get(at(SCHEMA_KEY)) == str(SCHEMA)


async def test_a_newer_schema_ends_the_start(store: Store, raw: Redis) -> None:
    """The operator reads which release to start, and nothing is changed."""
    await raw.set(at(SCHEMA_KEY), SCHEMA + 1, ex=60)
    with pytest.raises(OperatorError, match=f"schema {SCHEMA + 1}"):
        await claim_schema(store)
    assert await raw.get(at(SCHEMA_KEY)) == str(SCHEMA + 1)
