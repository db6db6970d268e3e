"""Runs scripts on a single Redis or on a Cluster, and translates redis-py's errors.

Concurrent scripts are sent to a single Redis in one batch: redis-py spends more on sending a
command than Redis on running it, and a Redis that syncs each write to disk syncs once for all
commands of one read. While one batch is on its way, the next one gathers. On a Cluster each script
is sent by itself, since redis-py's cluster pipeline does not support EVALSHA.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from bot.model.errors import StoreAway
from bot.redis.scripts import Script
from bot.runtime import metrics

MOST = 200
"""Most scripts in one batch; more wait for the next one."""

AT_ONCE = 16
"""Most concurrent scripts on a Cluster: each needs a connection, and opening many takes long."""

_AWAY = (RedisError, RedisClusterException, OSError, RuntimeError, AttributeError)
"""The errors of a command. uvloop raises RuntimeError and redis-py AttributeError if another task
has just broken the connection that a command was about to use."""


class _Wanted(NamedTuple):
    script: Script
    keys: Sequence[str]
    args: Sequence[str | int]
    answer: asyncio.Future[Any]

    def got(self, answer: Any) -> None:
        """Pass the answer or the error on to the caller, if it is still waiting."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Pipelining:
    """Runs scripts on a single Redis, concurrent ones in one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wanted: list[_Wanted] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, as `ScriptRunner` defines it."""
        wanted = _Wanted(script, keys, args, asyncio.get_running_loop().create_future())
        self._wanted.append(wanted)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all(), name="batches")
        # This task runs no code of redis-py, which could swallow a cancellation.
        try:
            return await wanted.answer
        except _AWAY as error:
            raise _away(error) from error

    async def aclose(self) -> None:
        """Give up scripts without an answer, and close the connections."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        for wanted in self._wanted:
            wanted.answer.cancel()
        await self._redis.aclose()

    async def _send_all(self) -> None:
        while self._wanted:
            batch, self._wanted = self._wanted[:MOST], self._wanted[MOST:]
            try:
                await self._send(batch)
            except _AWAY as error:
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
            # The same as `evalsha`, which passes all parts on twice more: half of its cost.
            parts = (wanted.script.sha, len(wanted.keys), *wanted.keys, *wanted.args)
            pipeline.execute_command("EVALSHA", *parts)
        answers = await pipeline.execute(raise_on_error=False)
        for wanted, answer in zip(batch, answers, strict=True):
            if isinstance(answer, NoScriptError) and not wanted.answer.done():
                await self._teach(wanted)
            else:
                wanted.got(answer)

    async def _send_each(self, batch: Sequence[_Wanted]) -> None:
        """Send the scripts of a batch one by one, since an argument of one cannot be encoded."""
        for wanted in batch:
            try:
                await self._send([wanted])
            except (*_AWAY, UnicodeError) as error:
                wanted.got(error)

    async def _teach(self, wanted: _Wanted) -> None:
        """Run a script that the server did not know, and that it caches from now on."""
        try:
            answer = await self._redis.eval(
                wanted.script.source, len(wanted.keys), *wanted.keys, *wanted.args
            )
        except RedisError as error:
            wanted.got(error)
        else:
            wanted.got(answer)


class OneByOne:
    """Runs scripts on a Cluster, each by itself, on the node that has its keys.

    `limit` is the total time for one script, in seconds: after a timeout, redis-py asks all nodes
    for the place of the key, each with a timeout of its own.
    """

    def __init__(self, redis: RedisCluster, limit: float) -> None:
        self._redis: Any = redis
        self._limit = limit
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, as `ScriptRunner` defines it."""
        async with _translated(self._limit):
            # Until redis-py knows the nodes, it would send a command to any of them.
            await self._redis.initialize()
            async with self._turns:
                try:
                    return await self._redis.evalsha(script.sha, len(keys), *keys, *args)
                except NoScriptError:
                    # SCRIPT LOAD would go to every node, including one that is gone.
                    return await self._redis.eval(script.source, len(keys), *keys, *args)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


@asynccontextmanager
async def _translated(limit: float) -> AsyncIterator[None]:
    """Raise redis-py's errors, and a timeout after `limit` seconds, as `StoreAway`."""
    # redis-py sends under asyncio.wait_for, which in Python 3.11 may swallow a cancellation; a
    # caller that retries in a loop, or waits for something else next, could then not be stopped.
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
    """Count the error, and name it by Redis's own code, such as OOM, READONLY or NOAUTH.

    The rest of a ResponseError's text can quote arguments, which are people's messages.
    """
    metrics.REDIS_ERRORS.labels(type(error).__name__).inc()
    code = str(error).split(" ", 1)[0][:40] if isinstance(error, RedisError) else ""
    return StoreAway(f"{type(error).__name__} {code}".strip())
