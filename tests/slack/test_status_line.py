"""The status line of a thread is shown where Slack shows one, and never fails."""

from typing import Any

import pytest

from bot.model.threads import ThreadRef
from bot.slack.threads import REFUSED_SECONDS, SET_STATUS, StatusLine
from sandbox import Sandbox
from tests.support.clocks import SetClock
from tests.support.slack_apps import web_client


@pytest.fixture
def clock() -> SetClock:
    """The clock of `line`."""
    return SetClock()


@pytest.fixture
def line(box: Sandbox, clock: SetClock) -> StatusLine:
    """The status lines of the sandbox's Slack."""
    return StatusLine(web_client(box.slack), clock)


async def thread_in(box: Sandbox, name: str) -> ThreadRef:
    """Return a new thread in a channel."""
    ts = await box.slack.say("Shall we ship it?", channel=name)
    channel = box.slack.workspace.channel(name).id
    return ThreadRef(team=box.slack.team_id, channel=channel, thread_ts=ts)


def asked(box: Sandbox) -> list[dict[str, Any]]:
    """Return the parameters of each call."""
    return [one.params for one in box.slack.calls if one.method == SET_STATUS]


async def test_a_line_is_shown_and_removed(box: Sandbox, line: StatusLine) -> None:
    """Slack removes it for an empty text."""
    thread = await thread_in(box, "general")
    assert await line.show(thread, "is working…")
    await line.clear(thread)
    where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
    assert asked(box) == [where | {"status": "is working…"}, where | {"status": ""}]


async def test_a_thread_that_refuses_the_line_is_left_alone_for_an_hour(
    box: Sandbox, line: StatusLine, clock: SetClock
) -> None:
    """Other threads are asked, also in the same channel."""
    here, beside = await thread_in(box, "general"), await thread_in(box, "general")
    box.slack.fail_next(SET_STATUS, error="not_allowed")
    assert not await line.show(here, "is working…")
    assert not await line.show(here, "is working…")
    await line.clear(here)
    assert len(asked(box)) == 1
    assert await line.show(beside, "is working…")
    clock.now += REFUSED_SECONDS
    assert await line.show(here, "is working…")


async def test_a_rate_limit_is_heeded_everywhere(
    box: Sandbox, line: StatusLine, clock: SetClock
) -> None:
    """Slack limits the method by workspace."""
    here, there = await thread_in(box, "general"), await thread_in(box, "secrets")
    box.slack.fail_next(SET_STATUS, status=429, retry_after=20)
    assert not await line.show(here, "is working…")
    clock.now += 19.0
    assert not await line.show(there, "is working…")
    assert len(asked(box)) == 1
    clock.now += 1.0
    assert await line.show(there, "is working…")


@pytest.mark.parametrize("failure", [{"status": 503}, {"drop": True}])
async def test_a_failure_is_nobodys_concern(
    box: Sandbox, line: StatusLine, failure: dict[str, Any]
) -> None:
    """The next line is tried as usual."""
    thread = await thread_in(box, "general")
    box.slack.fail_next(SET_STATUS, **failure)
    assert not await line.show(thread, "is working…")
    assert await line.show(thread, "is working…")
