"""The one way to Redis: the connection, and its errors in our words."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError

from bot.model.errors import StoreAway
from bot.redis.keys import ALIVE_KEY
from bot.redis.packing import pack_in_c
from bot.redis.pipelining import BROKEN, OneByOne, Pipelining, Script
from bot.runtime import metrics
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

_ALIVE = Script("return redis.call('SET', KEYS[1], 1, 'EX', ARGV[1])")
_GET = Script("return redis.call('GET', KEYS[1])")

_AWAY = (*BROKEN, RedisClusterException)


class Store:
    """A Redis connection whose every error is `StoreAway`."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        self._redis = cast("Redis", redis)
        self._missed_at = -math.inf
        # redis-py's cluster client takes no EVALSHA in a pipeline, and after a timeout goes on to
        # ask all nodes where the key is, each with a timeout of its own.
        self._scripts: Pipelining | OneByOne
        self._limit: float | None
        if isinstance(redis, RedisCluster):
            self._scripts, self._limit = OneByOne(redis), COMMAND_TIMEOUT_SECONDS
        else:
            self._scripts, self._limit = Pipelining(redis), None

    @property
    def was_away(self) -> bool:
        """Whether Redis could not be reached, or could not write, some seconds ago."""
        return time.monotonic() - self._missed_at < RETURN_SECONDS

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            async with translated(self._limit):
                # redis-py sends what comes before it knows the nodes to any of them.
                if isinstance(self._redis, RedisCluster):
                    await self._redis.initialize()
                yield
        except StoreAway:
            self._missed_at = time.monotonic()
            raise

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically.

        Raises:
            StoreAway: it was not run, or the answer was lost.
        """
        if isinstance(self._scripts, OneByOne):
            async with self._asking():
                return await self._scripts.run(script, keys, args)
        # Nothing of redis-py runs in this task, so of what `translated` does only this is needed.
        try:
            return await self._scripts.run(script, keys, args)
        except _AWAY as error:
            self._missed_at = time.monotonic()
            raise _away(error) from error

    async def get(self, key: str) -> str | None:
        """The string at `key`."""
        return cast("str | None", await self.run(_GET, [key], []))

    async def aclose(self) -> None:
        """Close the connections; what was not answered is given up."""
        await self._scripts.aclose()
        await self._redis.aclose()

    async def get_all(self, keys: Sequence[str]) -> Sequence[str | None]:
        """The strings at `keys`, in their order."""
        async with self._asking():
            return cast("Sequence[str | None]", await self._redis.mget(keys))

    async def field(self, key: str, field: str) -> str | None:
        """One field of the hash at `key`."""
        async with self._asking():
            answer = self._redis.hget(key, field)
            return cast("str | None", await cast("Awaitable[object]", answer))

    async def size(self, key: str) -> int:
        """How many members the sorted set at `key` has."""
        async with self._asking():
            return await self._redis.zcard(key)

    async def ping(self) -> None:
        """Raise `StoreAway` unless Redis keeps what it is given: one that is full still answers.

        Nor would PING do on a Cluster: it goes to each node, and only one of them has our keys.
        """
        await self.run(_ALIVE, [ALIVE_KEY], [seconds(ALIVE)])


@asynccontextmanager
async def translated(limit: float | None = None) -> AsyncIterator[None]:
    """Turn what redis-py raises into `StoreAway`, without the command's arguments.

    `limit` is how many seconds it may take in all.
    """
    # redis-py sends under asyncio.wait_for, which in Python 3.11 may swallow a cancellation; who
    # asks again and again, or waits for something else next, could then never be stopped.
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        async with asyncio.timeout(limit):
            yield
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
    except _AWAY as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise _away(error) from error


def _away(error: Exception) -> StoreAway:
    """What went wrong, counted, in Redis' own word for it, such as OOM, READONLY or NOAUTH.

    The rest of a ResponseError's text can quote arguments, which are people's words.
    """
    metrics.REDIS_ERRORS.labels(type(error).__name__).inc()
    code = str(error).split(" ", 1)[0][:40] if isinstance(error, RedisError) else ""
    return StoreAway(f"{type(error).__name__} {code}".strip())


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Connect to `url` lazily: an absent server is met by the first command, not here."""
    store = Store(_client(url))
    try:
        yield store
    finally:
        await store.aclose()


def _client(url: str) -> Redis | RedisCluster:
    if is_cluster(url):
        # A node that hangs is given up while there is time to ask another, which may have its keys.
        # redis-py breaks all connections to a node when one fails, which is a try of each of them.
        return RedisCluster.from_url(
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
    return pack_in_c(redis)
