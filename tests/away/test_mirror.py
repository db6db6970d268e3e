"""What Devin says reaches its threads once, whatever is away meanwhile."""

import signal
from pathlib import Path

import pytest

from bot.app import Bot
from bot.model.sessions import SessionState
from bot.settings import Settings
from bot.wording import thread_links
from sandbox import Sandbox
from tests.support.bots import environ_of, open_bot
from tests.support.desk import SESSION, Desk, actions, on_both
from tests.support.devin_posts import until_devin_said, until_state
from tests.support.processes import bot_process, kept_valkey
from tests.support.waiting import wait_until


def numbered(first: int, end: int) -> list[str]:
    return [f"Word {number:03}." for number in range(first, end)]


def say(desk: Desk, words: list[str]) -> None:
    for one in words:
        desk.devin.say(SESSION, one)


def say_long_ago(desk: Desk, words: str) -> None:
    at = desk.devin.clock.now() - 3_600
    desk.devin.session(SESSION).take(words, kind="devin_message", at=at)


@on_both
async def test_what_is_said_while_no_process_runs_comes_in_one_digest(
    settings: Settings, desk: Desk
) -> None:
    """All of it, in Devin's order, in one post; what was there before is not repeated."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        say(desk, numbered(0, 2))
        await until_devin_said(desk, "Word 001.", thread)
    say(desk, numbered(2, 8))
    async with open_bot(settings):
        await until_devin_said(desk, "Word 007.", thread)
    assert desk.words(thread) == numbered(0, 8)
    posts = [one for one in desk.slack.thread("general", thread) if "Word 002." in str(one.blocks)]
    assert len(posts) == 1
    assert "Word 007." in str(posts[0].blocks)


@pytest.mark.parametrize("is_linked_again", [False, True])
async def test_a_card_whose_answer_was_lost_is_right_after_all(
    bot: Bot, desk: Desk, *, is_linked_again: bool
) -> None:
    """The link may have ended before the second try: then its card says so."""
    thread = await desk.slack.say("Shall we ship it?")
    desk.slack.fail_next("chat.postMessage", drop_after=True)
    desk.slack.fail_next("conversations.replies", status=503, times=2)
    await desk.mention(f"link {SESSION}", thread=thread)
    await wait_until(lambda: desk.cards(thread), "the card is posted")
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    if is_linked_again:
        await desk.mention(f"link {SESSION}", thread=thread)
    right = [True, False] if is_linked_again else [True]
    await wait_until(
        lambda: ["unlink" not in actions(one) for one in desk.cards(thread)] == right,
        "each card shows what became of its link",
    )


@pytest.mark.timeout(150)
async def test_a_killed_process_loses_and_doubles_nothing(
    environ: dict[str, str], desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """It is killed while Devin speaks; another process goes on where Redis says."""
    async with (
        bot_process(environ, tmp_path, "run") as killed,
        bot_process(environ, tmp_path, "worker") as worker,
    ):
        await box.slack.wait_connected()
        await worker.until_logged("started")
        thread = await desk.linked_thread()
        say(desk, numbered(0, 10))
        await until_devin_said(desk, "Word 000.", thread)
        assert await killed.stop(signal.SIGKILL) == -signal.SIGKILL
        say(desk, numbered(10, 20))
        # It may have been posting, and keeps others out for 45 s then.
        await until_devin_said(desk, "Word 019.", thread, seconds=75.0)
        assert await worker.stop() == 0
    assert desk.words(thread) == numbered(0, 20)


@pytest.mark.longest
@pytest.mark.timeout(150)
async def test_a_redis_that_was_away_loses_nothing(
    box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """The watch goes on when it is back, from the cursor that it has.

    A post that was begun as Redis went away is begun again when its lease has expired.
    """
    async with kept_valkey(tmp_path / "valkey") as valkey:
        environ = environ_of(box, valkey.url, tmp_path)
        async with bot_process(environ, tmp_path, "run") as process:
            await box.slack.wait_connected()
            thread = await desk.linked_thread()
            say(desk, numbered(0, 1))
            await until_devin_said(desk, "Word 000.", thread)
            await valkey.kill()
            say(desk, numbered(1, 3))
            await valkey.start()
            await until_devin_said(desk, "Word 002.", thread, seconds=100)
            assert await process.stop() == 0
    assert desk.words(thread) == numbered(0, 3)


@on_both
async def test_a_link_made_while_devin_is_away_shows_what_comes_after_it(
    bot: Bot, desk: Desk
) -> None:
    """The first poll fails; the next one tells what is old by its time."""
    say_long_ago(desk, "Said long before.")
    for kind in ("sessions", "session", "messages"):
        desk.devin.read_failures[kind] = [503] * 3
    thread = await desk.linked_thread()
    reply = await desk.reply("Are you there?", thread)
    await desk.until_delivered(reply)
    say(desk, numbered(0, 1))
    await until_devin_said(desk, "Word 000.", thread)
    await until_state(desk, SessionState.WORKING, thread)
    assert desk.words(thread) == numbered(0, 1)
