"""Scripts that travel together: what befalls one of them befalls no other."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.batches import Batches, Script

SLOW = Script("""
local function now() local t = redis.call('TIME'); return t[1] * 1000 + t[2] / 1000 end
local began = now()
while now() - began < 100 do end
return 'slow'
""")
QUICK = Script("return 'quick'")


@pytest.fixture
async def batches(redis_url: str) -> AsyncIterator[Batches]:
    """A server that knows no script yet."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        await client.script_flush()
        sending = Batches(client)
        yield sending
        await sending.aclose()


async def test_who_no_longer_waits_costs_nobody_else_the_answer(batches: Batches) -> None:
    """Also when that is while the server is taught a script that it did not know."""
    leaving = asyncio.create_task(batches.run(SLOW, [], []))
    staying = asyncio.create_task(batches.run(QUICK, [], []))
    await asyncio.wait({leaving}, timeout=0.03)
    leaving.cancel()
    assert await staying == "quick"
    assert leaving.cancelled()
    assert await batches.run(QUICK, [], []) == "quick"


async def test_a_script_that_fails_fails_alone(batches: Batches) -> None:
    """Whether the server knew it or not."""
    bad = Script("return redis.error_reply('OOM not today')")
    for _ in range(2):
        good = asyncio.create_task(batches.run(QUICK, [], []))
        with pytest.raises(ResponseError, match="not today"):
            await batches.run(bad, [], [])
        assert await good == "quick"
