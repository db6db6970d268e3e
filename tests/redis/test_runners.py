"""Scripts that travel together do not affect each other's results."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.errors import StoreAway
from bot.redis.connection import Store
from bot.redis.keys import once_key
from bot.redis.runners import Pipelining
from bot.redis.scripts import Script

SLOW = Script("for _ = 1, 5e7 do end return 'slow'")
"""A loop of some tenths of a second; while a script runs, its server's time stands still."""

QUICK = Script("return 'quick'")


@pytest.fixture
async def batches(redis_url: str) -> AsyncIterator[Pipelining]:
    """A script runner whose server knows no script yet."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        await client.script_flush()
        sending = Pipelining(client)
        yield sending
        await sending.aclose()


async def test_who_no_longer_waits_costs_nobody_else_the_answer(batches: Pipelining) -> None:
    """This includes the time when the server is taught an unknown script."""
    leaving = asyncio.create_task(batches.run(SLOW, [], []))
    staying = asyncio.create_task(batches.run(QUICK, [], []))
    await asyncio.wait({leaving}, timeout=0.03)
    leaving.cancel()
    assert await staying == "quick"
    assert leaving.cancelled()
    assert await batches.run(QUICK, [], []) == "quick"


async def test_a_script_that_fails_fails_alone(batches: Pipelining) -> None:
    """This holds whether the server knew it or not."""
    bad = Script("return redis.error_reply('OOM not today')")
    for _ in range(2):
        good = asyncio.create_task(batches.run(QUICK, [], []))
        with pytest.raises(StoreAway, match="Error"):
            await batches.run(bad, [], [])
        assert await good == "quick"


async def test_what_is_no_text_fails_alone(batches: Pipelining) -> None:
    """Half a character cannot be sent to Redis, but the scripts beside it can."""
    others = [asyncio.create_task(batches.run(QUICK, [], [])) for _ in range(3)]
    with pytest.raises(UnicodeError):
        await batches.run(QUICK, ["\ud800"], [])
    others.append(asyncio.create_task(batches.run(QUICK, [], [])))
    assert await asyncio.gather(*others) == ["quick"] * 4


async def test_many_strings_are_one_answer(store: Store) -> None:
    """More than any list of threads has; Lua's stack ends at some 8,000."""
    keys = [once_key("T0", str(number)) for number in range(5_000)]
    await store.put(keys[-1], "last", timedelta(minutes=1))
    found = await store.get_all(keys)
    assert (len(found), found[0], found[-1]) == (5_000, None, "last")
