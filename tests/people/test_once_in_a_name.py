"""What is posted in a person's name is posted once, whichever of Slack's calls fails on the way."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from bot.app import Bot
from bot.redis.connection import Store
from sandbox.slack.server import Message
from tests.people.test_questions import asked, press
from tests.support.desk import SESSION, Desk, actions, quote
from tests.support.waiting import until_settled, wait_until

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "429": {"retry_after": 1},
    "lost after": {"drop_after": True},
}
CALLS = 5
"""The calls that are failed in turn, beginning with the first; others may come in between."""

Do = Callable[[Desk, str], Awaitable[bool]]


async def command(desk: Desk, words: str) -> bool:
    """Type `/devin-say`; return False if the person was told that it failed."""
    told = len(desk.whispers("ada"))
    await desk.slack.slash("/devin-say", f"{SESSION} {words}")
    await wait_until(lambda: read(desk, words) or len(desk.whispers("ada")) > told, "it ends")
    return bool(read(desk, words))


async def start(desk: Desk, words: str) -> bool:
    """Type `/devin-say new`; return False if the person was told that it failed."""
    told = len(desk.whispers("ada"))
    await desk.slack.slash("/devin-say", f"new {words}")
    await wait_until(lambda: read(desk, words) or len(desk.whispers("ada")) > told, "it ends")
    return bool(read(desk, words))


async def step(desk: Desk, words: str) -> bool:
    """Run a workflow's step, which goes on until it is done."""
    channel = desk.slack.workspace.channel("general").id
    inputs = {"session": SESSION, "message": words, "channel": channel}
    execution = await desk.slack.run_step("send_message", inputs)
    await wait_until(lambda: execution in desk.slack.step_results, "the step ends")
    assert desk.slack.step_results[execution][0] == "success"
    return True


def read(desk: Desk, words: str) -> list[str]:
    """Return what sessions have read with these words: as their prompt, or later."""
    messages = [one for session in desk.devin.sessions.values() for one in session.messages]
    people = [one.text for one in messages if one.kind != "devin_message"]
    return [text for text in people if words in text]


def posted(desk: Desk, words: str) -> list[Message]:
    """Return the bot's messages in the channel with these words, as threads or in threads."""
    messages = desk.slack.channel_messages("general")
    own = [one for one in messages if one.user == desk.slack.bot_user_id]
    return [one for one in own if words in one.text or words in quote(one)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("do", [command, start, step])
async def test_a_fault_at_any_call_posts_once_and_sends_once(
    bot: Bot, desk: Desk, store: Store, do: Do, fault: str
) -> None:
    """What the person was told of as failed may be posted, but not twice."""
    for at in range(CALLS):
        words = f"Please rebase, number {at}"
        for _ in range(at):
            desk.slack.fail_next("*")
        desk.slack.fail_next("*", **FAULTS[fault])
        is_done = await do(desk, words)
        desk.slack.fail_no_more()
        await until_settled(store)
        assert len(read(desk, words)) == is_done, at
        assert len(posted(desk, words)) in ([1] if is_done else [0, 1]), at


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_answer_is_posted_once_however_often_its_press_fails(
    bot: Bot, desk: Desk, store: Store, fault: str
) -> None:
    """The next press finds what the first one has posted."""
    thread = ""
    for at in range(CALLS):
        post = await asked(desk, thread=thread)
        thread = str(post.thread_ts)
        before = len(read(desk, "SQLite"))
        for _ in range(at):
            desk.slack.fail_next("*")
        desk.slack.fail_next("*", **FAULTS[fault])
        while len(read(desk, "SQLite")) == before:
            told = len(desk.whispers("ada"))
            if actions(post):  # else the first press has come to its end meanwhile
                await press(desk, post, "answer_1")
            await wait_until(
                lambda told=told, before=before: (  # type: ignore[misc]
                    len(read(desk, "SQLite")) > before or len(desk.whispers("ada")) > told
                ),
                "it ends",
            )
        desk.slack.fail_no_more()
        await wait_until(lambda post=post: not actions(post), "the buttons are gone")  # type: ignore[misc]
        await until_settled(store)
        answers = [one for one in posted(desk, "SQLite") if "answered" in one.text]
        assert len(read(desk, "SQLite")) == len(answers) == at + 1
