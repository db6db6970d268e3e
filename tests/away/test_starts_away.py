"""A start is carried out once, whatever goes away between Slack's event and the thread's card."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.threads import ThreadRef
from bot.settings import load_settings
from bot.wording.lifecycle import starting
from sandbox import Sandbox
from sandbox.devin.answers import STATES
from sandbox.devin.sessions import DevinSession
from tests.away.test_commands_away import age_reports
from tests.support.bots import environ_of, open_bot
from tests.support.desk import ANYTHING, Desk, actions, on_both
from tests.support.processes import ValkeyProcess, bot_process, kept_valkey
from tests.support.waiting import wait_until

LATER = timedelta(minutes=1)
THREAD = ThreadRef(team="T0", channel="C0", thread_ts="1.0")
FIX_IT = Reply(thread=THREAD, ts="1.0", author=UserId("U0"), text="Fix it")
LOST = Outcome(kind=OutcomeKind.UNCERTAIN, detail=ANYTHING)


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A separate Valkey, which keeps its data."""
    async with kept_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def environ(box: Sandbox, valkey: ValkeyProcess, tmp_path: Path) -> dict[str, str]:
    """The environment of a bot on that Valkey."""
    return environ_of(box, valkey.url, tmp_path)


def sessions(desk: Desk) -> list[DevinSession]:
    """Return the sessions that were started through the API, in order."""
    return [one for one in desk.devin.sessions.values() if one.origin == "api"]


@on_both
@pytest.mark.parametrize("taken", [True, False])
async def test_a_process_that_is_killed_while_devin_starts_leaves_one_session_at_most(
    environ: dict[str, str], desk: Desk, valkey: ValkeyProcess, tmp_path: Path, *, taken: bool
) -> None:
    """The next one finds it by its tag, or says that nobody knows; it starts none."""
    answered = asyncio.Event()
    slow = replace(STATES["running"], until=answered, takes=taken, v3=None)
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        desk.devin.creations.append(slow)
        root = await desk.mention("start Fix it")
        await wait_until(lambda: not desk.devin.creations, "Devin is asked")
        await desk.until_heard()
        await process.stop(signal.SIGKILL)
    answered.set()
    await age_reports(valkey.url, LATER)
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        if taken:
            await desk.until_linked(root)
        else:
            await desk.until_said(starting.failed(FIX_IT, 1, LOST), root)
            assert actions(desk.posts(root)[-1]) == ["start_again"]
    assert len(sessions(desk)) == taken
    assert len(desk.posts(root, with_cards=True)) == 1


async def test_a_session_whose_link_redis_did_not_take_is_linked_later(
    environ: dict[str, str], desk: Desk, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    """It was started, and its process died before it could write that down."""
    answered = asyncio.Event()
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        desk.devin.creations.append(replace(STATES["running"], until=answered))
        root = await desk.mention("start Fix it")
        await wait_until(lambda: sessions(desk), "Devin starts it")
        await desk.until_heard()
        await valkey.stop()
        answered.set()
        await process.until_logged("session started")
        await process.stop(signal.SIGKILL)
    await valkey.start()
    await age_reports(valkey.url, LATER)
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        await desk.until_linked(root)
        reply = await desk.reply("Thanks", root)
        await desk.until_delivered(reply)
    (session,) = sessions(desk)
    assert session.received() == ["ada, U0ADA00000 (in Slack):\n\nThanks"]


@on_both
async def test_a_session_is_looked_for_until_devin_can_list_it(
    environ: dict[str, str], desk: Desk
) -> None:
    """While the list cannot be read, nobody is told that nobody knows."""
    desk.devin.creations.append(STATES["drops"])
    desk.devin.read_failures["sessions"] = [503] * 5
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        root = await desk.mention("start Fix it")
        await desk.until_linked(root)
    assert len(sessions(desk)) == 1
    assert len(desk.posts(root, with_cards=True)) == 1


async def test_a_start_waits_for_slack_to_show_its_thread(
    environ: dict[str, str], desk: Desk
) -> None:
    """Nothing is started from half a thread."""
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        root = await desk.slack.say("The build is red")
        desk.slack.fail_next("conversations.replies", status=503, times=2)
        await desk.mention("start Fix it", thread=root)
        await desk.until_linked(root)
    (session,) = sessions(desk)
    assert "The build is red" in session.messages[0].text
