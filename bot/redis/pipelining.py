"""Scripts that are wanted at the same moment travel to Redis together.

redis-py spends more on a command's way than Redis on the command, and a Redis that syncs each
write to disk syncs once for all that come in one read. While one batch travels, the next gathers.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisError

MOST = 200
"""Scripts in one batch; more wait for the next one."""

AT_ONCE = 16
"""Scripts on their way to a Cluster; each has a connection, and a crowd of new ones takes long."""


BROKEN = (RedisError, OSError, RuntimeError, AttributeError)
"""What a command may raise. A RuntimeError is uvloop's and an AttributeError redis-py's, when
another task has just broken the connection that a command was about to use."""


class Script:
    """A Lua script: sent by its hash, and whole only to a server that does not know it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = sha1(source.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class _Wanted:
    script: Script
    keys: Sequence[str]
    args: Sequence[str | int]
    answer: asyncio.Future[Any]

    def got(self, answer: Any) -> None:
        """Pass the answer, or the error, on to who waits, if anybody still does."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Pipelining:
    """Runs scripts on one Redis, those of one moment in one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wanted: list[_Wanted] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically; it is run twice when a connection breaks at the wrong moment.

        Raises:
            RedisError, OSError: it was not run, or the answer was lost.
        """
        wanted = _Wanted(script, keys, args, asyncio.get_running_loop().create_future())
        self._wanted.append(wanted)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all(), name="batches")
        return await wanted.answer

    async def aclose(self) -> None:
        """Give up what was not answered yet."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        for wanted in self._wanted:
            wanted.answer.cancel()

    async def _send_all(self) -> None:
        while self._wanted:
            batch, self._wanted = self._wanted[:MOST], self._wanted[MOST:]
            try:
                await self._send(batch)
            except BROKEN as error:
                for wanted in batch:
                    wanted.got(error)
            except UnicodeError:
                await self._send_each(batch)
            finally:
                for wanted in batch:
                    wanted.answer.cancel()

    async def _send(self, batch: Sequence[_Wanted]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for wanted in batch:
            pipeline.evalsha(wanted.script.sha, len(wanted.keys), *wanted.keys, *wanted.args)
        answers = await pipeline.execute(raise_on_error=False)
        for wanted, answer in zip(batch, answers, strict=True):
            if isinstance(answer, NoScriptError) and not wanted.answer.done():
                await self._teach(wanted)
            else:
                wanted.got(answer)

    async def _send_each(self, batch: Sequence[_Wanted]) -> None:
        """Send one by one what was not sent together, since one of them is not text."""
        for wanted in batch:
            try:
                await self._send([wanted])
            except (*BROKEN, UnicodeError) as error:
                wanted.got(error)

    async def _teach(self, wanted: _Wanted) -> None:
        """Run a script that the server did not know; it does from now on."""
        try:
            answer = await self._redis.eval(
                wanted.script.source, len(wanted.keys), *wanted.keys, *wanted.args
            )
        except RedisError as error:
            wanted.got(error)
        else:
            wanted.got(answer)


class OneByOne:
    """Runs scripts on a Cluster, each by itself, on the node that has its keys."""

    def __init__(self, redis: RedisCluster) -> None:
        self._redis: Any = redis
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically; it is run twice when a connection breaks at the wrong moment.

        Raises:
            RedisError, RedisClusterException, OSError: it was not run, or the answer was lost.
        """
        async with self._turns:
            try:
                return await self._redis.evalsha(script.sha, len(keys), *keys, *args)
            except NoScriptError:
                # Not SCRIPT LOAD, which goes to each node, also to one that is gone.
                return await self._redis.eval(script.source, len(keys), *keys, *args)

    async def aclose(self) -> None:
        """Nothing waits here."""
