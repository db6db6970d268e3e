"""The connection to Redis, and the few commands that do not belong to one kind of record."""

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
"""Below Slack's limit of 3 s for an answer, so that an event can be refused if Redis hangs."""

RETURN_SECONDS = 10.0
"""The time, after a Redis outage, in which other processes note the events they have refused."""

POOL_SIZE = 1024


def seconds(duration: timedelta) -> int:
    """Return whole seconds for a TTL, at least 1, since Redis refuses an expiry of 0."""
    return max(1, int(duration.total_seconds()))


def millis(duration: timedelta) -> int:
    """Return whole milliseconds."""
    return int(duration.total_seconds() * 1000)


ALIVE = timedelta(minutes=1)


class Store:
    """A connection to Redis that raises every error as `StoreAway`."""

    def __init__(self, runner: ScriptRunner) -> None:
        self._runner = runner
        self._missed_at = -math.inf

    @property
    def was_away(self) -> bool:
        """True if Redis could not be reached, or could not write, within `RETURN_SECONDS`."""
        return time.monotonic() - self._missed_at < RETURN_SECONDS

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically.

        Raises:
            StoreAway: the script was not run, or the answer was lost.
        """
        try:
            return await self._runner.run(script, keys, args)
        except StoreAway:
            self._missed_at = time.monotonic()
            raise

    async def aclose(self) -> None:
        """Close the connections, and give up scripts without an answer."""
        await self._runner.aclose()

    async def get(self, key: Key) -> str | None:
        """Return the string at `key`."""
        return await commands.get(self, key=key)

    async def get_all(self, keys: Sequence[Key]) -> Sequence[str | None]:
        """Return the strings at `keys`, in their order."""
        return await commands.get_all(self, *keys)

    async def put(self, key: Key, text: str, ttl: timedelta) -> None:
        """Set the string at `key` to `text`, for `ttl`."""
        await commands.put(self, key=key, text=text, ttl=seconds(ttl))

    async def delete(self, key: Key) -> None:
        """Delete `key`."""
        await commands.delete(self, key=key)

    async def field(self, key: Key, field: str) -> str | None:
        """Return one field of the hash at `key`."""
        return await commands.field(self, key=key, name=field)

    async def fields(self, keys: Sequence[Key], field: str) -> Sequence[str | None]:
        """Return one field of each of the hashes at `keys`, in their order."""
        return await commands.fields(self, *keys, name=field)

    async def size(self, key: Key) -> int:
        """Count the members of the sorted set at `key`."""
        return await commands.size(self, key=key)

    async def ping(self) -> None:
        """Raise `StoreAway` unless Redis accepts a write; a full Redis would still answer PING.

        On a Cluster, PING goes to every node, and only one of them has our keys.
        """
        await self.put(ALIVE_KEY, "1", ALIVE)


@asynccontextmanager
async def open_store(url: str, patience: float = COMMAND_TIMEOUT_SECONDS) -> AsyncIterator[Store]:
    """Connect to `url` lazily: if the server is absent, the first command raises, not this.

    A command that Redis has not answered within `patience` seconds raises `StoreAway`.
    """
    store = Store(_cluster(url, patience) if is_cluster(url) else _single(url, patience))
    try:
        yield store
    finally:
        await store.aclose()


def _cluster(url: str, patience: float) -> ScriptRunner:
    # A hanging node is given up while there is time to ask another, which may have taken over its
    # keys. When one connection to a node fails, redis-py breaks all of them, which costs each
    # command on them a try.
    redis = RedisCluster.from_url(
        url.replace("+cluster", "", 1),
        max_connections=POOL_SIZE,
        decode_responses=True,
        socket_timeout=patience / 2,
        socket_connect_timeout=patience / 2,
        retry=Retry(NoBackoff(), 3),
        # By default, every fifth MOVED answer would break all connections. The first one is enough
        # to look up our only slot again.
        reinitialize_steps=0,
    )
    return OneByOne(redis, patience)


def _single(url: str, patience: float) -> ScriptRunner:
    # When all connections are in use, redis-py's pool raises; its blocking pool waits, but locks
    # and times every command. Concurrent commands are bounded elsewhere, far below this size. The
    # one retry is for a connection that was lost while idle; every script may safely run twice.
    redis = Redis.from_url(
        url,
        max_connections=POOL_SIZE,
        decode_responses=True,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    pool = redis.connection_pool
    pool.connection_class = type("Packing", (_Packing, pool.connection_class), {})
    return Pipelining(redis)


class _Packing(AbstractConnection):
    """A mixin that makes a class of connections pack commands in C.

    redis-py's asyncio connections pack in Python only. A script with its keys and arguments has up
    to 28 parts, and a reply needs three scripts.
    """

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        """Pack one command as redis-py's blocking connections do."""
        packer: Any = HiredisRespSerializer()  # its arguments are annotated wrongly (redis-py 8.1)
        packed: list[bytes] = packer.pack(*args)
        return packed
