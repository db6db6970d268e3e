"""What reads Devin: the watch, which a test may put to rest, and lists that the metrics count."""

import time

from prometheus_client import REGISTRY
from redis.asyncio import Redis

from bot.model.sessions import SessionId
from bot.redis.keys import WATCH_KEY, watched_key
from tests.support.desk import SESSION
from tests.support.keys import at
from tests.support.waiting import wait_until


async def rest(raw: Redis) -> None:
    """Have no session polled for an hour, unless a reply reaches it."""
    later = int(time.time() * 1000) + 3_600_000
    for session in await raw.zrange(at(WATCH_KEY), 0, -1):
        await raw.zadd(at(WATCH_KEY), {str(session): later}, xx=True)


async def until_caught_up(raw: Redis) -> None:
    """Wait until each thread that follows the session is shown whatever Devin says from now on."""

    async def is_so() -> bool:
        known = await raw.hgetall(at(watched_key(SessionId(SESSION))))
        linked = [str(at) for name, at in known.items() if str(name).startswith("linked:")]
        return bool(linked) and all(at == "0" or at.endswith(" read") for at in linked)

    await wait_until(is_so, "the threads are caught up")


def lists() -> float:
    """Return how often the relay has asked for Devin's latest sessions."""
    return REGISTRY.get_sample_value("relay_devin_reads_total", {"kind": "list"}) or 0.0
