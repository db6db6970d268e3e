"""Runs scripts on a single Redis over one connection; none waits for earlier answers.

redis-py gives each command a connection of its own, or sends several as a batch, whose answers are
returned together. Here a script leaves with those of the same turn of the event loop, and each
answer is passed on as it comes. redis-py's connection authenticates, packs and parses.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, NoScriptError, ResponseError

from bot.model.errors import StoreAway
from bot.redis.scripts import AWAY, Script, away

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

    def packed(self, connection: AbstractConnection) -> list[bytes]:
        what = ("EVAL", self.script.source) if self.is_taught else ("EVALSHA", self.script.sha)
        return connection.pack_command(*what, 1, self.prefix, *self.args)

    def got(self, answer: Any) -> None:
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Pipelining:
    """Runs scripts on a single Redis.

    A script without an answer after `limit` seconds fails, and all others with it: their
    answers would come behind its own. A connection that breaks is replaced once for each script,
    which may therefore run twice.

    The `socket_timeout` of `redis` must be None. With one, redis-py 8.1 sends under
    asyncio.wait_for, which in Python 3.11 may swallow the cancellation of the sender.
    """

    def __init__(self, redis: Redis, limit: float) -> None:
        self._redis = redis
        self._pool: Any = redis.connection_pool  # redis-py 8.1 leaves its connections untyped
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
        await self._redis.aclose()

    async def _serve(self) -> None:
        while True:
            await self._asked.wait()
            try:
                await self._converse()
            except AWAY as error:
                self._broken(error)

    def _ended(self, serving: asyncio.Task[None]) -> None:
        """Let nobody wait any longer, whether this was closed or failed as nobody foresaw."""
        error = None if serving.cancelled() else serving.exception()
        if error is not None:
            log.error("scripts given up", exc_info=error)
        for waiting in (self._unanswered, self._unsent):
            while waiting:
                wanted = waiting.popleft()
                if error is None:
                    wanted.answer.cancel()
                else:
                    wanted.got(StoreAway(type(error).__name__))

    async def _converse(self) -> None:
        connection: Any = self._pool.make_connection()
        try:
            async with asyncio.timeout(self._limit):
                await connection.connect()
            sending = asyncio.create_task(self._send(connection), name="scripts out")
            receiving = asyncio.create_task(self._receive(connection), name="answers in")
            try:
                await asyncio.gather(sending, receiving)
            finally:
                sending.cancel()
                receiving.cancel()
                await asyncio.wait({sending, receiving})
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
                    packed += wanted.packed(connection)
                except (UnicodeError, DataError) as error:  # such as half a character
                    wanted.got(error)
                    continue
                wanted.sent_at = now()
                self._unanswered.append(wanted)
            self._expected.set()
            await connection.send_packed_command(packed, check_health=False)

    async def _receive(self, connection: AbstractConnection) -> None:
        async with asyncio.timeout(None) as limit:
            while True:
                if not self._unanswered:
                    limit.reschedule(None)
                    self._expected.clear()
                    await self._expected.wait()
                    continue
                limit.reschedule(self._unanswered[0].sent_at + self._limit)
                answer = await _answer(connection)
                wanted = self._unanswered.popleft()
                if isinstance(answer, NoScriptError) and not wanted.is_taught:
                    wanted.is_taught = True
                    self._unsent.append(wanted)
                    self._asked.set()
                else:
                    wanted.got(answer)

    def _broken(self, error: Exception) -> None:
        """Have scripts sent again that a lost connection has cost an answer; fail the others."""
        waiting = [*self._unanswered, *self._unsent]
        self._unanswered.clear()
        self._unsent.clear()
        for wanted in waiting:
            if isinstance(error, RedisConnectionError) and not wanted.is_retried:
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
    except (ResponseError, UnicodeError) as error:
        return error
