"""The one way to Redis: the connection, the names of all keys, and its errors in our words.

All keys share one prefix that is also a Cluster hash tag, so that a script may touch several of
them. Every key is named by a `*_key` builder here, and whoever writes one gives it a TTL.
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bot.errors import StoreAway
from bot.models import ReplyId, SessionId, ThreadRef

PREFIX = "{devin-relay}"

COMMAND_TIMEOUT_SECONDS = 2.0
"""Below Slack's 3 s for an acknowledgement, so that a hanging Redis still gets its `no`."""

POOL_SIZE = 64

DUE_KEY = f"{PREFIX}:due"
"""Sessions with mail, scored by when (Unix ms) their head may be sent."""

UNTOLD_KEY = f"{PREFIX}:untold"
"""Reports that the thread has not seen yet, scored by when (Unix ms) they were due."""

REPLY_PREFIX = f"{PREFIX}:reply:"


def link_key(thread: ThreadRef) -> str:
    """The link of a thread."""
    return f"{PREFIX}:link:{thread.team}:{thread.channel}:{thread.thread_ts}"


def last_key(thread: ThreadRef) -> str:
    """The last outcome in a thread."""
    return f"{PREFIX}:last:{thread.team}:{thread.channel}:{thread.thread_ts}"


def threads_key(team: str, channel: str) -> str:
    """The linked threads of a channel, scored by their last traffic (Unix ms)."""
    return f"{PREFIX}:threads:{team}:{channel}"


def reply_key(reply: ReplyId) -> str:
    """One accepted reply: its text while it may be needed, its state, its outcome."""
    return f"{REPLY_PREFIX}{reply}"


def mail_key(session: SessionId) -> str:
    """The waiting replies of a session, scored by their `ts` in microseconds."""
    return f"{PREFIX}:mail:{session}"


def box_key(session: SessionId) -> str:
    """What is known of a session's failures: since when, how many."""
    return f"{PREFIX}:box:{session}"


def hold_key(session: SessionId) -> str:
    """Who delivers for a session now; expires by itself when its holder dies."""
    return f"{PREFIX}:hold:{session}"


def once_key(what: str) -> str:
    """A thing that must be done by the first comer only."""
    return f"{PREFIX}:once:{what}"


def seconds(duration: timedelta) -> int:
    """Whole seconds for a TTL, never none: Redis refuses an expiry of 0."""
    return max(1, int(duration.total_seconds()))


def millis(duration: timedelta) -> int:
    """Whole milliseconds."""
    return int(duration.total_seconds() * 1000)


class Script:
    """A Lua script: sent by its hash, and whole only to a server that does not know it."""

    def __init__(self, source: str) -> None:
        self.source = source


class Store:
    """A Redis connection whose every error is `StoreAway`."""

    def __init__(self, redis: Redis | RedisCluster) -> None:
        self._redis = cast("Redis", redis)
        self._registered: dict[Script, Any] = {}

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically.

        Raises:
            StoreAway: it was not run, or the answer was lost.
        """
        if script not in self._registered:
            self._registered[script] = self._redis.register_script(script.source)
        async with translated():
            return await self._registered[script](keys=list(keys), args=list(args))

    async def get(self, key: str) -> str | None:
        """The string at `key`."""
        async with translated():
            return cast("str | None", await self._redis.get(key))

    async def get_all(self, keys: Sequence[str]) -> Sequence[str | None]:
        """The strings at `keys`, in their order."""
        async with translated():
            return cast("Sequence[str | None]", await self._redis.mget(keys))

    async def field(self, key: str, field: str) -> str | None:
        """One field of the hash at `key`."""
        async with translated():
            answer = self._redis.hget(key, field)
            return cast("str | None", await cast("Awaitable[object]", answer))

    async def drop_field(self, key: str, field: str) -> None:
        """Forget one field of the hash at `key`."""
        async with translated():
            answer = self._redis.hdel(key, field)
            await cast("Awaitable[object]", answer)

    async def size(self, key: str) -> int:
        """How many members the sorted set at `key` has."""
        async with translated():
            return await self._redis.zcard(key)

    async def first(self, what: str, ttl: timedelta) -> bool:
        """True for the first caller with `what` within `ttl`, False for all others."""
        async with translated():
            return bool(await self._redis.set(once_key(what), "1", nx=True, ex=ttl))

    async def forget_first(self, what: str) -> None:
        """Let the next caller with `what` be first again."""
        async with translated():
            await self._redis.delete(once_key(what))

    async def ping(self) -> None:
        """Raise `StoreAway` unless Redis answers."""
        async with translated():
            await self._redis.ping()


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what redis-py raises into `StoreAway`, without the command's arguments."""
    try:
        yield
    except (RedisError, OSError) as error:
        # A ResponseError's text can quote arguments, which are people's words; its first word is
        # Redis' own error code (OOM, READONLY, LOADING, NOAUTH, MISCONF …).
        code = str(error).split(" ", 1)[0][:40] if isinstance(error, RedisError) else ""
        raise StoreAway(f"{type(error).__name__} {code}".strip()) from error


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Connect to `url` lazily: an absent server is met by the first command, not here."""
    client = _client(url)
    try:
        yield Store(client)
    finally:
        await client.aclose()


def _client(url: str) -> Redis | RedisCluster:
    if "+cluster://" in url:
        return RedisCluster.from_url(
            url.replace("+cluster", ""),
            decode_responses=True,
            socket_timeout=COMMAND_TIMEOUT_SECONDS,
            socket_connect_timeout=COMMAND_TIMEOUT_SECONDS,
        )
    # redis-py 8: the default pool raises MaxConnectionsError at about 100 parallel commands; the
    # default retry would send a script twice, which `accept` survives but a 3 s limit does not.
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=POOL_SIZE,
        timeout=COMMAND_TIMEOUT_SECONDS,
        decode_responses=True,
        socket_timeout=COMMAND_TIMEOUT_SECONDS,
        socket_connect_timeout=COMMAND_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
    return Redis.from_pool(pool)
