"""Lua scripts, each a `.lua` file that is called by the names of its keys and arguments.

A file begins with a comment on what its script keeps true. Below it, a line `-- include: name`
stands for the text of `../include/name.lua`. A header then names each key and argument, one a line,
and ends with a blank line. A Python signature beside the file names the same in the same order, and
the two are compared when it is imported, so that no value can reach a slot of another name.
"""

import inspect
import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from enum import Enum
from hashlib import sha1
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import count, dropwhile, takewhile, zip_longest
from typing import Any, NewType, ParamSpec, Protocol, TypeVar, get_origin, get_type_hints

from bot.redis.keys import Key

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Script:
    """A Lua script: sent by its hash, and whole only to a server that does not know it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = sha1(source.encode(), usedforsecurity=False).hexdigest()


class ScriptRunner(Protocol):
    """Runs scripts on one Redis, or on a Cluster."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run `script`, atomically; it is run twice when a connection breaks at the wrong moment.

        Raises:
            StoreAway: it was not run, or the answer was lost.
        """

    async def aclose(self) -> None:
        """Give up what was not answered yet, and close the connections."""


class ScriptMismatch(TypeError):
    """The header of a script is not what its Python signature says."""


class _Kind(Enum):
    """The kinds of parameters, by how a header reads them and how a call gives them."""

    KEYS = ("KEYS", "*{}")
    KEY = ("KEYS[{}]", "{}")
    FLAG = ("ARGV[{}] == '1'", "int({})")
    NUMBER = ("tonumber(ARGV[{}])", "{}")
    TEXT = ("ARGV[{}]", "{}")
    LIST = ("cjson.decode(ARGV[{}])", "_dumps({})")

    def __init__(self, read: str, given: str) -> None:
        self.read = read
        self.given = given


_KINDS = ((bool, _Kind.FLAG), (int, _Kind.NUMBER), (str, _Kind.TEXT), (Sequence, _Kind.LIST))
"""The kinds of arguments, by the first type that fits."""

_INCLUDE = re.compile(r"^-- include: (\w+)\n", re.MULTILINE)


class NamedScript(Protocol[P, R_co]):
    """A script that is called like its signature, after the runner."""

    script: Script

    def __call__(
        self, runner: ScriptRunner, /, *keys: P.args, **named: P.kwargs
    ) -> Awaitable[R_co]:
        """Run the script, atomically.

        Raises:
            StoreAway: it was not run, or the answer was lost.
        """


def script(signature: Callable[P, Awaitable[R_co]]) -> NamedScript[P, R_co]:
    """The script in the `.lua` file beside the signature's module that has its name.

    Raises:
        ScriptMismatch: the file's header and the signature disagree.
    """
    return read(signature, files(sys.modules[signature.__module__].__package__ or ""))


def read(signature: Callable[P, Awaitable[R_co]], home: Traversable) -> NamedScript[P, R_co]:
    """As `script`, with the file in `home`."""
    file = home / f"{signature.__name__}.lua"
    source = file.read_text("utf-8")
    kinds = _kinds_of(signature)
    for has, wants in zip_longest(_header(source), _wanted(kinds)):
        if has != wants:
            raise ScriptMismatch(f"{file} has `{has}` where its signature wants `{wants}`")
    named: NamedScript[P, R_co] = _compiled(Script(assembled(source, home)), kinds)
    return named


def assembled(source: str, home: Traversable) -> str:
    """The text of a script in `home`, with all that it includes, each once."""
    seen: set[str] = set()

    def text(include: re.Match[str]) -> str:
        if include[1] in seen:
            return ""
        seen.add(include[1])
        file = home.joinpath("..", "include", f"{include[1]}.lua")
        return _INCLUDE.sub(text, file.read_text("utf-8"))

    return _INCLUDE.sub(text, source)


def _compiled(script: Script, kinds: Mapping[str, _Kind]) -> Any:
    """The function that puts each value into its slot.

    It is compiled, as a namedtuple is, and costs a seventh of one that takes any names.
    """
    slots = {name: kind.given.format(name) for name, kind in kinds.items()}
    keys = ", ".join(slots[name] for name, kind in kinds.items() if "KEYS" in kind.read)
    args = ", ".join(slots[name] for name, kind in kinds.items() if "ARGV" in kind.read)
    names = ", ".join(f"*{name}" if kind is _Kind.KEYS else name for name, kind in kinds.items())
    only = "" if _Kind.KEYS in kinds.values() else "*, "
    text = f"lambda runner, /, {only}{names}: runner.run(_script, [{keys}], [{args}])"
    call: Any = eval(text, {"_script": script, "_dumps": json.dumps})  # noqa: S307 - our own names
    call.script = script
    return call


def _header(source: str) -> Iterator[str]:
    lines = dropwhile(lambda line: line.startswith("--"), source.splitlines())
    return takewhile(bool, lines)


def _wanted(kinds: Mapping[str, _Kind]) -> Iterator[str]:
    """The lines of a header that reads these parameters."""
    keys, args = count(1), count(1)
    for name, kind in kinds.items():
        number = next(keys if kind is _Kind.KEY else args)
        yield f"local {name} = {kind.read.format(number)}"


def _kinds_of(signature: Callable[..., object]) -> Mapping[str, _Kind]:
    """The kind of each parameter; `*keys` are as many keys as there are."""
    hints = get_type_hints(signature)
    return {
        name: _Kind.KEYS if one.kind is one.VAR_POSITIONAL else _kind_of(hints[name])
        for name, one in inspect.signature(signature).parameters.items()
    }


def _kind_of(hint: Any) -> _Kind:
    while isinstance(hint, NewType):
        if hint is Key:
            return _Kind.KEY
        hint = hint.__supertype__
    for type_, kind in _KINDS:
        if issubclass(get_origin(hint) or hint, type_):
            return kind
    raise ScriptMismatch(f"a script takes no {hint}")
