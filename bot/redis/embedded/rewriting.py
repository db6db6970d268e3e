"""Has the embedded Valkey's append-only file rewritten once a day, if anything was written.

A deleted or expired value stays in that file until then. The age of the file's base decides, so
restarts don't postpone a rewrite. Of the processes that use the server, the first to notice asks.
"""

import asyncio
import logging
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.redis.embedded.home import ValkeyHome
from bot.redis.runners import AWAY, away
from bot.timing import Timing

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
"""Between two looks at a rewrite that is under way."""

_FAILED = "Valkey couldn't; the end of valkey.log in DATA_DIR says why"

_AT_ONCE = 1000
"""Keys that one SCAN looks at, while other commands wait."""


async def rewrite_daily(home: ValkeyHome, url: str, timing: Timing) -> None:
    """Look now and then, and rewrite what is too old; a rewrite that fails is tried again."""
    while True:
        if home.age() >= timing.rewrite_wait:
            try:
                reason = "" if await _rewrite(url) else _FAILED
            except AWAY as error:
                reason = str(away(error))
            if reason:
                logger.error("append-only file not rewritten", extra={"reason": reason})
        await asyncio.sleep(timing.rewrite_pause)


async def _rewrite(url: str) -> bool:
    """Return True once the file is rewritten, and False if the server fails at it."""
    # Nobody waits. Under a timeout, redis-py may swallow a cancellation (Python 3.11).
    redis = Redis.from_url(url, socket_timeout=None, decode_responses=True)
    try:
        # A rewrite would keep expired keys that nothing has deleted yet. SCAN deletes them (Valkey
        # 9.1); Valkey's own cycle takes a while, above all after a start.
        async for _ in redis.scan_iter(count=_AT_ONCE):
            pass
        with suppress(ResponseError):  # one is under way, or none can begin, which INFO tells
            await redis.bgrewriteaof()
        while True:
            facts = await redis.info("persistence")
            if not (facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"]):
                return bool(facts["aof_last_bgrewrite_status"] == "ok")
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        # A cancellation that comes meanwhile would leave the connection open.
        await asyncio.shield(redis.aclose())
