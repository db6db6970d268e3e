"""Scripts by name: a call fills the slots that its header reads, or nothing is imported."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_type_hints

import pytest
from redis.asyncio.connection import Connection

from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis import keep, keys
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, mail_key
from bot.redis.scripts import ScriptMismatch, read
from tests.support.keys import at

HEADER = """\
-- Says what it got.
local mail = KEYS[1] .. ARGV[1]
local due = KEYS[1] .. ARGV[2]
local session = ARGV[3]
local ms = tonumber(ARGV[4])
local goes_on = ARGV[5] == '1'
local threads = cjson.decode(ARGV[6])
"""
BODY = """
local rest = goes_on and same(threads[2][1]) or 'off'
return {mail, due, twice(session), ms + redis.call('EXISTS', due) + 1, rest}
"""
INCLUDES = {
    "same": "local function same(text) return text end\n",
    "call": "local function call() end\n",
    "twice": "local function twice(text) return same(text) .. same(text) end\n",
}

SESSION = SessionId("devin-0")
THREAD = ThreadRef(team="T1", channel="C1", thread_ts="1.0")
MAIL, DUE = mail_key(SESSION), DUE_KEY


def _hints(builder: Callable[..., object]) -> Sequence[type]:
    """The types of a builder's parameters."""
    return [of for name, of in get_type_hints(builder).items() if name != "return"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a script and what it includes."""
    (tmp_path / "include").mkdir()
    for name, text in INCLUDES.items():
        (tmp_path / "include" / f"{name}.lua").write_text(text)
    home = tmp_path / "echoes"
    home.mkdir()
    (home / "echo.lua").write_text(HEADER + BODY)
    return home


async def test_each_value_is_under_its_name(store: Store, home: Path) -> None:
    """In whatever order they are given; flags and lists arrive as such."""
    script = read(home / "echo.lua")
    threads = [("C1:1", 1), ("C2:2", 2)]
    for goes_on, rest in ((True, "C2:2"), (False, "off")):
        answer = await script(
            store, threads=threads, goes_on=goes_on, ms=4, session=SESSION, due=DUE, mail=MAIL
        )
        assert answer == [at(MAIL), at(DUE), SESSION * 2, 5, rest]


async def test_a_value_of_another_kind_is_not_sent(store: Store, home: Path) -> None:
    """Redis would refuse it, or the script misread it; either would look like an outage."""
    script = read(home / "echo.lua")
    good = {"mail": MAIL, "due": DUE, "session": SESSION, "ms": 4, "goes_on": True, "threads": []}
    for name in ("mail", "session", "ms", "goes_on", "threads"):
        with pytest.raises(TypeError):
            await script(store, **good | {name: None if name != "threads" else {1}})


async def test_a_call_names_each_argument_and_no_other(store: Store, home: Path) -> None:
    """Under a wrong name, the script would miss its value."""
    (home / "told.lua").write_text("local session = ARGV[1]\n\nreturn session\n")
    script = read(home / "told.lua")
    for named in ({}, {"sesion": SESSION}, {"session": SESSION, "ms": 4}):
        with pytest.raises(TypeError, match="session"):
            await script(store, **named)


def test_what_is_included_comes_first_and_once(home: Path) -> None:
    """An included function knows nothing of the header that follows it; `redis.call` is none."""
    source = read(home / "echo.lua").source
    assert [source.count(f"function {name}") for name in INCLUDES] == [1, 0, 1]
    assert source.index("function same") < source.index("function twice") < source.index("KEYS[1]")


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("local due = KEYS[1] .. ARGV[2]\n", ""),
        ("KEYS[1] .. ARGV[2]", "KEYS[2] .. ARGV[2]"),
        ("tonumber(ARGV[4])", "tostring(ARGV[4])"),
        ("local goes_on = ARGV[5] == '1'", "local goes_on = ARGV[6] == '1'"),
        ("cjson.decode(ARGV[6])\n", "cjson.decode(ARGV[6])\n\nreturn ARGV[7]\n"),
    ],
)
def test_a_header_that_leaves_the_order_or_the_forms_is_not_imported(
    home: Path, line: str, becomes: str
) -> None:
    """The error says which file; it would read a value of another name, or of another kind."""
    (home / "echo.lua").write_text(HEADER.replace(line, becomes) + BODY)
    with pytest.raises(ScriptMismatch, match=r"echo\.lua"):
        read(home / "echo.lua")


async def test_a_script_builds_the_keys_that_python_builds(store: Store, home: Path) -> None:
    """It declares one, the workspace's prefix, by whose hash tag a Cluster finds its node."""
    lines = "local session = ARGV[1]\n\nreturn {key.mail(session), key.due, KEYS[1]}\n"
    (home / "told.lua").write_text(lines)
    answer = await read(home / "told.lua")(store, session=SESSION)
    assert answer == [at(MAIL), at(DUE), store.prefix]


@pytest.mark.parametrize("named", ["key.male", "keep.dome"])
def test_a_script_names_no_key_or_time_that_there_is_not(home: Path, named: str) -> None:
    """A misspelt key would hold nothing, and without its time nothing would expire."""
    (home / "told.lua").write_text(f"local session = ARGV[1]\n\nreturn {named}\n")
    with pytest.raises(ScriptMismatch, match=f"`{named.partition('.')[2]}`"):
        read(home / "told.lua")


async def test_a_script_has_the_times_that_python_has(store: Store, home: Path) -> None:
    """In seconds, as TTLs are given."""
    lines = "local session = ARGV[1]\n\nreturn {keep.done, session}\n"
    (home / "told.lua").write_text(lines)
    assert await read(home / "told.lua")(store, session=SESSION) == [
        keep.DONE.total_seconds(),
        SESSION,
    ]


def test_each_key_begins_with_its_kind() -> None:
    """So scripts find what Python writes, by the name of the builder alone."""
    source = Path(keys.__file__).read_text(encoding="utf-8")
    built = set(re.findall(r"^def (\w+)_key\(", source, re.MULTILINE))
    fixed = set(re.findall(r"^(\w+)_KEY = ", source, re.MULTILINE))
    for kind in built:
        builder = getattr(keys, f"{kind}_key")
        sample = [THREAD if "ThreadRef" in str(one) else "x" for one in _hints(builder)]
        assert builder(*sample).startswith(f"{kind}:")
    for kind in fixed:
        assert getattr(keys, f"{kind}_KEY") == kind.lower()


def test_redis_py_still_packs_in_python() -> None:
    """In chunks, as its packer in C does not; with that one, ours has no use any more."""
    assert len(Connection().pack_command("SET", "key", "x" * 10_000)) > 1
