"""What a link costs in Redis, and what looking one up costs among many."""

import asyncio
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis

from bot.embedded import embedded_valkey
from bot.links import Links
from bot.models import Link, SessionId, ThreadRef, UserId
from bot.store import open_store

LOOK_UPS = 2_000
CHUNK = 500


def _thread(number: int) -> ThreadRef:
    channel = f"C{number % 500:010d}"
    return ThreadRef(team="T0123456789", channel=channel, thread_ts=f"1764{number:06d}.000100")


async def a_link_measured(links: int) -> tuple[float, float]:
    """Bytes a link, indexes and all, and the median of single look-ups in ms, among `links`."""
    with tempfile.TemporaryDirectory() as home:
        async with (
            embedded_valkey(Path(home) / "data") as url,
            open_store(url) as store,
            Redis.from_url(url) as raw,
        ):
            keeper = Links(store, timedelta(days=90))
            before = (await raw.info("memory"))["used_memory"]
            for start in range(0, links, CHUNK):
                chunk = range(start, min(start + CHUNK, links))
                await asyncio.gather(*(keeper.create(_thread(n), _link(n)) for n in chunk))
            used = (await raw.info("memory"))["used_memory"] - before
            picked = random.Random(7).choices(range(links), k=LOOK_UPS)
            took = []
            for number in picked:
                began = time.perf_counter()
                await keeper.get(_thread(number))
                took.append((time.perf_counter() - began) * 1000)
            return used / links, sorted(took)[len(took) // 2]


def _link(number: int) -> Link:
    return Link(session=SessionId(f"devin-{number:032x}"), by=UserId("U0123456789"), at=1764000000)
