"""Slack's *Stop*: Devin is asked to stop, once, by people who may, and the thread shows who did."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import CannotPost, NotAllowed, NotLinked, NotStopped
from bot.model.people import Standing
from bot.model.sessions import Closing
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY
from bot.relay.accept import UNTOLD
from bot.wording import refusals
from bot.wording.lifecycle import ending
from handlers.buttons import parse_stop
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.workspace import JSON
from tests.support.desk import SESSION, Desk, actions, quote, running
from tests.support.keys import at
from tests.support.known import forget
from tests.support.tables import each
from tests.support.told import NOT_IDENTIFIED
from tests.support.waiting import until_settled, wait_until

END = "end_session"
MINUTE_AND_MORE = 61.0


async def press(
    desk: Desk, thread: str, *, user: str = "ada", channel: str = "general", late: float = 0.0
) -> Delivery:
    """Press *Stop*, as before anybody saw that it's gone; its event comes `late` by so much."""
    workspace = desk.slack.workspace
    event = {
        "type": "agent_session_stopped",
        "channel": workspace.channel(channel).id,
        "thread_ts": thread,
        "user": workspace.user(user).id,
        "event_ts": workspace.clock.next_ts(),
        "streaming_message_ts": [],
    }
    if late:
        workspace.clock.ahead += late
        await desk.slack.say("It is later now.", channel=channel)
        await desk.until_heard()
    return await desk.slack.deliver_event(event)


async def stop(desk: Desk, thread: str, **how: Any) -> Delivery:
    """Press *Stop*, and wait until that is acknowledged."""
    delivery = await (await press(desk, thread, **how)).settled()
    assert delivery.acked
    return delivery


def asked(desk: Desk) -> list[str]:
    """Return what Devin has read that asks it to stop."""
    return [one for one in desk.received() if ending.STOP in one]


@each(
    ("changes", "ts"),
    [
        ({}, "1764000000.000200"),
        ({"event_ts": None}, "1764000001.000000"),
        ({"thread_ts": None}, None),
        ({"user": None}, None),
        ({"channel": "nowhere at all"}, None),
    ],
)
def test_a_press_needs_its_person_and_its_thread(changes: JSON, ts: str | None) -> None:
    """Without a time of its own it has that of its delivery, which a retry has as well."""
    event = {
        "channel": "C0GENERAL0",
        "thread_ts": "1764000000.000100",
        "user": "U0ADA00000",
        "event_ts": "1764000000.000200",
    }
    found = parse_stop({"event": event | changes, "event_time": 1764000001}, "T0SANDBOX")
    assert (None if found is None else found[2]) == ts


@pytest.mark.parametrize("is_muted", [False, True])
async def test_stop_asks_devin_in_the_name_of_the_person_who_pressed_it(
    bot: Bot, desk: Desk, *, is_muted: bool
) -> None:
    """A muted thread sends it as well; from its post, the session can be ended."""
    thread = await desk.linked_thread()
    if is_muted:
        await desk.cut_off("mute", thread)
    await stop(desk, thread, user="ben")
    ben = desk.slack.workspace.user("ben").id
    assert (await desk.until_received(ending.STOP)).startswith(f"Ben Franklin, {ben} (in Slack):")
    post = await desk.offering(END, thread)
    assert ("Ben Franklin" in post.text, quote(post)) == (True, ending.STOP)
    await desk.slack.press(END, channel=post.channel, message_ts=post.ts)
    await wait_until(lambda: not actions(post), "the button is gone")
    assert post.text.endswith(ending.closed_by(Closing.END, "ada"))
    assert desk.devin.session(SESSION).state == "finished"


async def test_what_asked_to_stop_is_sent_again_from_a_muted_thread(bot: Bot, desk: Desk) -> None:
    """If it may not have reached Devin, *Send again* works there as *Stop* does."""
    thread = await desk.linked_thread()
    await desk.cut_off("mute", thread)
    desk.devin.behave(SESSION, "garbage", times=1)
    await stop(desk, thread, user="ben")
    await desk.press("send_again", thread)
    await desk.until_received(ending.STOP)
    assert desk.whispers("ada") == []


@pytest.mark.parametrize(("transport", "is_org"), [("socket", False), ("http", True)])
async def test_slack_shows_for_a_minute_that_devin_was_asked_to_stop(
    bot: Bot, desk: Desk, plain: redis.Redis
) -> None:
    """Then it shows again that the session works, if it does, so *Stop* can be pressed again."""
    desk.slack.agent = True
    outbox = at(OUTBOX_KEY, desk.slack.team_id)
    thread = await desk.linked_thread()

    def resting() -> list[str]:
        now = time.time() * 1000
        return [str(one) for one in plain.zrangebyscore(outbox, now + 30_000, now + 60_000)]

    def works() -> bool:
        if entries := resting():  # a try from before the minute was over may have put it off
            plain.zadd(outbox, dict.fromkeys(entries, 0))
        return desk.slack.agent_status("general", thread) == "processing"

    for times in (1, 2):
        await wait_until(works, "Slack shows that it works")
        await desk.slack.stop("general", thread)
        await until_shown(desk, thread, "active")
        await wait_until(lambda times=times: len(asked(desk)) == times, "Devin is asked")  # type: ignore[misc]
        await wait_until(resting, "it is shown again in a minute")
        plain.delete(*plain.scan_iter("*claim:stopping:*"))
    await wait_until(works, "Slack shows again that it works")


async def until_shown(desk: Desk, thread: str, status: str, *, channel: str = "general") -> None:
    """Wait until Slack shows `status` for the thread."""
    await wait_until(
        lambda: desk.slack.agent_status(channel, thread) == status,
        f"{status!r} ({desk.slack.agent_statuses})",
    )


async def until_set_again(desk: Desk, thread: str, status: str, press: Awaitable[object]) -> None:
    """Press *Stop*, and wait until the thread's state is set once more, as `status`."""
    statuses = desk.slack.agent_statuses
    before = len(statuses)
    await press
    await wait_until(lambda: len(statuses) > before, f"{status!r} is set again ({statuses})")
    assert (statuses[-1].thread, statuses[-1].status) == (thread, status)


async def test_stop_follows_the_replies_that_wait(bot: Bot, desk: Desk) -> None:
    """They were written before it."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited", retry_after=1, times=1)
    await desk.reply("Please rebase", thread)
    await wait_until(lambda: desk.devin.requests, "Devin doesn't take the reply yet")
    await stop(desk, thread)
    await desk.until_received(ending.STOP)
    assert "Please rebase" in desk.received()[0]


async def test_who_may_not_steer_devin_stops_nothing(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Each is told why, alone, and Slack goes on showing that Devin works."""
    desk.slack.agent = True
    async with running(desk, environ, MIRROR_EXTERNAL="true"):
        thread = await desk.linked_thread(channel="shared")
        await until_shown(desk, thread, "processing", channel="shared")
        for user, standing in (("gus", Standing.GUEST), ("eve", Standing.EXTERNAL)):
            pressed = stop(desk, thread, user=user, channel="shared")
            await until_set_again(desk, thread, "processing", pressed)
            told = refusals.sorry(NotAllowed(standing))
            await desk.until_whispered(told, user, channel="shared")
        await until_settled(store)
    assert not desk.received()
    assert not desk.said(thread, channel="shared")


async def test_where_nothing_is_stopped_the_person_is_told_why(
    bot: Bot, desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread isn't linked, the press is late, or the session isn't at work or has ended.

    Slack's state of the thread is set again, since a press leaves it as it was. The log takes none
    of this for a report that nobody tells.
    """
    caplog.set_level(logging.INFO)
    desk.slack.agent = True
    unlinked = await desk.linked_thread()
    await until_shown(desk, unlinked, "processing")
    await desk.cut_off("unlink", unlinked)
    await until_shown(desk, unlinked, "closed")
    await until_set_again(desk, unlinked, "closed", stop(desk, unlinked))
    await desk.until_whispered(refusals.sorry(NotLinked()), "ada")
    thread = await desk.linked_thread()
    await until_shown(desk, thread, "processing")
    late = stop(desk, thread, late=MINUTE_AND_MORE)
    await until_set_again(desk, thread, "processing", late)
    await desk.until_whispered(refusals.sorry(NotStopped()), "ada")
    desk.devin.behave(SESSION, "idle")
    await until_shown(desk, thread, "active")
    await until_set_again(desk, thread, "active", stop(desk, thread))
    await desk.until_whispered(refusals.sorry(NotStopped()), "ada")
    desk.devin.behave(SESSION, "archived")
    await desk.offering("start_new", thread)
    await until_shown(desk, thread, "closed")
    await until_set_again(desk, thread, "closed", stop(desk, thread))
    await desk.until_whispered(ending.ended_already(desk.named()), "ada")
    await until_settled(store)
    assert not desk.received()
    assert "reports were not being told" not in caplog.messages


@pytest.mark.usefixtures("hurried")
async def test_a_press_without_a_link_comes_again_until_slack_shows_no_work(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Nothing else would set Slack's state of that thread; its person is told once."""
    desk.slack.agent = True
    thread = await desk.linked_thread()
    await until_shown(desk, thread, "processing")
    await desk.cut_off("unlink", thread)
    await until_shown(desk, thread, "closed")
    await until_settled(store)
    desk.slack.fail_next("agents.sessions.setStatus", error="internal_error")
    await until_set_again(desk, thread, "closed", stop(desk, thread))
    assert desk.slack.deliveries[-1].attempts > 1
    await until_settled(store)
    assert len(desk.whispers("ada")) == 1


@pytest.mark.usefixtures("hurried")
async def test_a_press_is_answered_while_slack_does_not_say_whose_it_is(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """Slack brings it again at first; who waits for Devin to stop must hear that it doesn't."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await forget(raw)
    async with running(desk, environ):
        desk.slack.fail_next("users.info", status=500, times=1_000)
        delivery = await press(desk, thread)
        await wait_until(lambda: delivery.attempts > 1, "it is brought again")
        assert not delivery.acked
        desk.slack.workspace.clock.ahead += UNTOLD.total_seconds() + 1
        await desk.slack.say("It is later now.")
        await desk.slack.redeliver(delivery)
        await desk.until_whispered(NOT_IDENTIFIED, "ada")
        assert asked(desk) == []


async def test_two_presses_within_a_minute_ask_devin_once(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Also in two processes; one that comes again does nothing, and one a minute later asks again.

    Slack gives each event to one of the connections, and so in turn to each process.
    """
    async with (
        running(desk, environ, {"stopped_wait": timedelta(minutes=5)}),
        running(desk, environ, {"stopped_wait": timedelta(minutes=5)}),
    ):
        thread = await desk.linked_thread()
        first = await stop(desk, thread)
        await stop(desk, thread, user="ben")
        await desk.until_whispered(ending.STOPPED_ALREADY, "ben")
        for _ in range(3):
            assert (await (await desk.slack.redeliver(first)).settled()).acked
        await until_settled(store)
        assert len(asked(desk)) == 1
        assert not desk.whispers("ada")


async def test_a_press_that_was_carried_out_is_not_told_to_be_late(
    bot: Bot, desk: Desk, store: Store, plain: redis.Redis
) -> None:
    """Its process may have died before it noted the press, and Slack send it again later."""
    thread = await desk.linked_thread()
    first = await stop(desk, thread)
    await desk.until_received(ending.STOP)
    await until_settled(store)
    plain.delete(*plain.scan_iter("*claim:stop:*"))
    desk.slack.workspace.clock.ahead += MINUTE_AND_MORE
    await desk.slack.say("It is later now.")
    await desk.until_heard()
    assert (await (await desk.slack.redeliver(first)).settled()).acked
    await until_settled(store)
    assert desk.whispers("ada") == []
    assert len(asked(desk)) == 1


async def test_a_press_that_came_to_nothing_does_not_count(bot: Bot, desk: Desk) -> None:
    """Its person is told, and the next press asks Devin."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    desk.slack.fail_next("chat.postMessage", error="restricted_action")
    await stop(desk, thread)
    await desk.until_whispered(refusals.sorry(CannotPost("restricted_action")), "ada")
    await stop(desk, thread, user="ben")
    await desk.until_received(ending.STOP)
    assert desk.whispers("ben") == []


@pytest.mark.parametrize("is_late", [False, True])
async def test_what_slack_takes_only_later_is_not_sent_if_it_would_do_harm(
    bot: Bot, desk: Desk, store: Store, *, is_late: bool
) -> None:
    """Devin has finished meanwhile, and would be woken, or does something else a minute later.

    Then the next press counts.
    """
    thread = await desk.linked_thread()
    await desk.until_heard()
    back = asyncio.Event()
    desk.slack.fail_next("chat.postMessage", status=503, until=back)
    await stop(desk, thread)
    if is_late:
        desk.slack.workspace.clock.ahead += MINUTE_AND_MORE
        await desk.slack.say("It is later now.")
        await desk.until_heard()
    else:
        desk.devin.behave(SESSION, "idle")
        await wait_until(lambda: "finished" in desk.cards(thread)[-1].text, "it has finished")
    back.set()
    await desk.until_whispered(refusals.sorry(NotStopped()), "ada")
    await until_settled(store)
    assert not asked(desk)
    if is_late:
        await stop(desk, thread)
        await desk.until_received(ending.STOP)
