"""Runs scripts over one connection to the server, or to the node of a Cluster that has their keys.

None waits for earlier answers. redis-py gives each command a connection of its own, or sends
several as a batch, whose answers are returned together. Here a script leaves with those of the same
turn of the event loop, and each answer is passed on as it comes. redis-py finds the node, connects,
authenticates and parses, and hiredis packs.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from typing import TYPE_CHECKING, Any, cast

from hiredis import pack_command
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import (
    AskError,
    ClusterDownError,
    DataError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.model.errors import StoreAway
from bot.runtime import metrics
from bot.runtime.outgoing import broken

if TYPE_CHECKING:
    from bot.redis.connection import Store

log = logging.getLogger(__name__)


Form = Callable[[Any], str | int]
"""Turns an argument into what is sent; raises TypeError for a value of another kind."""


def text(value: object) -> str:
    """Return a text as it is: the form of most arguments."""
    if isinstance(value, str):
        return value
    raise TypeError(type(value).__name__)


class Script:
    """A Lua script; it is sent by its hash, and in full only to a server that does not know it."""

    def __init__(self, source: str, /, **arguments: Form) -> None:
        self.source = source
        self.sha = sha1(source.encode(), usedforsecurity=False).hexdigest()
        self.arguments = arguments

    def __call__(self, store: "Store", /, **named: Any) -> Awaitable[Any]:
        """Run it as `Store.run` does, with all of its arguments by name."""
        if named.keys() != self.arguments.keys():
            raise TypeError(f"{sorted(named)} are not {sorted(self.arguments)}")
        return store.run(self, [form(named[name]) for name, form in self.arguments.items()])


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
        command: Any = (*what, 1, self.prefix, *self.args)
        return cast("bytes", pack_command(command))

    def got(self, answer: Any) -> None:
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


_MOVED = (MovedError, AskError, TryAgainError, ClusterDownError)
_LOST = (RedisConnectionError, ReadOnlyError, MasterDownError, *_MOVED)
"""The connection broke, or leads to a replica or a node without the keys: another may do better.

A node that is moving keys asks to look for what it hasn't at the other one (ASK). The one key that
a script declares never exists, and there the script would find a part of the workspace's keys. So
it is not run until they have moved.
"""


class Pipelining:
    """Runs scripts over a connection that `make` returns.

    A script without an answer after `limit` seconds fails, and all others with it: their
    answers would come behind its own. A connection that breaks, or leads to the wrong node, is
    replaced once for each script, which may therefore run twice.

    Its `socket_timeout` must be None. With one, redis-py 8.1 sends under asyncio.wait_for, which in
    Python 3.11 may swallow the cancellation of the sender.
    """

    def __init__(self, make: Callable[[], Awaitable[Any]], limit: float) -> None:
        self._make = make
        self._limit = limit
        self._unsent: deque[_Wanted] = deque()
        self._unanswered: deque[_Wanted] = deque()
        self._asked = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def run(self, script: Script, prefix: str, args: Sequence[str | int]) -> Any:
        """Run `script` atomically, perhaps twice if the connection breaks; raises `StoreAway`."""
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
        while self._serving is not None and not self._serving.done():
            self._serving.cancel()  # which Python 3.11 may swallow as a connection breaks or begins
            await asyncio.wait({self._serving}, timeout=0.5)

    async def _serve(self) -> None:
        while True:
            await self._asked.wait()
            try:
                # In a task of its own: a group that fails leaves its task marked as canceled, and
                # there Python 3.11.2 raises CancelledError for the timeout of the next connection.
                await asyncio.create_task(self._converse())
            except* AWAY as group:
                self._broken(group.exceptions[0])

    def _ended(self, serving: asyncio.Task[None]) -> None:
        """Let nobody wait any longer, whether this was closed or failed as nobody foresaw."""
        error = None if serving.cancelled() else serving.exception()
        if error is not None:
            log.error("scripts given up", exc_info=error)
        for wanted in (*self._unanswered, *self._unsent):
            wanted.got(StoreAway(type(error).__name__ if error else "closed"))
        self._unanswered.clear()
        self._unsent.clear()

    async def _converse(self) -> None:
        connection: Any = None  # redis-py 8.1 leaves its methods untyped
        try:
            async with asyncio.timeout(self._limit):
                connection = await self._make()
                await connection.connect()
            async with asyncio.TaskGroup() as tasks:
                for work in self._send(connection), self._receive(connection), self._watch():
                    tasks.create_task(work)
        finally:
            if connection is not None:
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
            await connection.send_packed_command(packed, check_health=False)

    async def _receive(self, connection: AbstractConnection) -> None:
        while True:
            answer: Any
            try:
                answer = await connection.read_response()
            except _LOST:
                raise
            except (ResponseError, UnicodeError) as error:  # that of this script alone
                answer = error
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


def pipelined(url: str, limit: float) -> Pipelining:
    """Return what runs scripts on the single server at `url`."""
    pool: Any = ConnectionPool.from_url(
        url, decode_responses=True, socket_timeout=None, socket_connect_timeout=limit
    )

    async def make() -> Any:
        return pool.make_connection()

    return Pipelining(make, limit)


class Cluster:
    """Runs scripts on a Cluster, those of each prefix over a connection to the node with its keys.

    The nodes are asked for it before each connection, and each for half of the `limit` at most:
    when one hangs, there is time to ask another. The one at `url` is always among them: the others
    may have other addresses by then.
    """

    def __init__(self, url: str, limit: float) -> None:
        self._redis: Any = RedisCluster.from_url(
            url.replace("+cluster", "", 1),
            decode_responses=True,
            socket_timeout=limit / 2,
            socket_connect_timeout=limit / 2,
        )
        self._nodes = self._redis.nodes_manager
        self._named = dict(self._nodes.startup_nodes)
        self._limit = limit
        self._pipelines: dict[str, Pipelining] = {}

    async def run(self, script: Script, prefix: str, args: Sequence[str | int]) -> Any:
        """Run `script` as `Pipelining.run` does."""
        if prefix not in self._pipelines:
            self._pipelines[prefix] = Pipelining(partial(self._make, prefix), self._limit)
        return await self._pipelines[prefix].run(script, prefix, args)

    async def aclose(self) -> None:
        """Give up scripts without an answer, and close the connections."""
        for one in self._pipelines.values():
            await one.aclose()
        await self._nodes.aclose("startup_nodes")

    async def _make(self, prefix: str) -> Any:
        # The connection that asks is closed by `aclose`: redis-py 8.1, canceled as it closes one,
        # leaves it open. It makes a new one the next time.
        await self._nodes.initialize()
        # Of the nodes to ask next, redis-py keeps only those that it found.
        self._nodes.startup_nodes |= self._named
        node = self._redis.get_node_from_key(prefix)
        return node.connection_class(**{**node.connection_kwargs, "socket_timeout": None})


AWAY = (RedisError, RedisClusterException, OSError, RuntimeError, AttributeError)
"""The errors of a command. uvloop raises RuntimeError and redis-py AttributeError if another task
has just broken the connection that a command was about to use."""


def away(error: Exception) -> StoreAway:
    """Count the error, and say its kind and Redis's own code, or what broke the connection.

    The rest of a ResponseError's text can quote arguments, which are people's messages. A code,
    such as MISCONF or NOPERM, is the first word in capitals; redis-py removes most of them.
    """
    kind, why = type(error).__name__, broken(error)
    is_refused = isinstance(error, ResponseError)
    metrics.REDIS_ERRORS.labels(kind).inc()
    code = _CODE.match(str(error)) if isinstance(error, RedisError) else None
    if code is not None:
        return StoreAway(f"{kind}: {code[0]}", is_refused=is_refused)
    return StoreAway(kind if why == kind else f"{kind}: {why}", is_refused=is_refused)


_CODE = re.compile(r"[A-Z]{3,}(?= |$)")
