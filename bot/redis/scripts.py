"""Reads Lua scripts: each is a `.lua` file, called with its arguments by name.

A file begins with a comment that describes the script. A header then names each argument, one per
line, in the form of its kind (`FORMS`). A function `f` that a script calls, and does not define, is
that of `../include/f.lua`.

The one declared key is the workspace's prefix, by whose hash tag a Cluster routes a script. It is
told ids, and builds its keys: `key.mail(session)`, or `key.due`, as `redis/keys.py` does. A time
`keep.done` is in seconds, and comes from `redis/keep.py`.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.redis import keep, keys
from bot.redis.pipelining import Form, Script, text


class ScriptMismatch(TypeError):
    """The header of a script is not in order, or it names a key or a time that doesn't exist."""


FORMS: Mapping[str, Form] = {
    "KEYS[1] .. ARGV[]": text,
    "ARGV[]": text,
    "tonumber(ARGV[])": int,
    "ARGV[] == '1'": int,
    "cjson.decode(ARGV[])": json.dumps,
}
"""The forms of an argument in a header, for a key, a text, a whole number, a flag and a list; each
with what a value is sent as. For a value of another kind, that raises TypeError."""

_ARGUMENT = re.compile(r"^local (\w+) = (.*ARGV.*)$", re.MULTILINE)
_CALL = re.compile(r"(?<![.\w])(\w+)\(")
_KEY = re.compile(r"\bkey\.(\w+)")
_KEEP = re.compile(r"\bkeep\.(\w+)")


class Scripts:
    """The scripts in a folder and those below it, each by the name of its file."""

    def __init__(self, home: Path) -> None:
        files = (one for one in home.rglob("*.lua") if one.parent.name != "include")
        self.by_name = {file.stem: read(file) for file in files}
        vars(self).update(self.by_name)

    def __getattr__(self, name: str) -> Script:
        """Raise AttributeError: those that are there are found without this, by mypy with it."""
        raise AttributeError(name)


def read(file: Path) -> Script:
    """Read a script from its file; raise `ScriptMismatch`."""
    source, given = file.read_text("utf-8"), dict[str, Form]()
    for number, (name, form) in enumerate(_ARGUMENT.findall(source), start=1):
        if (kind := form.replace(f"ARGV[{number}]", "ARGV[]")) in FORMS:
            given[name] = FORMS[kind]
    if source.count("ARGV") != len(given):
        raise ScriptMismatch(f"{file} must read each argument once, in order, as {list(FORMS)}")
    return Script(assembled(source, file.parent), **given)


def assembled(source: str, home: Path) -> str:
    """Return the text of a script in `home`, after the functions that it calls, each once."""
    seen: set[str] = set()

    def called_by(text: str) -> str:
        found = ""
        for name in _CALL.findall(text):
            file = home.parent / "include" / f"{name}.lua"
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
