"""Runs scripts on a Cluster, and translates redis-py's errors.

Each script is sent by itself, since redis-py's cluster pipeline does not support EVALSHA.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ClusterError, NoScriptError, RedisClusterException, RedisError

from bot.model.errors import StoreAway
from bot.redis.scripts import Script
from bot.runtime import metrics
from bot.runtime.outgoing import broken

AT_ONCE = 16
"""Most concurrent scripts on a Cluster: each needs a connection, and opening many takes long."""

AWAY = (RedisError, RedisClusterException, OSError, RuntimeError, AttributeError)
"""The errors of a command. uvloop raises RuntimeError and redis-py AttributeError if another task
has just broken the connection that a command was about to use."""


class Staying(RedisCluster):
    """A Cluster's client that sends no command after a key which is being moved to another node.

    A node that is moving a slot asks to look there for what it hasn't: the one key that a script
    declares never exists, and there the script would find a part of the workspace's keys. What is
    not run is tried again, until the slot has moved.
    """

    def get_node(self, *_: Any, node_name: str | None = None, **__: Any) -> Any:
        """Return no node: redis-py 8.1 looks for one only where a node's answer is ASK."""
        raise ClusterError(f"ASK {node_name}")


class OneByOne:
    """Runs scripts on a Cluster, each on the node that has its keys, within `limit` seconds."""

    def __init__(self, redis: RedisCluster, limit: float) -> None:
        self._redis: Any = redis
        self._limit = limit
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: Script, prefix: str, args: Sequence[str | int]) -> Any:
        """Run `script`, as `ScriptRunner` defines it."""
        async with _translated(self._limit):
            # Until redis-py knows the nodes, it would send a command to any of them.
            await self._redis.initialize()
            async with self._turns:
                try:
                    return await self._redis.evalsha(script.sha, 1, prefix, *args)
                except NoScriptError:
                    # SCRIPT LOAD would go to every node, including one that is gone.
                    return await self._redis.eval(script.source, 1, prefix, *args)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


@asynccontextmanager
async def _translated(limit: float) -> AsyncIterator[None]:
    # redis-py sends under asyncio.wait_for, which in Python 3.11 may swallow a cancellation; a
    # caller that retries in a loop, or waits for something else next, could then not be stopped.
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        async with asyncio.timeout(limit):
            yield
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError
    except AWAY as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise away(error) from error


def away(error: Exception) -> StoreAway:
    """Count the error, and say its kind and Redis's own code, or what broke the connection.

    The rest of a ResponseError's text can quote arguments, which are people's messages. A code,
    such as MISCONF or NOPERM, is the first word in capitals; redis-py removes most of them.
    """
    kind, why = type(error).__name__, broken(error)
    metrics.REDIS_ERRORS.labels(kind).inc()
    code = _CODE.match(str(error)) if isinstance(error, RedisError) else None
    if code is not None:
        return StoreAway(f"{kind}: {code[0]}")
    return StoreAway(kind if why == kind else f"{kind}: {why}")


_CODE = re.compile(r"[A-Z]{3,}(?= |$)")
