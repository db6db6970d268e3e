"""What the product weighs: code, keys, scripts, and what runs for each of five flows.

`python -m tests.support.weight` prints it, from a whole bot with the sandbox's Slack and Devin and
a Valkey. A flow is what happens from a person's act, or Devin's, until nothing waits any more.
"""

import ast
import asyncio
import re
import sys
import time
import tokenize
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any
from unittest.mock import patch

import redis

from bot.redis import keys
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, UNREAD_KEY
from bot.redis.lua import commands
from bot.redis.pipelining import Script
from bot.settings import load_settings
from bot.store.lua import scripts
from bot.timing import TIMING
from bot.wording import actions
from sandbox import Sandbox
from tests.support.bots import environ_of, open_bot
from tests.support.desk import SESSION, Desk
from tests.support.devin_posts import until_devin_said
from tests.support.keys import at
from tests.support.redis_servers import asked_for, serving
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PRODUCT = tuple(sorted(one for top in ("bot", "handlers") for one in (ROOT / top).rglob("*.py")))
WAITING = (OUTBOX_KEY, DUE_KEY, UNREAD_KEY)
"""What waits; `unread` is scored by what to read from, which is long ago."""

SOON_SECONDS = 60.0
"""What is due later is no part of a flow: a card says anew how long its session has been still."""

ROUNDS = 5
"""Of these, the first finds nobody known, and does not count."""

NAMES: dict[str, Script] = {**scripts.by_name, **commands.by_name}


def lines_of_code(source: str) -> int:
    """Count the lines that are neither blank, comment, docstring nor import."""
    counted = set[int]()
    for token in tokenize.generate_tokens(iter(source.splitlines(keepends=True)).__next__):
        if token.type not in _LAYOUT:
            counted.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Expr) and _is_uncounted(node):
            counted.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(counted)


_LAYOUT = (
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
)


def _is_uncounted(node: ast.stmt) -> bool:
    """An import; or a string that is a statement, of a module, a class, a function, a constant."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return True


@dataclass(slots=True)
class Ran:
    """What ran: files of the product, and calls of its scripts by name."""

    files: set[str] = field(default_factory=set)
    scripts: Counter[str] = field(default_factory=Counter)


@contextmanager
def _traced(ran: Ran) -> Iterator[None]:
    """Note what runs in this thread until the block's end."""
    names = {script: name for name, script in NAMES.items()}
    run = Store.run

    async def noted(store: Store, script: Script, args: Sequence[str | int]) -> Any:
        ran.scripts[names[script]] += 1
        return await run(store, script, args)

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            ran.files.add(frame.f_code.co_filename)

    with patch.object(Store, "run", noted):
        sys.setprofile(called)
        try:
            yield
        finally:
            sys.setprofile(None)
            ran.files &= {str(one) for one in PRODUCT}


class _Flows:
    """Each is made ready, then run."""

    def __init__(self, desk: Desk, plain: redis.Redis) -> None:
        self._desk = desk
        self._plain = plain
        self._thread = ""

    async def settled(self) -> None:
        """Wait until nothing waits, neither for Devin nor for Slack."""
        await self._desk.until_heard()
        await wait_until(self._is_settled, lambda: f"nothing waits ({self._waiting()})")

    def _is_settled(self) -> bool:
        return not any(self._waiting().values())

    def _waiting(self) -> dict[str, Any]:
        soon = (time.time() + SOON_SECONDS) * 1000
        return {one: self._plain.zrangebyscore(at(one), 0, soon) for one in WAITING}

    async def ready(self) -> None:
        self._thread = await self._desk.linked_thread()

    async def reply(self) -> AsyncIterator[None]:
        """A reply of a person that is known, until its mark."""
        yield
        ts = await self._desk.reply("And the tests.", self._thread)
        await self._desk.until_delivered(ts)

    async def message(self) -> AsyncIterator[None]:
        """What Devin says, from the poll that reads it to its post."""
        words = f"Done with part {len(self._desk.words(self._thread))}."
        yield
        self._desk.devin.say(SESSION, words)
        await until_devin_said(self._desk, words, self._thread)

    async def edit(self) -> AsyncIterator[None]:
        """An edit of a reply that Devin has, until a correction is offered."""
        ts = await self._desk.reply("Name it Bill.", self._thread)
        await self._desk.until_delivered(ts)
        yield
        before = len(self._desk.whispers("ada"))
        await self._desk.slack.edit("general", ts, "Name it Ben.")
        await wait_until(
            lambda: len(self._desk.whispers("ada")) > before, "a correction is offered"
        )

    async def press(self) -> AsyncIterator[None]:
        """A press on an answer, until Devin has it."""
        devin = self._desk.devin
        devin.behave(SESSION, "running")
        ts = await self._desk.reply("Document it.", self._thread)
        await self._desk.until_delivered(ts)
        devin.say(SESSION, "Which database shall I use?\n\n1. Postgres\n2. SQLite")
        devin.behave(SESSION, "blocked")
        asked = await self._desk.offering(f"{actions.ANSWER}_0", self._thread)
        before = len(self._desk.received())
        yield
        await self._desk.slack.press(
            f"{actions.ANSWER}_0", channel="general", message_ts=asked.ts, user="ada"
        )
        await wait_until(lambda: len(self._desk.received()) > before, "Devin has the answer")

    async def start(self) -> AsyncIterator[None]:
        """A start by a mention, until its thread has a card."""
        root = await self._desk.slack.say("The release notes are missing.")
        yield
        await self._desk.mention("start Please write them.", thread=root)
        await self._desk.until_linked(root)


async def flows() -> Sequence[tuple[str, Ran]]:
    """Run each flow, and return what ran."""
    found = []
    with TemporaryDirectory(prefix="relay-") as home, serving(asked_for(), Path(home)) as url:
        for name in ("reply", "message", "edit", "press", "start"):
            with redis.Redis.from_url(url, decode_responses=True) as plain:
                plain.flushall()
                found.append((name, await _flow(name, url, plain, Path(home))))
    return found


async def _flow(name: str, url: str, plain: redis.Redis, home: Path) -> Ran:
    """Return what ran in the round with the fewest calls of scripts: others had more beside it."""
    found = []
    async with Sandbox(devin_api="v3") as box:
        box.devin.add_session(SESSION)
        desk, environ = Desk(box, plain), environ_of(box, url, home / name)
        async with open_bot(load_settings(environ, None), **asdict(TIMING)):
            await box.slack.wait_connected()
            flow = _Flows(desk, plain)
            await flow.ready()
            for _ in range(ROUNDS):
                ran, steps = Ran(), getattr(flow, name)()
                await anext(steps)
                await flow.settled()
                with _traced(ran):
                    await anext(steps, None)
                    await flow.settled()
                found.append(ran)
    return min(found[1:], key=lambda one: one.scripts.total())


def figures() -> Iterator[str]:
    """The lines to print; with `--files`, also what runs."""
    code = sum(lines_of_code(one.read_text("utf-8")) for one in PRODUCT)
    kinds = {name for name in vars(keys) if re.fullmatch(r"[a-z_]+_key|[A-Z_]+_KEY", name)}
    yield f"lines of code {code:,}, kinds of keys {len(kinds)}, scripts {len(NAMES)}"
    for name, ran in asyncio.run(flows()):
        calls = ", ".join(f"{count} {one}" for one, count in ran.scripts.most_common())
        yield f"{name}: {len(ran.files)} files, {ran.scripts.total()} calls of scripts ({calls})"
        if "--files" in sys.argv:
            yield from (f"  {Path(one).relative_to(ROOT)}" for one in sorted(ran.files))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in figures())
