"""The one way to Redis: the connection, and the few commands that belong to no kind of record."""

import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.typing import EncodableT

from bot.model.errors import StoreAway
from bot.redis.keys import ALIVE_KEY, Key
from bot.redis.lua import commands
from bot.redis.runners import OneByOne, Pipelining
from bot.redis.scripts import Script, ScriptRunner
from bot.urls import is_cluster

COMMAND_TIMEOUT_SECONDS = 2.0
"""Below Slack's 3 s for an acknowledgement, so that a hanging Redis still gets its `no`."""

RETURN_SECONDS = 10.0
"""After Redis' absence, as long as another process may take to note what it refused meanwhile."""

POOL_SIZE = 1024


def seconds(duration: timedelta) -> int:
    """Whole seconds for a TTL, never none: Redis refuses an expiry of 0."""
    return max(1, int(duration.total_seconds()))


def millis(duration: timedelta) -> int:
    """Whole milliseconds."""
    return int(duration.total_seconds() * 1000)


ALIVE = timedelta(minutes=1)


class Store:
    """A Redis connection whose every error is `StoreAway`."""

    def __init__(self, runner: ScriptRunner) -> None:
        self._runner = runner
        self._missed_at = -math.inf

    @property
    def was_away(self) -> bool:
        """Whether Redis could not be reached, or could not write, some seconds ago."""
        return time.monotonic() - self._missed_at < RETURN_SECONDS

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically.

        Raises:
            StoreAway: it was not run, or the answer was lost.
        """
        try:
            return await self._runner.run(script, keys, args)
        except StoreAway:
            self._missed_at = time.monotonic()
            raise

    async def aclose(self) -> None:
        """Close the connections; what was not answered is given up."""
        await self._runner.aclose()

    async def get(self, key: Key) -> str | None:
        """The string at `key`."""
        return await commands.get(self, key=key)

    async def get_all(self, keys: Sequence[Key]) -> Sequence[str | None]:
        """The strings at `keys`, in their order."""
        return await commands.get_all(self, *keys)

    async def put(self, key: Key, text: str, ttl: timedelta) -> None:
        """Make `text` the string at `key`, for as long as `ttl`."""
        await commands.put(self, key=key, text=text, ttl=seconds(ttl))

    async def delete(self, key: Key) -> None:
        """Delete `key`."""
        await commands.delete(self, key=key)

    async def field(self, key: Key, field: str) -> str | None:
        """One field of the hash at `key`."""
        return await commands.field(self, key=key, name=field)

    async def size(self, key: Key) -> int:
        """How many members the sorted set at `key` has."""
        return await commands.size(self, key=key)

    async def ping(self) -> None:
        """Raise `StoreAway` unless Redis keeps what it is given: one that is full still answers.

        Nor would PING do on a Cluster: it goes to each node, and only one of them has our keys.
        """
        await self.put(ALIVE_KEY, "1", ALIVE)


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Connect to `url` lazily: an absent server is met by the first command, not here."""
    store = Store(_cluster(url) if is_cluster(url) else _single(url))
    try:
        yield store
    finally:
        await store.aclose()


def _cluster(url: str) -> ScriptRunner:
    # A node that hangs is given up while there is time to ask another, which may have its keys.
    # redis-py breaks all connections to a node when one fails, which is a try of each of them.
    redis = RedisCluster.from_url(
        url.replace("+cluster", "", 1),
        max_connections=POOL_SIZE,
        decode_responses=True,
        socket_timeout=COMMAND_TIMEOUT_SECONDS / 2,
        socket_connect_timeout=COMMAND_TIMEOUT_SECONDS / 2,
        retry=Retry(NoBackoff(), 3),
        # When keys move, it would break all connections after each fifth command to hear that;
        # our one slot is looked up again by the first.
        reinitialize_steps=0,
    )
    return OneByOne(redis, COMMAND_TIMEOUT_SECONDS)


def _single(url: str) -> ScriptRunner:
    # redis-py's pools raise, or in their blocking form lock and time each command, when all their
    # connections are in use. What runs at once is bounded elsewhere, far below this size. One retry
    # is for a connection that was lost while idle; every script is harmless when it runs twice.
    redis = Redis.from_url(
        url,
        max_connections=POOL_SIZE,
        decode_responses=True,
        socket_timeout=COMMAND_TIMEOUT_SECONDS,
        socket_connect_timeout=COMMAND_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    pool = redis.connection_pool
    pool.connection_class = type("Packing", (_Packing, pool.connection_class), {})
    return Pipelining(redis)


class _Packing(AbstractConnection):
    """Comes before a kind of connection, which then packs what is sent in C.

    redis-py's asyncio half has only its packer in Python. A script with its keys and arguments has
    up to 26 parts, and a reply needs three of them.
    """

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        """Pack one command as redis-py's blocking connections do."""
        packer: Any = HiredisRespSerializer()  # it annotates its arguments wrongly (redis-py 8.1)
        packed: list[bytes] = packer.pack(*args)
        return packed
