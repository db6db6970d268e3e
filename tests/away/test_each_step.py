"""A process is killed after each step of a reply, and of a message of Devin's.

These are the steps of the tables in docs/architecture/crashes.md, "Step by step". Redis has run a
script, and nothing that the process asks of Redis after that gets there. What it asks of Devin or
Slack does, unless they are held as well.
"""

import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.redis.keys import OUTBOX_KEY, WATCH_KEY
from bot.redis.lua import commands
from bot.redis.pipelining import Script
from bot.store.lua import scripts
from sandbox import Sandbox
from tests.away.test_commands_away import age_reports
from tests.support.desk import SESSION, Desk, tells
from tests.support.devin_posts import until_devin_said
from tests.support.entries import lapse
from tests.support.keys import at
from tests.support.lines import Line, line_to
from tests.support.processes import BotProcess, bot_process
from tests.support.told import uncertain
from tests.support.waiting import wait_until

LATER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Death:
    """The last script that Redis runs for a process, if any, and what else is held."""

    after: Script | None
    held: tuple[str, ...] = ()
    reached: Callable[[Desk, str], bool] = lambda _desk, _ts: True
    """What else is waited for before the kill."""


def is_read(desk: Desk, _: str) -> bool:
    return any("one" in text for text in desk.received())


def is_marked(desk: Desk, ts: str) -> bool:
    return bool(desk.marks(ts))


DEVIN, SLACK = ("DEVIN_API_URL",), ("SLACK_API_URL",)

REPLY = {
    "brought": Death(None, (), lambda desk, _: bool(desk.slack.deliveries[-1].attempts)),
    "accepted": Death(scripts.accept, DEVIN),
    "taken": Death(scripts.take, DEVIN),
    "text noted": Death(commands.swap, DEVIN),
    "sent": Death(commands.swap, (), is_read),
    "finished": Death(scripts.finish),
    "report begun": Death(scripts.begin_entry, SLACK),
    "marked": Death(scripts.begin_entry, (), is_marked),
    "report ended": Death(scripts.end_entry, (), is_marked),
}
UNCERTAIN = {"taken", "text noted"}
"""Devin was not asked, but only the dead process knew that."""

WORDS = {
    "poll taken": Death(scripts.take_polls, DEVIN),
    "read": Death(scripts.open_poll),
    "recorded": Death(scripts.record_poll),
    "entry begun": Death(scripts.begin_entry),
    "cut": Death(scripts.cut_words, SLACK),
    "ended": Death(scripts.end_words),
}


@dataclass(frozen=True, slots=True)
class Doomed:
    """A process, and its lines to Redis and other servers, by the settings that name them."""

    process: BotProcess
    lines: Mapping[str, Line]

    def hold(self, death: Death) -> None:
        """Let nothing through any more, to Redis perhaps after one more script."""
        self.lines["REDIS_URL"].hold(after=death.after.sha if death.after else "")
        for name in death.held:
            self.lines[name].hold()

    async def die(self, until: Callable[[], bool] = lambda: True) -> None:
        """Kill it once nothing gets through to Redis, and `until` holds."""
        redis = self.lines["REDIS_URL"]
        await wait_until(lambda: redis.is_held and until(), "the step was made")
        await self.process.stop(signal.SIGKILL)


@asynccontextmanager
async def doomed(environ: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Doomed]:
    async with (
        line_to(environ["REDIS_URL"]) as redis,
        line_to(environ["DEVIN_API_URL"]) as devin,
        line_to(environ["SLACK_API_URL"]) as slack,
    ):
        lines = {"REDIS_URL": redis, "DEVIN_API_URL": devin, "SLACK_API_URL": slack}
        urls = {name: line.url for name, line in lines.items()}
        async with bot_process({**environ, **urls}, tmp_path, "run") as process:
            yield Doomed(process, lines)


async def let_time_pass(environ: Mapping[str, str], raw: Redis) -> None:
    """Let all leases run out, and make due what is owed or watched."""
    await lapse(raw, SESSION)
    await raw.zadd(at(WATCH_KEY), {SESSION: 0}, xx=True)
    if await raw.zcard(at(OUTBOX_KEY)):
        await age_reports(environ["REDIS_URL"], LATER)


async def say(desk: Desk, raw: Redis, words: str) -> None:
    """Let Devin say something, and have it read soon."""
    desk.devin.say(SESSION, words)
    await raw.zadd(at(WATCH_KEY), {SESSION: 0}, xx=True)


async def until_quiet(raw: Redis) -> None:
    """Wait until nothing is owed that is due within a minute."""

    async def is_so() -> bool:
        return not await raw.zcount(at(OUTBOX_KEY), 0, (time.time() + 60) * 1000)

    await wait_until(is_so, "nothing is owed")


@pytest.mark.parametrize("step", REPLY)
async def test_devin_gets_a_reply_once_at_most_whenever_its_process_dies(
    environ: dict[str, str], desk: Desk, box: Sandbox, raw: Redis, tmp_path: Path, step: str
) -> None:
    """It is marked or, if nobody can know whether Devin has it, its thread is told so, once."""
    death = REPLY[step]
    async with doomed(environ, tmp_path) as one:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("zero", thread))
        await desk.until_heard()
        await until_quiet(raw)
        one.hold(death)
        ts = await desk.reply("one", thread)
        if death.after:
            await desk.until_heard()
        await one.die(lambda: death.reached(desk, ts))
    await let_time_pass(environ, raw)
    async with bot_process(environ, tmp_path, "run") as process:
        if step in UNCERTAIN:
            await desk.until_said(uncertain("one"), thread)
        else:
            await desk.until_delivered(ts)
        await desk.until_delivered(await desk.reply("two", thread))
        await until_quiet(raw)
        assert await process.stop() == 0
    read = [text.rpartition("\n")[2] for text in desk.received()]
    assert read == (["zero", "two"] if step in UNCERTAIN else ["zero", "one", "two"])
    told = [text for text in desk.said(thread) if tells(text, uncertain("one"))]
    assert len(told) == len(desk.said(thread)) == (step in UNCERTAIN)


@pytest.mark.parametrize("step", [*WORDS, "posted"])
async def test_a_thread_is_shown_a_message_once_whenever_its_process_dies(
    environ: dict[str, str], desk: Desk, box: Sandbox, raw: Redis, tmp_path: Path, step: str
) -> None:
    """In its place in the order; and the thread has one card."""
    async with doomed(environ, tmp_path) as one:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        # For 15 s after a reply, each poll reads.
        await desk.until_delivered(await desk.reply("zero", thread))
        await say(desk, raw, "One.")
        await until_devin_said(desk, "One.", thread)
        await until_quiet(raw)
        if step == "posted":
            desk.slack.fail_next("chat.postMessage", drop_after=True)
            await say(desk, raw, "Two.")
            await until_devin_said(desk, "Two.", thread)
            await one.process.stop(signal.SIGKILL)
        else:
            await say(desk, raw, "Two.")
            one.hold(WORDS[step])
            await one.die()
    await let_time_pass(environ, raw)
    async with bot_process(environ, tmp_path, "run") as process:
        await until_devin_said(desk, "Two.", thread)
        await say(desk, raw, "Three.")
        await until_devin_said(desk, "Three.", thread)
        await until_quiet(raw)
        assert await process.stop() == 0
    assert desk.words(thread) == ["One.", "Two.", "Three."]
    assert len(desk.cards(thread)) == 1
