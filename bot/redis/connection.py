"""The connection to Redis, commands for any kind of record, and the version of all of them.

On a single Redis, scripts run over one connection, and none waits for earlier answers. redis-py
gives each command a connection of its own, or sends several as a batch, whose answers are returned
together. Here a script leaves with those of the same turn of the event loop, and each answer is
passed on as it comes. redis-py connects, authenticates and parses, and hiredis packs.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, MasterDownError, NoScriptError, ReadOnlyError, ResponseError

from bot.model.errors import OperatorError, StoreAway
from bot.redis.keys import SCHEMA_KEY, SHARED_PREFIX, Key, once_key, prefix_of
from bot.redis.lua import commands
from bot.redis.scripts import AWAY, OneByOne, Script, ScriptRunner, away
from bot.timing import TIMING, Timing
from bot.urls import is_cluster

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Wanted:
    """A script that somebody waits for; `sent_at` is by the loop's clock."""

    script: Script
    prefix: str
    args: Sequence[str | int]
    answer: asyncio.Future[Any]
    is_taught: bool = False
    is_retried: bool = False
    sent_at: float = 0.0

    def packed(self) -> bytes:
        what = ("EVAL", self.script.source) if self.is_taught else ("EVALSHA", self.script.sha)
        # redis-py's asyncio connections pack in Python only. hiredis 3.5 is annotated wrongly.
        words: Any = (*what, 1, self.prefix, *self.args)
        return cast("bytes", pack_command(words))

    def got(self, answer: Any) -> None:
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


_LOST = (RedisConnectionError, ReadOnlyError, MasterDownError)
"""The connection broke, or leads to a replica: a new one may reach the primary."""


class Pipelining:
    """Runs scripts on a single Redis.

    A script without an answer after `limit` seconds fails, and all others with it: their
    answers would come behind its own. A connection that breaks, or leads to a replica, is replaced
    once for each script, which may therefore run twice.

    `socket_timeout` must be None. With one, redis-py 8.1 sends under asyncio.wait_for, which in
    Python 3.11 may swallow the cancellation of the sender.
    """

    def __init__(self, url: str, limit: float) -> None:
        self._pool: Any = ConnectionPool.from_url(  # redis-py 8.1 leaves its connections untyped
            url, decode_responses=True, socket_timeout=None, socket_connect_timeout=limit
        )
        self._limit = limit
        self._unsent: deque[_Wanted] = deque()
        self._unanswered: deque[_Wanted] = deque()
        self._asked = asyncio.Event()
        self._expected = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def run(self, script: Script, prefix: str, args: Sequence[str | int]) -> Any:
        """Run `script`, as `ScriptRunner` defines it."""
        wanted = _Wanted(script, prefix, args, asyncio.get_running_loop().create_future())
        self._unsent.append(wanted)
        self._asked.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve(), name="scripts")
            self._serving.add_done_callback(self._ended)
        # This task runs no code of redis-py, which could swallow a cancellation.
        try:
            return await wanted.answer
        except AWAY as error:
            raise away(error) from error

    async def aclose(self) -> None:
        """Give up scripts without an answer, and close the connection."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})

    async def _serve(self) -> None:
        while True:
            await self._asked.wait()
            try:
                await self._converse()
            except* AWAY as group:
                self._broken(group.exceptions[0])

    def _ended(self, serving: asyncio.Task[None]) -> None:
        """Let nobody wait any longer, whether this was closed or failed as nobody foresaw."""
        error = None if serving.cancelled() else serving.exception()
        if error is not None:
            log.error("scripts given up", exc_info=error)
        for wanted in (*self._unanswered, *self._unsent):
            if error is None:
                wanted.answer.cancel()
            else:
                wanted.got(StoreAway(type(error).__name__))
        self._unanswered.clear()
        self._unsent.clear()

    async def _converse(self) -> None:
        connection: Any = self._pool.make_connection()
        try:
            async with asyncio.timeout(self._limit):
                await connection.connect()
            async with asyncio.TaskGroup() as tasks:
                for work in self._send(connection), self._receive(connection), self._watch():
                    tasks.create_task(work)
        finally:
            await connection.disconnect(nowait=True)

    async def _send(self, connection: AbstractConnection) -> None:
        now = asyncio.get_running_loop().time
        while True:
            await self._asked.wait()
            self._asked.clear()
            packed: list[bytes] = []
            while self._unsent:
                wanted = self._unsent.popleft()
                try:
                    packed.append(wanted.packed())
                except (UnicodeError, TypeError) as error:  # such as half a character
                    wanted.got(error if isinstance(error, UnicodeError) else DataError(error))
                    continue
                wanted.sent_at = now()
                self._unanswered.append(wanted)
            self._expected.set()
            await connection.send_packed_command(packed, check_health=False)

    async def _receive(self, connection: AbstractConnection) -> None:
        while True:
            if not self._unanswered:
                self._expected.clear()
                await self._expected.wait()
                continue
            answer = await _answer(connection)
            wanted = self._unanswered.popleft()
            if isinstance(answer, NoScriptError) and not wanted.is_taught:
                wanted.is_taught = True
                self._unsent.append(wanted)
                self._asked.set()
            else:
                wanted.got(answer)

    async def _watch(self) -> None:
        """Raise TimeoutError once the oldest script has had no answer for too long."""
        now = asyncio.get_running_loop().time
        while True:
            since = self._unanswered[0].sent_at if self._unanswered else now()
            left = since + self._limit - now()
            if left <= 0:
                raise TimeoutError
            await asyncio.sleep(left)

    def _broken(self, error: Exception) -> None:
        """Have scripts sent again that a lost connection has cost an answer; fail the others."""
        waiting = [*self._unanswered, *self._unsent]
        self._unanswered.clear()
        self._unsent.clear()
        for wanted in waiting:
            if isinstance(error, _LOST) and not wanted.is_retried:
                wanted.is_retried = True
                self._unsent.append(wanted)
            else:
                wanted.got(error)
        if self._unsent:
            self._asked.set()
        else:
            self._asked.clear()


async def _answer(connection: AbstractConnection) -> Any:
    """Return the next answer, an error that is one included, or why it cannot be read."""
    try:
        return await connection.read_response()
    except _LOST:
        raise
    except (ResponseError, UnicodeError) as error:
        return error


RETURN_SECONDS = 10.0
"""The time, after a Redis outage, in which other processes note the events they have refused."""


def seconds(duration: timedelta) -> int:
    """Return whole seconds for a TTL, at least 1, since Redis refuses an expiry of 0."""
    return max(1, int(duration.total_seconds()))


def millis(duration: timedelta) -> int:
    """Return whole milliseconds."""
    return int(duration.total_seconds() * 1000)


ALIVE = timedelta(minutes=1)


class Store:
    """The keys of one workspace, over a connection that workspaces share; raises `StoreAway`."""

    def __init__(self, runner: ScriptRunner, timing: Timing) -> None:
        self.prefix = SHARED_PREFIX
        self.timing = timing
        self._runner = runner
        self._away_until = -math.inf

    def of(self, team: str) -> "Store":
        """Return the store of a workspace, over the same connection."""
        store = copy(self)
        store.prefix = prefix_of(team)
        return store

    @property
    def was_away(self) -> bool:
        """True if Redis could not be reached, or could not write, within `RETURN_SECONDS`."""
        return time.monotonic() < self._away_until

    async def run(self, script: Script, args: Sequence[str | int]) -> Any:
        """Run `script` atomically; after `StoreAway`, it may have been run and its answer lost."""
        try:
            return await self._runner.run(script, self.prefix, args)
        except StoreAway:
            self._away_until = time.monotonic() + RETURN_SECONDS
            raise

    async def get(self, key: Key) -> str | None:
        """Return the string at `key`."""
        return (await self.get_all([key]))[0]

    async def get_all(self, keys: Sequence[Key]) -> Sequence[str | None]:
        """Return the strings at `keys`, in their order."""
        found: Sequence[str | None] = await commands.fields(self, keys=keys, names=())
        return found

    async def put(self, key: Key, text: str, ttl: timedelta) -> None:
        """Set the string at `key` to `text`, for `ttl`."""
        await commands.put(self, key=key, text=text, ttl=seconds(ttl), field="")

    async def swap(self, key: Key, was: str, text: str, ttl: timedelta) -> bool:
        """Set the string at `key` if it still is what it `was` ('': none); return False if not."""
        return bool(await commands.swap(self, key=key, was=was, text=text, ttl=seconds(ttl)))

    async def claim(self, key: Key, token: str, ttl: timedelta) -> bool:
        """Set the string at `key` to `token` if there is none; return True if it is that now."""
        return await self.swap(key, "", token, ttl)

    async def put_field(self, key: Key, field: str, text: str, ttl: timedelta) -> None:
        """Set a field of the hash at `key` to `text`, and keep the hash for at least `ttl`."""
        await commands.put(self, key=key, text=text, ttl=seconds(ttl), field=field)

    async def delete(self, key: Key) -> None:
        """Delete `key`."""
        await commands.put(self, key=key, text="", ttl=0, field="")

    async def field(self, key: Key, field: str) -> str | None:
        """Return one field of the hash at `key`."""
        return (await self.fields([key], field))[0][0]

    async def fields(self, keys: Sequence[Key], *names: str) -> Sequence[Sequence[str | None]]:
        """Return for each of the hashes at `keys`, in their order, the fields of those `names`."""
        found: Sequence[Sequence[str | None]]
        found = await commands.fields(self, keys=keys, names=names)
        return found

    async def ping(self) -> None:
        """Raise `StoreAway` unless Redis accepts a write; a full one would still answer PING."""
        await self.put(once_key("alive"), "1", ALIVE)


@asynccontextmanager
async def open_store(url: str, timing: Timing = TIMING) -> AsyncIterator[Store]:
    """Connect to `url` lazily: if the server is absent, the first command raises, not this.

    The yielded store is of no workspace yet; `Store.of` returns that of one. A command that Redis
    has not answered within `redis_seconds` raises `StoreAway`.
    """
    limit = timing.redis_seconds
    runner = OneByOne(url, limit) if is_cluster(url) else Pipelining(url, limit)
    try:
        yield Store(runner, timing)
    finally:
        await runner.aclose()


SCHEMA = 1
"""The version that this release reads and writes; one that changes a key's form raises it."""

KEEP = timedelta(days=3650)
"""Longer than anything that is kept, and renewed by each start."""


async def check_schema(store: Store) -> bool:
    """Return True if a relay has used the workspace; `OperatorError` if a newer one has."""
    found = await store.get(SCHEMA_KEY)
    if found and found.isdecimal() and int(found) > SCHEMA:
        raise OperatorError(
            f"A newer release has written to this Redis (schema {found}, this one reads {SCHEMA})",
            "Start that release again, or give this one another REDIS_URL or DATA_DIR.",
        )
    return found is not None


async def claim_schema(store: Store) -> None:
    """Note that this release uses the workspace, unless `check_schema` raises."""
    await check_schema(store)
    await store.put(SCHEMA_KEY, str(SCHEMA), KEEP)
