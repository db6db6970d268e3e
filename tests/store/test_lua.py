"""The Lua files: each is called with its arguments, taken by Redis, and names known fields."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import link_key, watched_key
from bot.redis.lua import commands
from bot.store.links import Links
from bot.store.lua import scripts
from bot.store.watches import Watches
from tests.support.keys import at
from tests.support.lua import BOT, SCRIPTS

ROOMS = {"redis": commands, "store": scripts}
NAMED = {f"{room}/{name}": one for room, of in ROOMS.items() for name, one in of.by_name.items()}

HASHES: dict[str, set[str]] = {
    "reply": {
        *("state", "reply", "session", "accepted", "not_before", "round", "pressed", "token"),
        *(
            "sending_since",
            "interrupted",
            "files",
            "as_user",
            "outcome",
            "put_off_at",
            "delay_told_in",
            "edited",
        ),
        *("meanwhile", "meanwhile_at", "meanwhile_drops", "applied", "content"),
    },
    "subject": {"content", "round", "posting", "batch", "notes", "since", "waiting_since"},
    "record": {"content", "round", "state", "meanwhile", "delay_told_in", "reply", "files"},
    "card": {"requests", "session", "ts", "shows", "slot", "edited", "open", "rests_until"},
    "watched": {
        *("seen", "read_ids", "linked:", "replied", "reply_sent_at", "by:", "last:", "owed:"),
        *("answerable_since", "read_wanted_at", "failing", "attempts", "started", "name"),
    },
    "heard": {"gap", "noted:", "started", "unheard"},
    "ledger": set(),
    "key": set(),
}
"""The fields that a script may name of a hash, by the name that all scripts have for its key."""

HASH_CALL = re.compile(
    r"redis\.p?call\(\s*'(H[A-Z]+)',\s*(?:\w+\.)?(\w+)(?:,\s*([^()]*(?:\([^()]*\)[^()]*)*))?\)"
)


def test_every_script_is_called_with_the_arguments_that_its_header_names() -> None:
    """What is checked here is what is sent, and a call that no test makes has no other names."""
    assert {name: one.source for name, one in NAMED.items()} == SCRIPTS
    by_name = commands.by_name | scripts.by_name
    called = set()
    for path in BOT.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("commands" | "scripts"), attr=name)
                ) if name in by_name:
                    given = {one.arg for one in call.keywords}
                    assert given == by_name[name].arguments.keys(), f"{path}: {name}"
                    called.add(name)
    assert called == by_name.keys()


def test_every_include_is_included() -> None:
    """Each defines one function, which has its name."""
    for file in BOT.rglob("include/*.lua"):
        defined = re.findall(r"^local function (\w+)", file.read_text(), re.MULTILINE)
        assert defined == [file.stem]
        assert any(f"function {file.stem}(" in source for source in SCRIPTS.values())


async def test_redis_takes_the_scripts(raw: Redis) -> None:
    """Their syntax is right, and their hashes are those that are sent."""
    for name, source in SCRIPTS.items():
        assert await raw.script_load(source) == NAMED[name].sha, name


def test_a_script_names_only_fields_that_are_declared() -> None:
    """A reply has those of `store/lua/__init__.py`: a misspelt one would stay empty."""
    for name, source in SCRIPTS.items():
        undeclared = [(key, field) for key, field in fields(source) if field not in HASHES[key]]
        assert not undeclared, f"{name}: misspelt, or not in `HASHES`"
        calls = re.findall(r"redis\.p?call\(\s*'H", source)
        assert len(HASH_CALL.findall(source)) == len(calls), name


def test_every_declared_field_is_named_by_a_script() -> None:
    """One that no script writes or reads any more is struck off."""
    found = {field for source in SCRIPTS.values() for field in fields(source)}
    for key in HASHES.keys() - {"reply", "subject", "record"}:
        assert {field for of, field in found if of == key} == HASHES[key]
    either = {field for of, field in found if of in {"reply", "subject", "record"}}
    told = {"files"}
    assert either | told == HASHES["reply"] | HASHES["subject"]


def test_a_script_brings_no_field_of_a_thread_back_after_its_unlink() -> None:
    """Only `linked:` says whether it still is linked to the session; `set_link` makes the link."""
    for name, source in SCRIPTS.items():
        written = re.findall(r"'H(?:SET|SETNX|INCRBY)', watched, .*'(\w+:)' \.\.", source)
        asks = "'HEXISTS', watched, 'linked:'" in source
        is_safe = asks or set(written) <= {"linked:"} or name == "store/set_link"
        assert is_safe, f"{name} writes {written} without asking for `linked:`, as `finish` does"
    python = "\n".join(path.read_text() for path in BOT.rglob("*.py"))
    assert not re.search(r'put_field\(.*f"[a-z_]+:', python), "it can't ask"


@pytest.mark.parametrize("is_expired", [False, True], ids=["unlinked", "expired"])
async def test_a_thread_leaves_no_field_of_its_own_with_its_session(
    store: Store, raw: Redis, *, is_expired: bool
) -> None:
    """`set_link.lua` deletes them with the link, `open_poll.lua` once the link has expired."""
    gone, stays = (ThreadRef(team="T0", channel="C0", thread_ts=f"{n}.000000") for n in (1, 2))
    session, ttl = SessionId("devin-0123"), timedelta(hours=1)
    links, watches, watched = Links(store, ttl), Watches(store, ttl), at(watched_key(session))
    names = sorted(one for one in HASHES["watched"] if one.endswith(":"))
    for thread in (gone, stays):
        await links.create(thread, Link(session=session, by=UserId("U0"), linked_at=1))
        await raw.hset(watched, mapping={f"{name}{thread.name}": "1" for name in names})
    if is_expired:
        await raw.delete(at(link_key(gone)))
        for poll in (await watches.take(1, timedelta(seconds=1)))[0]:
            await watches.open(poll)
    else:
        await links.remove(gone)
    left = sorted(str(one) for one in await raw.hkeys(watched) if ":" in str(one))
    assert left == [f"{name}{stays.name}" for name in names]


def fields(source: str) -> Iterator[tuple[str, str]]:
    """The name of each hash, with each field of it that is a literal, or begins with one."""
    for command, key, rest in HASH_CALL.findall(source):
        given = [one.strip() for one in rest.split(",")]
        named = {"HSET": given[::2], "HSETNX": given[:1], "HINCRBY": given[:1]}.get(command, given)
        yield from ((key, one.split("'")[1]) for one in named if one.startswith("'"))
