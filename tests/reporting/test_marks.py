"""A ✅ beyond the budget is not sent, and nothing but first ✅ is held to it."""

import io
import json
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, mail_key
from bot.settings import Settings
from bot.slack.api import MARKS_A_MINUTE
from bot.wording.delivery_reports import DELIVERED_MARK, WAITING_MARK
from sandbox.slack.api.faults import ApiCall
from tests.support.bots import open_bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.keys import at
from tests.support.logbook import logging_to
from tests.support.waiting import until_settled, wait_until

TIER_3 = 50
"""Calls of `reactions.add` that Slack takes a minute."""

FLOOD = TIER_3 + 10


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A desk whose Slack takes as many reactions as the real one."""
    desk.slack.limit_calls("reactions.add", TIER_3, 60)
    return desk


def marking(desk: Desk) -> list[ApiCall]:
    return [call for call in desk.slack.calls if call.method == "reactions.add"]


async def flood(desk: Desk, thread: str, session: str = SESSION) -> list[str]:
    """Write `FLOOD` replies in a thread, wait until Devin has them, and return their `ts`."""
    before = len(desk.received(session))
    written = [await desk.reply(f"Reply {number}", thread) for number in range(FLOOD)]
    await wait_until(lambda: len(desk.received(session)) == before + FLOOD, "all are delivered")
    return written


async def test_a_flood_has_as_many_marks_as_the_budget_and_slack_refuses_none(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The first replies have them; for the others neither Slack nor the outbox is asked."""
    written = await flood(desk, await desk.linked_thread())
    await until_settled(store)
    marked = [desk.marks(ts) == [DELIVERED_MARK] for ts in written]
    assert marked == [number < MARKS_A_MINUTE for number in range(FLOOD)]
    assert [call.error for call in marking(desk)] == [None] * MARKS_A_MINUTE


async def test_an_outcome_that_needs_words_is_told_and_marked_in_a_flood(
    bot: Bot, desk: Desk
) -> None:
    """People must do something about it, so it is not held to the budget."""
    thread = await desk.linked_thread()
    await flood(desk, thread)
    desk.devin.behave(SESSION, "forbidden", times=1)
    last = await desk.reply("Please rebase", thread)
    await desk.until_marked("x", last)
    assert len(desk.said(thread)) == 1


async def test_a_reply_that_was_put_off_loses_its_hourglass_in_a_flood(
    settings: Settings, desk: Desk, store: Store, raw: Redis
) -> None:
    """Also where Devin takes an earlier reply first, one that comes in between."""
    async with open_bot(settings, delay_wait=timedelta(seconds=0.2)):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        earlier = await desk.slack.say("Wait", thread=thread, deliver=False)
        desk.devin.behave(SESSION, "rate_limited", retry_after=600)
        later = await desk.reply("Please rebase", thread)
        await desk.until_marked(WAITING_MARK, later)
        desk.devin.add_session(OTHER_SESSION)
        await flood(desk, await desk.linked_thread(OTHER_SESSION), OTHER_SESSION)
        desk.devin.behave(SESSION, "running")
        await desk.slack.deliver_event(desk.slack.event_of("general", earlier))
        mail = at(mail_key(SessionId(SESSION)))

        async def both_wait() -> bool:
            return int(await raw.zcard(mail)) == 2

        await wait_until(both_wait, "both replies wait")
        await raw.zadd(at(DUE_KEY), {SESSION: 1})
        await wait_until(lambda: len(desk.received()) == 2, "Devin has both")
        await until_settled(store)
    assert (desk.marks(earlier), desk.marks(later)) == ([], [DELIVERED_MARK])


async def test_the_log_names_the_replies_without_a_mark(
    settings: Settings, desk: Desk, store: Store
) -> None:
    """An operator who is asked why a ✅ is missing finds it in the line of the reply's outcome."""
    stream = io.StringIO()
    with logging_to(stream, "json", "INFO"):
        async with open_bot(settings):
            await desk.slack.wait_connected()
            written = await flood(desk, await desk.linked_thread())
            await until_settled(store)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    dropped = [one["reply_id"] for one in lines if one.get("mark") == "dropped"]
    assert [one.rpartition(":")[2] for one in dropped] == written[MARKS_A_MINUTE:]
    assert {one["event"] for one in lines if one.get("mark")} == {"outcome"}
