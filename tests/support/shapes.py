"""The shapes of all that Redis keeps, by their names, as `tests/store/shapes.txt` lists them.

`python -m tests.store.test_shapes` writes that file.
"""

import dataclasses
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from itertools import chain
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from bot.model.record import Record
from bot.model.sessions import Follow
from bot.redis.connection import SCHEMA
from bot.store.outbox import Teller
from tests.support.lua import BOT, SCRIPTS

LISTED = Path(__file__).parents[1] / "store" / "shapes.txt"
PAGE = BOT.parent / "docs" / "architecture" / "redis.md"


def shapes(hashes: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a line for each key, hash, record's field and set of values that are kept."""
    modules = {path: path.read_text("utf-8") for path in sorted(BOT.rglob("*.py"))}
    for path in modules:
        if path.stem != "__main__":
            name = ".".join(path.relative_to(BOT.parent).with_suffix("").parts)
            importlib.import_module(name.removesuffix(".__init__"))
    row = re.compile(r"^\| `(\w+)_(?:key|KEY)` \| (string|hash|list|sorted set)", re.MULTILINE)
    put = re.findall(r'put_field\([^"]*, "(\w+)"', "\n".join(modules.values()))
    parts = re.findall(r'^PART = "(\w+)"', "\n".join(modules.values()), re.MULTILINE)
    states = re.findall(r"'HSET', \w+, 'state', '(\w+)'", "\n".join(SCRIPTS.values()))
    kinds = [vars(one)["kind"] for one in _below(Teller) if "kind" in vars(one)]
    kept = _kept({Follow, *_below(Record)})
    return [
        f"schema {SCHEMA}",
        *sorted({f"key {kind.lower()}: {of}" for kind, of in row.findall(PAGE.read_text("utf-8"))}),
        *(f"hash {name}: {_list(of)}" for name, of in sorted(hashes.items()) if of),
        f"fields of hashes, without a script: {_list(put)}",
        f"parts of profiles, by features: {_list(parts)}",
        f"states of a reply: {_list(states)}",
        f"kinds of entries: {_list(kinds)}",
        *chain(*map(_shape, sorted(kept, key=lambda one: one.__name__))),
    ]


def _list(names: Iterable[str]) -> str:
    return " ".join(sorted(set(names)))


def _below(kind: type[object]) -> Iterator[type]:
    ours = [one for one in kind.__subclasses__() if one.__module__[:4] == "bot."]
    return chain(ours, *map(_below, ours))


def _kept(found: set[type]) -> set[type]:
    """The classes, with those that their fields hold, but for those that others consist of."""
    found = {one for one in found if not one.__subclasses__()}
    held = {one for kind in found for _, of, _ in _fields(kind) for one in _classes(of)}
    return found if held <= found else _kept(found | held)


def _classes(of: Any) -> Iterator[type]:
    if isinstance(of, type) and of.__module__.startswith("bot."):
        yield of
    for one in get_args(of):
        yield from _classes(one)


def _fields(kind: type) -> Iterator[tuple[str, Any, str]]:
    """The name, type and default of each field."""
    if issubclass(kind, Record):
        for name, field in kind.model_fields.items():
            yield name, field.annotation, "" if field.is_required() else _default(field.default)
    elif dataclasses.is_dataclass(kind):
        for one in dataclasses.fields(kind):
            none = one.default is one.default_factory is dataclasses.MISSING
            yield one.name, one.type, "" if none else _default(one.default)


def _default(value: Any) -> str:
    if isinstance(value, str | int | float | tuple | frozenset | None):
        return f" = {value.value if isinstance(value, Enum) else value!r}"
    return " = ..."


def _shape(kind: type) -> Iterator[str]:
    if issubclass(kind, Enum):
        yield f"{kind.__name__}: {_list(str(one.value) for one in kind)}"
    for name, of, default in _fields(kind):
        yield f"{kind.__name__}.{name}: {_name(of)}{default}"


def _name(of: Any) -> str:
    origin, args = get_origin(of), [_name(one) for one in get_args(of)]
    if origin in {Union, UnionType}:
        return " | ".join(args)
    if origin is Annotated:
        return args[0]
    if of in {..., NoneType}:
        return "None" if of is NoneType else "..."
    named = str(getattr(origin or of, "__name__", of))
    return f"{named}[{', '.join(args)}]" if args else named
