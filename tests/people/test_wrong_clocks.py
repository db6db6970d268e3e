"""The clock of a bot's machine is 20 minutes wrong, then as wrong the other way: nobody notices.

That is as when another machine takes work over.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.features.reviews import words
from bot.redis.connection import Store
from bot.settings import Settings
from bot.wording.phrases import acus_of
from sandbox import Sandbox
from sandbox.devin.answers import STATES
from tests.features import (
    test_adoption,
    test_digest,
    test_reviews,
    test_usage,
    test_workflow_steps,
)
from tests.people.test_edits import until_put_off
from tests.support.bots import open_bot, reached
from tests.support.clocks import WallClock
from tests.support.desk import SESSION, Desk
from tests.support.waiting import wait_until

MINUTES, DAYS = 20 * 60.0, 32 * 86_400.0

SLOW = replace(STATES["rate_limited"], retry_after="1")


@pytest.fixture(params=[-1, 1], ids=["slow", "fast"])
def wall(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> WallClock:
    """The clock of the bot's machine."""
    clock = WallClock()
    clock.hang(monkeypatch)
    clock.ahead = MINUTES * request.param
    return clock


@pytest.fixture
async def bot(settings: Settings, box: Sandbox, wall: WallClock) -> AsyncIterator[Bot]:
    """A bot on that machine."""
    async with open_bot(settings, review_pause=0.05, adopt_pause=3600.0) as running:
        await reached(running, box)
        yield running


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_reply_that_is_edited_while_it_waits_arrives_once_as_it_reads(
    bot: Bot, desk: Desk, store: Store, wall: WallClock, transport: Literal["socket", "http"]
) -> None:
    """However Slack brings it: requests over HTTP have a time, by Slack's clock."""
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("First", thread))
    desk.devin.behave(SESSION, "rate_limited", retry_after=1)
    ts = await desk.reply("Drop it", thread)
    await until_put_off(store)
    await desk.slack.edit("general", ts, "Keep it")
    wall.ahead *= -1
    desk.devin.behave(SESSION, "running")
    await desk.until_delivered(ts)
    assert [one.partition("\n\n")[2] for one in desk.received()] == ["First", "Keep it"]
    assert desk.said(thread) == []


async def test_a_start_that_waits_for_devin_is_carried_out_once(
    bot: Bot, desk: Desk, wall: WallClock
) -> None:
    """It is not given up before its time, and words in its thread are for its session."""
    desk.devin.creations.extend([SLOW] * 100)
    root = await desk.mention("start Fix it")
    await wait_until(lambda: len(desk.devin.creations) < 100, "it is put off")
    wall.ahead *= -1
    waiting = len(desk.devin.creations)
    await wait_until(lambda: len(desk.devin.creations) < waiting, "it is tried again")
    desk.devin.creations.clear()
    await desk.until_linked(root)
    await desk.until_delivered(await desk.reply("Thanks", root))
    assert desk.said(root) == []
    assert [one.origin for one in desk.devin.sessions.values()].count("api") == 1


async def test_a_review_is_told_when_it_is_over(bot: Bot, desk: Desk, wall: WallClock) -> None:
    """It is not given up before its time."""
    url = test_reviews.PR
    root = await desk.mention(f"review {url}")
    await test_reviews.is_asked(desk, root)
    wall.ahead *= 10
    reads = desk.devin.reads_by_kind["reviews"]
    await wait_until(lambda: desk.devin.reads_by_kind["reviews"] > reads + 2, "it is read again")
    desk.devin.reviews.enter(url, "completed")
    await desk.until_said(words.result(url, test_reviews.head(desk)), root)
    begun = words.begun(url, test_reviews.head(desk, "pending")).text
    assert desk.said(root) == [begun, words.result(url, test_reviews.head(desk)).text]


async def test_what_is_new_after_a_rule_gets_its_thread_and_what_is_older_none(
    bot: Bot, desk: Desk, raw: Redis, wall: WallClock
) -> None:
    """By the time at which the rule was set in Slack."""
    desk.devin.appear(test_adoption.NIGHTLY).created_at -= timedelta(minutes=1)
    await test_adoption.set_rules(desk)
    desk.devin.appear(test_adoption.NIGHTLY)
    await test_adoption.look(desk, raw)
    await test_adoption.until_threads(desk, 1)
    wall.ahead *= -1
    desk.devin.appear(test_adoption.NIGHTLY)
    await test_adoption.look(desk, raw)
    await test_adoption.until_threads(desk, 2)
    await test_adoption.look(desk, raw)
    assert len(test_adoption.roots(desk)) == 2


@pytest.mark.parametrize("at", [None, "now"])
async def test_replies_after_a_workflow_s_link_are_for_devin(
    bot: Bot, desk: Desk, wall: WallClock, at: str | None
) -> None:
    """Whether or not its event has a time."""
    root = await desk.slack.say("Shall we ship it?")
    inputs = {
        "session": SESSION,
        "channel": desk.slack.workspace.channel("general").id,
        "thread_ts": root,
    }
    changes = {} if at else {"event_ts": at}
    execution = await desk.slack.run_step("link_thread", inputs, **changes)
    how, outputs = await test_workflow_steps.until_ended(desk, execution)
    assert (how, outputs["outcome"]) == ("success", "linked")
    await desk.until_delivered(await desk.reply("Ship it", root))
    assert len(desk.received()) == 1


async def test_usage_is_that_of_the_days_by_redis(
    bot: Bot, desk: Desk, raw: Redis, wall: WallClock
) -> None:
    """As what was used is noted by: also on a machine whose clock is a month wrong."""
    wall.ahead *= DAYS / MINUTES
    thread = await test_usage.started(desk, raw, SESSION, user="ada", channel="general")
    desk.devin.spend(SESSION, 2.0)
    day = await test_usage.until_spent(raw, SESSION, "2.0")
    month = day.strftime("%B")
    root = await desk.slack.say("What did we spend?")
    told = await desk.answer("usage", root, acus_of(2.0, None))
    assert month in told
    await desk.answer("usage", thread, "today")


async def test_the_next_digest_is_that_of_the_days_by_redis(
    bot: Bot, desk: Desk, raw: Redis, wall: WallClock
) -> None:
    """Which holds what is due: one by a fast clock would come a day late, and one by a slow now."""
    wall.ahead *= DAYS / MINUTES
    due = await test_digest.set_digest(desk, raw)
    assert timedelta(0) <= due - datetime.now(UTC) <= timedelta(days=1)


async def test_what_an_older_session_uses_is_on_the_account_of_its_first_thread(
    bot: Bot, desk: Desk, raw: Redis, wall: WallClock
) -> None:
    """By Slack's clock."""
    await desk.linked_thread(channel="general")
    wall.ahead *= -1
    await desk.linked_thread(channel="secrets")
    desk.devin.spend(SESSION, 2.0)
    await test_usage.until_spent(raw, SESSION, "2.0")
    root = await desk.slack.say("What did we spend?")
    await desk.answer("usage", root, acus_of(2.0, None))
