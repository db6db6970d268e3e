"""Lua scripts: each is a `.lua` file, called with its arguments by name; and running them.

A file begins with a comment that describes the script. A header then names each argument, one per
line, and ends with a blank line. A Python signature has the file's name, and the same arguments in
the same order; the two are compared at import, so that no value can reach a slot of another name. A
function `f` that a script calls, and does not define, is that of `../include/f.lua`.

The one declared key is the workspace's prefix, by whose hash tag a Cluster routes a script. It is
told ids, and builds its keys: `key.mail(session)`, or `key.due`, as `redis/keys.py` does. A time
`keep.done` is in seconds, and comes from `redis/keep.py`.

A single server has a pipeline of its own (`redis/connection.py`); redis-py's for a Cluster does not
support EVALSHA.
"""

import asyncio
import inspect
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    NewType,
    ParamSpec,
    Protocol,
    TypeVar,
    get_origin,
    get_type_hints,
)

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import (
    ClusterError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

from bot.model.errors import StoreAway
from bot.redis import keep, keys
from bot.redis.keys import Key
from bot.runtime import metrics
from bot.runtime.outgoing import broken

if TYPE_CHECKING:
    from bot.redis.connection import Store

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Script:
    """A Lua script; it is sent by its hash, and in full only to a server that does not know it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = sha1(source.encode(), usedforsecurity=False).hexdigest()


class ScriptRunner(Protocol):
    """Runs scripts on a single Redis, or on a Cluster."""

    async def run(self, script: Script, prefix: str, args: Sequence[str | int]) -> Any:
        """Run `script` atomically, perhaps twice if a connection breaks; raises `StoreAway`."""

    async def aclose(self) -> None:
        """Give up scripts without an answer, and close the connections."""


class ScriptMismatch(TypeError):
    """The header of a script does not match its Python signature."""


class _Kind(NamedTuple):
    """A kind of arguments: its form in a header, and its form in a call."""

    read: str
    given: str = "{}"


_KEY_KIND = _Kind("KEYS[1] .. ARGV[{}]")
_KINDS = (
    (bool, _Kind("ARGV[{}] == '1'", "int({})")),
    (int, _Kind("tonumber(ARGV[{}])")),
    (str, _Kind("ARGV[{}]")),
    (Sequence, _Kind("cjson.decode(ARGV[{}])", "_dumps({})")),
)
"""The kinds of arguments by type; the first type that fits counts."""

_COMMENT = re.compile(r"\A(--.*\n)*")
_CALL = re.compile(r"(?<![.\w])(\w+)\(")
_KEY = re.compile(r"\bkey\.(\w+)")
_KEEP = re.compile(r"\bkeep\.(\w+)")


class NamedScript(Protocol[P, R_co]):
    """A script that is called like its signature, after the store of its keys."""

    script: Script

    def __call__(self, store: "Store", /, *none: P.args, **named: P.kwargs) -> Awaitable[R_co]:
        """Run the script, as `ScriptRunner.run` does."""


def script(signature: Callable[P, Awaitable[R_co]]) -> NamedScript[P, R_co]:
    """Read the script from the `.lua` file of the signature's name; raise `ScriptMismatch`."""
    beside = files(sys.modules[signature.__module__].__package__ or "")
    folders = (one for one in beside.iterdir() if (one / f"{signature.__name__}.lua").is_file())
    return read(signature, next(folders, beside))


def read(signature: Callable[P, Awaitable[R_co]], home: Traversable) -> NamedScript[P, R_co]:
    """Read a script as `script` does, from the file in `home`."""
    file = home / f"{signature.__name__}.lua"
    source = file.read_text("utf-8")
    hints = get_type_hints(signature)
    kinds = {name: _kind_of(hints[name]) for name in inspect.signature(signature).parameters}
    header = "".join(
        f"local {name} = {kind.read.format(number)}\n"
        for number, (name, kind) in enumerate(kinds.items(), start=1)
    )
    if not _COMMENT.sub("", source, count=1).startswith(f"{header}\n"):
        raise ScriptMismatch(f"{file} must begin, after its comment, with this:\n{header}")
    named: NamedScript[P, R_co] = _compiled(Script(assembled(source, home)), kinds)
    return named


def assembled(source: str, home: Traversable) -> str:
    """Return the text of a script in `home`, after the functions that it calls, each once."""
    seen: set[str] = set()

    def called_by(text: str) -> str:
        found = ""
        for name in _CALL.findall(text):
            file = home.joinpath("..", "include", f"{name}.lua")
            if name not in seen and file.is_file():
                seen.add(name)
                called = file.read_text("utf-8")
                found += called_by(called) + called
        return found

    body = called_by(source) + source
    return _table("key", _KEY, _builder_of, body) + _table("keep", _KEEP, _seconds_of, body) + body


def _table(table: str, named: re.Pattern[str], value_of: Callable[[str], object], body: str) -> str:
    values = [f"  {name} = {value_of(name)},\n" for name in dict.fromkeys(named.findall(body))]
    return f"local {table} = {{\n" + "".join(values) + "}\n" if values else ""


def _builder_of(name: str) -> str:
    if hasattr(keys, f"{name.upper()}_KEY"):
        return f"KEYS[1] .. '{name}'"
    if hasattr(keys, f"{name}_key"):
        return f"function(id) return KEYS[1] .. '{name}:' .. id end"
    raise ScriptMismatch(f"there is no key `{name}`")


def _seconds_of(name: str) -> int:
    kept = getattr(keep, name.upper(), None)
    if kept is None:
        raise ScriptMismatch(f"there is no time `{name}`")
    return int(kept.total_seconds())


def _compiled(script: Script, kinds: Mapping[str, _Kind]) -> Any:
    """Compile the call that fills the slots, which takes a seventh of the time of a loop."""
    args = ", ".join(kind.given.format(name) for name, kind in kinds.items())
    names = ", ".join(["*", *kinds] if kinds else [])
    text = f"lambda _store, /, {names}: _store.run(_script, [{args}])"
    call: Any = eval(text, {"_script": script, "_dumps": json.dumps})  # noqa: S307 - our own names
    call.script = script
    return call


def _kind_of(hint: Any) -> _Kind:
    while isinstance(hint, NewType):
        if hint is Key:
            return _KEY_KIND
        hint = hint.__supertype__
    for type_, kind in _KINDS:
        if issubclass(get_origin(hint) or hint, type_):
            return kind
    raise ScriptMismatch(f"a script takes no {hint}")


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
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: Script, prefix: str, args: Sequence[str | int]) -> Any:
        """Run `script`, as `ScriptRunner` defines it."""
        async with _translated(self._limit):
            # Until redis-py knows the nodes, it would send a command to any of them.
            await self._redis.initialize()
            async with self._slots:
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
    is_refused = isinstance(error, ResponseError)
    metrics.REDIS_ERRORS.labels(kind).inc()
    code = _CODE.match(str(error)) if isinstance(error, RedisError) else None
    if code is not None:
        return StoreAway(f"{kind}: {code[0]}", is_refused=is_refused)
    return StoreAway(kind if why == kind else f"{kind}: {why}", is_refused=is_refused)


_CODE = re.compile(r"[A-Z]{3,}(?= |$)")
