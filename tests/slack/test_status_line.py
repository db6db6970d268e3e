"""The status line of a thread is shown where Slack shows one, and never fails."""

from typing import Any

import pytest

from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.slack.threads import SET_STATUS, Threads
from sandbox import Sandbox
from tests.support.schedules import unmoved
from tests.support.slack_apps import web_client


@pytest.fixture
def threads(box: Sandbox, store: Store) -> Threads:
    """The threads of the sandbox's Slack."""
    return Threads(web_client(box.slack), unmoved, store)


async def thread_in(box: Sandbox, name: str) -> ThreadRef:
    """Return a new thread in a channel."""
    ts = await box.slack.say("Shall we ship it?", channel=name)
    channel = box.slack.workspace.channel(name).id
    return ThreadRef(team=box.slack.team_id, channel=channel, thread_ts=ts)


def asked(box: Sandbox) -> list[dict[str, Any]]:
    """Return the parameters of each call."""
    return [one.params for one in box.slack.calls if one.method == SET_STATUS]


async def test_a_line_is_shown_and_removed(box: Sandbox, threads: Threads) -> None:
    """Slack removes it for an empty text; a call that failed doesn't matter to the next."""
    thread = await thread_in(box, "general")
    box.slack.fail_next(SET_STATUS, status=503)
    for text in ("is working…", "is working…", ""):
        await threads.show_status(thread, text)
    where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
    assert asked(box) == [where | {"status": one} for one in ("is working…", "is working…", "")]


async def test_a_thread_that_refuses_the_line_is_left_alone(box: Sandbox, threads: Threads) -> None:
    """Other threads are asked, also in the same channel."""
    here, beside = await thread_in(box, "general"), await thread_in(box, "general")
    box.slack.fail_next(SET_STATUS, error="not_allowed")
    await threads.show_status(here, "is working…")
    await threads.show_status(here, "")
    assert len(asked(box)) == 1
    await threads.show_status(beside, "is working…")
    assert len(asked(box)) == 2


async def test_a_rate_limit_is_heeded_everywhere(box: Sandbox, threads: Threads) -> None:
    """Slack limits the method by workspace."""
    box.slack.fail_next(SET_STATUS, status=429, retry_after=20)
    for name in ("general", "secrets"):
        await threads.show_status(await thread_in(box, name), "is working…")
    assert len(asked(box)) == 1
