"""A thread is told everything it must know, once, however Slack behaves, without another send."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bot.app import Bot
from bot.redis.connection import Store
from bot.settings import Settings
from bot.wording.delivery_reports import DELIVERED_MARK, WAITING_MARK
from sandbox.slack.api.faults import ApiCall
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, on_v1, tells
from tests.support.told import forbidden, suspended
from tests.support.waiting import until_settled, wait_until

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "429": {"retry_after": 2},
    "500": {"status": 500},
    "503": {"status": 503},
    "passing error": {"error": "internal_error"},
    "dropped before": {"drop": True},
    "dropped after": {"drop_after": True},
}


def calls(desk: Desk, method: str) -> list[ApiCall]:
    return [call for call in desk.slack.calls if call.method == method]


@pytest.mark.parametrize("method", ["chat.postMessage", "reactions.add"])
async def test_a_report_arrives_once_through_slack_s_trouble(
    method: str, bot: Bot, desk: Desk, store: Store, subtests: pytest.Subtests
) -> None:
    """It is retried by `Retry-After`; a post whose answer was lost is found again."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "forbidden")
    for name, fault in FAULTS.items():
        with subtests.test(name):
            before = len(calls(desk, method))
            said, asked = len(desk.said(thread)), len(desk.devin.requests)
            desk.slack.fail_next(method, **fault)
            reply = await desk.reply("Please rebase", thread)
            await desk.until_marked("x", reply)
            await until_settled(store)

            assert len(desk.said(thread)) == said + 1
            assert len(desk.devin.requests) == asked + 1
            assert tells(desk.said(thread)[-1], forbidden("Please rebase"))
            assert desk.marks(reply) == ["x"]
            first, *more = calls(desk, method)[before:]
            is_found_again = fault.get("drop_after") and method == "chat.postMessage"
            assert len(more) == (0 if is_found_again else 1)
            if "retry_after" in fault:
                assert more[0].at - first.at >= 2


async def test_an_answer_lost_in_a_long_thread_is_found_on_a_later_page(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The search for a possible earlier report reads the thread to its end."""
    thread = await desk.linked_thread()
    for number in range(250):
        await desk.slack.say(f"Talk {number}", thread=thread, deliver=False)
    desk.devin.behave(SESSION, "forbidden")
    desk.slack.fail_next("chat.postMessage", drop_after=True)
    reply = await desk.reply("Please rebase", thread)
    await desk.until_marked("x", reply)
    await until_settled(store)
    assert len(desk.said(thread)) == 1
    pages = [
        one for one in calls(desk, "conversations.replies") if "include_all_metadata" in one.params
    ]
    assert len(pages) == 2


@on_v1
async def test_a_mark_that_says_otherwise_is_taken_off_however_long_it_takes(
    bot: Bot, desk: Desk
) -> None:
    """A reply that was suspended and then sent again must not keep its 💤 next to ✅."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended", times=1)
    reply = await desk.reply("Please rebase", thread)
    await desk.until_marked("zzz", reply)
    desk.slack.fail_next("reactions.add", retry_after=0, times=4)
    await desk.press("send_again", thread)
    await wait_until(lambda: desk.marks(reply) == [DELIVERED_MARK], "only ✅ is left")


@pytest.mark.parametrize("reason", ["is_archived", "channel_not_found", "not_in_channel"])
async def test_a_thread_out_of_reach_ends_its_report_in_the_log(
    reason: str, bot: Bot, desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody there can be told, so the operator is; it is not retried forever."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "forbidden")
    if reason == "is_archived":
        desk.slack.workspace.channel("general").is_archived = True
    desk.slack.fail_next("chat.postMessage", error=reason)
    await desk.slack.deliver_event(await _unheard(desk, thread))
    await wait_until(lambda: desk.devin.requests, "Devin is asked")
    await until_settled(store)
    assert desk.said(thread) == []
    told = [
        one
        for one in caplog.records
        if one.name == "bot.reporting.reporter" and one.levelname == "ERROR"
    ]
    assert [vars(one)["reason"] for one in told] == [f"chat.postMessage: {reason}"]
    assert "rebase" not in caplog.text


async def test_a_report_that_slack_refuses_leaves_the_right_mark(
    settings: Settings, desk: Desk, store: Store
) -> None:
    """⏳ would promise another try for good."""
    async with open_bot(settings, delay_wait=timedelta(seconds=0.2)):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited")
        reply = await desk.reply("Please rebase", thread)
        await desk.until_marked(WAITING_MARK, reply)
        desk.slack.fail_next("chat.postMessage", error="msg_too_long")
        desk.devin.behave(SESSION, "forbidden")
        await desk.until_marked("x", reply)
        await until_settled(store)
    assert desk.marks(reply) == ["x"]
    assert len(desk.said(thread)) == 1


async def _unheard(desk: Desk, thread: str) -> dict[str, Any]:
    """Return a reply whose event is still under way."""
    place = desk.slack.workspace.channel("general")
    ts = await desk.slack.say("Please rebase", thread=thread, deliver=False)
    return desk.slack.event_of(place.id, ts)


async def test_a_mark_that_is_there_already_is_told(bot: Bot, desk: Desk, store: Store) -> None:
    """Slack's `already_reacted` is success."""
    thread = await desk.linked_thread()
    event = await _unheard(desk, thread)
    await desk.slack.react("general", event["ts"], DELIVERED_MARK, user="devin-relay")
    await desk.slack.deliver_event(event)
    await desk.until_received("rebase")
    await until_settled(store)
    assert desk.marks(event["ts"]) == [DELIVERED_MARK]
    assert [call.error for call in calls(desk, "reactions.add")] == ["already_reacted"]


@on_v1
@pytest.mark.parametrize("error", ["message_not_found", "too_many_reactions", "not_reactable"])
async def test_a_reply_that_takes_no_mark_is_still_told(
    error: str, bot: Bot, desk: Desk, store: Store
) -> None:
    """It was deleted, for instance; the sentence appears all the same."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended")
    desk.slack.fail_next("reactions.add", error=error)
    await desk.reply("Please rebase", thread)
    await desk.until_said(suspended("Please rebase"), thread)
    await until_settled(store)
    assert len(desk.said(thread)) == 1


async def test_a_mark_comes_once_its_channel_has_moved(bot: Bot, desk: Desk) -> None:
    """While a channel becomes shared, or stops being so, Slack refuses each mark for a moment."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("reactions.add", error="external_channel_migrating")
    await desk.until_delivered(await desk.reply("Please rebase", thread))
    errors = [call.error for call in calls(desk, "reactions.add")]
    assert errors == ["external_channel_migrating", None]
