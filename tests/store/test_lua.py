"""The Lua files: each has a signature, is taken by Redis, and names fields that exist."""

import importlib
import re
from collections.abc import Iterator

from redis.asyncio import Redis

from bot.store.lua import ReplyField
from tests.support.lua import BOT, SCRIPTS

SIGNATURES = {
    f"{module.split('.')[1]}/{name}": named
    for module in sorted(
        ".".join(file.relative_to(BOT.parent).with_suffix("").parts).removesuffix(".__init__")
        for room in ("redis", "store")
        for file in (BOT / room / "lua").rglob("*.py")
    )
    for name, named in vars(importlib.import_module(module)).items()
    if callable(named) and hasattr(named, "script")
}

HASHES: dict[str, set[str]] = {
    "reply": set(ReplyField),
    "subject": {"asked", "round", "posting", "batch", "notes", "since", "waits"},
    "record": {"asked", "round", "state", "meanwhile", "noticed", "reply", "files"},
    "card": {"wanted", "session", "ts", "shows", "slot", "edited", "open", "again"},
    "watched": {
        *("seen", "shown", "joined:", "replied", "sent", "asked", "wanted", "by:", "last:"),
        *("failing", "attempts"),
        "started",
    },
    "heard": {"gap"},
    "ledger": set(),
    "key": set(),
}
"""The fields that a script may name of a hash, by the name that all scripts have for its key."""

HASH_CALL = re.compile(
    r"redis\.call\(\s*'(H[A-Z]+)',\s*(?:\w+\.)?(\w+)(?:,\s*([^()]*(?:\([^()]*\)[^()]*)*))?\)"
)


def test_every_file_is_a_script_with_a_signature() -> None:
    """So what is checked here is what is sent."""
    assert {name: one.script.source for name, one in SIGNATURES.items()} == SCRIPTS


def test_every_include_is_included() -> None:
    """Each defines one function, which has its name."""
    for file in BOT.rglob("include/*.lua"):
        defined = re.findall(r"^local function (\w+)", file.read_text(), re.MULTILINE)
        assert defined == [file.stem]
        assert any(f"function {file.stem}(" in source for source in SCRIPTS.values())


async def test_redis_takes_the_scripts(raw: Redis) -> None:
    """Their syntax is right, and their hashes are those that are sent."""
    for name, source in SCRIPTS.items():
        assert await raw.script_load(source) == SIGNATURES[name].script.sha, name


def test_a_script_names_only_fields_that_are_declared() -> None:
    """A reply has those of `store/lua/__init__.py`: a misspelt one would stay empty."""
    for name, source in SCRIPTS.items():
        undeclared = [(key, field) for key, field in fields(source) if field not in HASHES[key]]
        assert not undeclared, name
        assert len(HASH_CALL.findall(source)) == source.count("redis.call('H"), name


def test_every_declared_field_is_named_by_a_script() -> None:
    """One that no script writes or reads any more is struck off."""
    found = {field for source in SCRIPTS.values() for field in fields(source)}
    for key in HASHES.keys() - {"reply", "subject", "record"}:
        assert {field for of, field in found if of == key} == HASHES[key]
    either = {field for of, field in found if of in {"reply", "subject", "record"}}
    told = {ReplyField.FILES}
    assert either | told == HASHES["reply"] | HASHES["subject"]


def fields(source: str) -> Iterator[tuple[str, str]]:
    """The name of each hash, with each field of it that is a literal, or begins with one."""
    for command, key, rest in HASH_CALL.findall(source):
        given = [one.strip() for one in rest.split(",")]
        named = {"HSET": given[::2], "HSETNX": given[:1], "HINCRBY": given[:1]}.get(command, given)
        yield from ((key, one.split("'")[1]) for one in named if one.startswith("'"))
