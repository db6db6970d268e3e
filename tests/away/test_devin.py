"""Each reply has one outcome if Devin is away for longer than anybody waits, or comes and goes."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from bot.app import Bot
from bot.redis.connection import Store
from bot.settings import Settings
from sandbox import Sandbox
from tests.support import told
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, actions, tells
from tests.support.waiting import until_settled, wait_until

GIVE_UP_SECONDS = 2
SESSIONS = tuple(f"devin-{number:032x}" for number in range(3))


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a bot that gives up soon."""
    return environ | {"GIVE_UP_AFTER": f"{GIVE_UP_SECONDS}s"}


@pytest.fixture
async def bot(settings: Settings, box: Sandbox) -> AsyncIterator[Bot]:
    """A bot whose notices are all delivered when a test ends."""
    async with open_bot(settings, delay_wait=timedelta(seconds=0.2)) as running:
        await box.slack.wait_connected()
        yield running


async def threads_of(desk: Desk) -> dict[str, str]:
    """Return a thread for each of the sessions."""
    threads = {}
    for session in SESSIONS:
        desk.devin.add_session(session)
        threads[session] = await desk.linked_thread(session)
    return threads


def given_up(desk: Desk, thread: str) -> list[str]:
    """Return the replies that the thread was told are given up, in order."""
    numbers = ("one", "two", "three")
    return [it for one in desk.said(thread) for it in numbers if tells(one, told.given_up(it))]


async def test_everything_that_waited_too_long_is_said_once_and_can_be_sent_again(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """This holds for each session separately; each *Send again* works once Devin is back."""
    threads = await threads_of(desk)
    await desk.devin.go_offline()
    replies = {
        (session, words): await desk.reply(words, thread)
        for words in ("one", "two", "three")
        for session, thread in threads.items()
    }
    for thread in threads.values():
        await wait_until(lambda at=thread: len(given_up(desk, at)) == 3, "all are given up")  # type: ignore[misc]  # a lambda's default
    await until_settled(store)
    for thread in threads.values():
        assert sorted(given_up(desk, thread)) == ["one", "three", "two"]
    await desk.devin.go_online()
    for session, thread in threads.items():
        for report in [one for one in desk.posts(thread) if "send_again" in actions(one)]:
            assert actions(report) == ["send_again", "open_session"]
            await desk.slack.press("send_again", channel="general", message_ts=report.ts)
        for words in ("one", "two", "three"):
            await desk.until_delivered(replies[session, words])
    for session in SESSIONS:
        read = [one.rpartition("\n")[2] for one in desk.received(session)]
        assert sorted(read) == ["one", "three", "two"]


RETRY_AFTER: Mapping[str, tuple[Mapping[str, Any], int]] = {
    "an hour": ({"state": "rate_limited", "retry_after": 3600}, 2),
    "0": ({"state": "rate_limited", "retry_after": 0}, 5),
    "-1": ({"state": "rate_limited", "retry_after": "-1"}, 5),
}


@pytest.mark.parametrize("name", RETRY_AFTER)
async def test_what_devin_asks_for_is_kept_within_reason(
    name: str, bot: Bot, desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A `Retry-After` is half a second at least, and ends when the reply is given up at most.

    The log's line of that end has Devin's reason, too.
    """
    caplog.set_level("INFO")
    how, most = RETRY_AFTER[name]
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, **how)
    await desk.reply("one", thread)
    await desk.until_said(told.given_up("one"), thread)
    await until_settled(store)
    assert 2 <= len(desk.devin.requests) <= most
    assert desk.received() == []
    (outcome,) = [one for one in caplog.records if one.getMessage() == "outcome"]
    assert (vars(outcome)["outcome"], vars(outcome)["why"]) == ("given_up", "HTTP 429")


@pytest.mark.parametrize(
    ("api", "away"), [("v1", "down"), ("v1", "rate_limited"), ("v3", "rate_limited")]
)
async def test_a_devin_that_comes_and_goes_gets_each_reply_once_in_order(
    away: str, bot: Bot, desk: Desk, store: Store
) -> None:
    """Every second request is refused, but nothing is given up, since Devin answers in between."""
    threads = await threads_of(desk)
    sent = []
    for number in range(4):
        for session, thread in threads.items():
            desk.devin.behave(session, away, retry_after=0, times=1)
            sent.append(await desk.reply(f"Reply {number}", thread))
    for ts in sent:
        await desk.until_delivered(ts)
    await until_settled(store)
    for session in SESSIONS:
        read = [one.rpartition("\n")[2] for one in desk.received(session)]
        assert read == [f"Reply {number}" for number in range(4)]
