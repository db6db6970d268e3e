"""What people say through the relay is posted once and sent once, whoever dies over it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.wording.lifecycle import ending
from bot.wording.mirror.posts import chosen
from sandbox import Sandbox
from sandbox.slack.server import Message
from tests.away.test_commands_away import age_reports
from tests.people import test_edits as edits
from tests.people import test_questions as questions
from tests.people import test_stopping as stops
from tests.people.test_once_in_a_name import read
from tests.support.bots import environ_of
from tests.support.desk import SESSION, Desk, key_of
from tests.support.processes import ValkeyProcess, bot_process, kept_valkey
from tests.support.waiting import wait_until

LATER = timedelta(minutes=1)
WORDS = "SQLite"

Act = Callable[[], Awaitable[object]]


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A separate Valkey, which keeps its data."""
    async with kept_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def environ(box: Sandbox, valkey: ValkeyProcess, tmp_path: Path) -> dict[str, str]:
    """The environment of a bot on that Valkey."""
    return environ_of(box, valkey.url, tmp_path)


async def command(desk: Desk) -> Act:
    """A `/devin-say` with a session."""
    return lambda: desk.slack.slash("/devin-say", f"{SESSION} {WORDS}")


async def start(desk: Desk) -> Act:
    """A `/devin-say new`."""
    return lambda: desk.slack.slash("/devin-say", f"new {WORDS}")


async def step(desk: Desk) -> Act:
    """A workflow's step."""
    channel = desk.slack.workspace.channel("general").id
    inputs = {"session": SESSION, "message": WORDS, "channel": channel}
    return lambda: desk.slack.run_step("send_message", inputs)


async def answer(desk: Desk) -> Act:
    """A press under a question of Devin's."""
    post = await questions.asked(desk)
    return lambda: questions.press(desk, post, "answer_1")


async def correction(desk: Desk) -> Act:
    """A press of *Send correction*."""
    _, ts = await edits.delivered(desk)
    await edits.edit(desk, ts, WORDS)
    offer = await edits.offered(desk)
    return lambda: edits.press(desk, offer)


async def stop(desk: Desk) -> Act:
    """A press of Slack's *Stop*."""
    thread = await desk.linked_thread()
    return lambda: stops.stop(desk, thread)


WAYS: Mapping[str, Callable[[Desk], Awaitable[Act]]] = {
    "say": command,
    "say new": start,
    "step": step,
    "answer": answer,
    "correction": correction,
    "stop": stop,
}


def posts(desk: Desk, way: str) -> list[Message]:
    """Return what was posted in a person's name that way, by the key of the post."""
    found = desk.slack.channel_messages("general")
    return [one for one in found if key_of(one).startswith(f"{way.split(maxsplit=1)[0]}:")]


@pytest.mark.parametrize("is_taken", [True, False])
@pytest.mark.parametrize("way", WAYS)
async def test_what_a_killed_process_was_posting_is_posted_once_and_sent(
    environ: dict[str, str],
    desk: Desk,
    valkey: ValkeyProcess,
    tmp_path: Path,
    way: str,
    *,
    is_taken: bool,
) -> None:
    """Another process looks for the post, makes it if it is not there, and sends it on."""
    answered, words = asyncio.Event(), ending.STOP if way == "stop" else WORDS
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        act = await WAYS[way](desk)
        await desk.until_heard()
        desk.slack.fail_next("chat.postMessage", until=answered, drop=not is_taken, times=1)
        before = len(desk.slack.calls)
        doing = asyncio.ensure_future(act())
        await wait_until(
            lambda: "chat.postMessage" in [one.method for one in desk.slack.calls[before:]],
            "it is being posted",
        )
        await doing
        await process.stop(signal.SIGKILL)
    answered.set()
    await age_reports(valkey.url, LATER)
    async with bot_process(environ, tmp_path, "run"):
        await wait_until(lambda: read(desk, words), "Devin reads it")
        await wait_until(lambda: posts(desk, way), "it is posted")
        await desk.slack.wait_connected()
        for event in list(desk.slack.deliveries):  # one whose process died comes again
            assert (await event.settled()).acked
    assert len(posts(desk, way)) == len(read(desk, words)) == 1


async def test_an_answer_whose_process_died_counts_before_any_later_press(
    environ: dict[str, str], desk: Desk, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    """Whoever presses next is told whose it is; it is sent without a further press."""
    answered = asyncio.Event()
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        post = await questions.asked(desk)
        before = len(desk.slack.calls)
        desk.slack.fail_next("chat.postMessage", until=answered, drop=True)
        await questions.press(desk, post, "answer_1", user="ada")
        await wait_until(
            lambda: "chat.postMessage" in [one.method for one in desk.slack.calls[before:]],
            "it is being posted",
        )
        await process.stop(signal.SIGKILL)
    answered.set()
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        await questions.press(desk, post, "answer_0", user="ben")
        await desk.until_whispered(chosen("ada", "SQLite"), "ben")
        await age_reports(valkey.url, LATER)
        await desk.until_received("SQLite")
    assert len(desk.received()) == len(posts(desk, "answer")) == 1
