"""A message that Slack brings late may have been deleted, marked as an aside or rewritten since.

Delayed Events bring a message for 24 h. Here its first attempts are left out (`deliver=False`).
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.app import Bot
from bot.settings import load_settings
from bot.wording import delivery_reports, thread_links
from sandbox import Sandbox
from sandbox.devin.answers import Api
from tests.support.bots import ACK_SECONDS, open_bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk, muted, running
from tests.support.waiting import wait_until

HOUR = 3_600.0


@pytest.fixture(params=[-HOUR, 0.0], ids=["hours later", "at once"])
async def box(request: pytest.FixtureRequest, api: Api, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack whose messages were all written an hour ago, by everybody's clock."""
    async with Sandbox(devin_api=api, ack_timeout=ACK_SECONDS, org=is_org) as sandbox:
        sandbox.slack.workspace.clock.ahead = request.param
        sandbox.devin.add_session(SESSION)
        yield sandbox


async def brought_late(desk: Desk, event: dict[str, object]) -> None:
    """Let Slack bring an event that it could not bring before."""
    delivery = await desk.slack.deliver_event(event, retry_num=3, retry_reason="timeout")
    assert (await delivery.settled()).acked


def texts(received: list[str]) -> list[str]:
    """Return the texts, without their authors."""
    return [one.partition("\n\n")[2] for one in received]


async def test_what_was_deleted_never_reaches_devin(bot: Bot, desk: Desk) -> None:
    """A deleted message is ignored however late its event comes."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("The password is …", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    await desk.slack.delete("general", ts)
    await desk.until_heard()
    await brought_late(desk, event)
    assert await desk.fence(thread) == []


async def test_an_event_older_than_a_minute_is_taken_as_its_message_stands_now(
    bot: Bot, desk: Desk
) -> None:
    """Its edit may have been refused as well, and nothing else says that the text is old."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("The password is …", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    message = desk.slack.workspace.message("general", ts)
    message.text, message.blocks = "The password is in the vault", []
    desk.slack.workspace.clock.ahead += 120
    await desk.until_delivered(await desk.reply("Later", thread))
    await brought_late(desk, event)
    await desk.until_received("in the vault")
    assert texts(desk.received()) == ["Later", "The password is in the vault"]


async def test_a_deletion_that_does_not_say_from_which_thread_counts_as_well(
    bot: Bot, desk: Desk
) -> None:
    """Slack may leave out the previous message."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("The password is …", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    deletion = {"type": "message", "subtype": "message_deleted", "hidden": True}
    channel = desk.slack.workspace.channel("general").id
    await desk.slack.deliver_event(
        {**deletion, "deleted_ts": ts, "channel": channel, "ts": ts, "event_ts": ts}
    )
    await desk.until_heard()
    await brought_late(desk, event)
    assert await desk.fence(thread) == []


async def test_what_was_made_an_aside_never_reaches_devin(bot: Bot, desk: Desk) -> None:
    """A person who sends it anyway says so, and it goes to Devin."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("Between us", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    await desk.slack.edit("general", ts, "(aside) Between us")
    await desk.until_heard()
    await brought_late(desk, event)
    assert await desk.fence(thread) == []
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts, user="ben")
    sent = await desk.until_received("Between us")
    assert sent.startswith("Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote")


async def test_an_aside_that_was_edited_was_never_sent(bot: Bot, desk: Desk) -> None:
    """After a fixed typo in the aside, *Send to Devin* sends it, and no warning appears."""
    thread = await desk.linked_thread()
    ts = await desk.reply("(aside) a tpyo", thread)
    await desk.slack.edit("general", ts, "(aside) a typo")
    await desk.until_heard()
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts)
    await desk.until_received("a typo")
    assert not desk.whispers("ada")


async def test_a_reply_that_was_taken_back_and_restored_is_sent_by_who_says_so(
    bot: Bot, desk: Desk
) -> None:
    """The reply waited, became an aside, and became a reply again; nobody sent it in between."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    await desk.reply("First", thread)
    await wait_until(lambda: desk.devin.requests, "the first is tried")
    ts = await desk.reply("Second", thread)
    await desk.until_heard()
    await desk.slack.edit("general", ts, "(aside) Second")
    await desk.until_marked("wastebasket", ts)
    desk.devin.behave(SESSION, "running")
    await desk.slack.edit("general", ts, "Second, after all")
    await desk.until_heard()
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts)
    await desk.until_received("Second, after all")
    assert texts(desk.received()) == ["First", "Second, after all"]


async def test_what_another_person_sends_names_both(bot: Bot, desk: Desk) -> None:
    """If an edit came first, what Ben sends is still sent under both names."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("(aside) Rebase", thread=thread, deliver=False)
    await desk.slack.edit("general", ts, "Rebase")
    await desk.until_heard()
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts, user="ben")
    sent = await desk.until_received("Rebase")
    assert sent.startswith("Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote")


async def test_what_was_written_before_the_link_is_not_for_devin_however_late_it_comes(
    bot: Bot, desk: Desk
) -> None:
    """The same is true of a message that was written while the thread was muted."""
    root = await desk.slack.say("Shall we ship it?")
    before = await desk.slack.say("between us", thread=root, deliver=False)
    await desk.mention(f"link {SESSION}", thread=root)
    await desk.until_linked(root)
    await desk.mention("mute", thread=root)
    await desk.until_said(muted(), root)
    silenced = await desk.slack.say("still between us", thread=root, deliver=False)
    await desk.mention("unmute", thread=root)
    await desk.until_said(muted(is_muted=False), root)
    for ts in (before, silenced):
        await brought_late(desk, desk.slack.event_of("general", ts))
    assert await desk.fence(root) == []


async def test_after_a_start_only_what_was_written_since_the_link_is_sent(
    environ: dict[str, str], desk: Desk
) -> None:
    """Slack's clock decides, not this machine's; nothing more and nothing less is sent."""
    async with running(desk, environ):
        root = await desk.slack.say("Shall we ship it?")
        await desk.slack.say("the root password is …", thread=root, deliver=False)
        await desk.mention(f"link {SESSION}", thread=root)
        await desk.until_linked(root)
    await desk.slack.say("missed", thread=root, deliver=False)
    async with running(desk, environ):
        await desk.until_received("missed")
    assert texts(desk.received()) == ["missed"]


@pytest.mark.parametrize("ahead", [20.0, -20.0], ids=["ours behind", "ours ahead"])
async def test_a_link_by_a_form_counts_from_when_it_was_made_as_well(
    environ: dict[str, str], desk: Desk, ahead: float
) -> None:
    """A submitted form carries no timestamp."""
    desk.slack.workspace.clock.ahead = ahead
    async with running(desk, environ):
        root = await desk.slack.say("Shall we ship it?")
        await desk.slack.say("the root password is …", thread=root, deliver=False)
        await desk.slack.shortcut("link_session", channel="general", message_ts=root)
        (view,) = desk.slack.open_views("ada")
        await desk.slack.submit_view(view["id"], {"session": SESSION})
        await desk.until_linked(root)
        await desk.until_delivered(await desk.reply("at once", root))
    await desk.slack.say("missed", thread=root, deliver=False)
    async with open_bot(load_settings(environ, None)):
        await desk.until_received("missed")
    assert texts(desk.received()) == ["at once", "missed"]


@pytest.mark.parametrize("verb", ["link", "unmute"])
async def test_what_was_written_before_a_late_request_was_heard_is_found(
    bot: Bot, desk: Desk, verb: str
) -> None:
    """The reply's event met no link, and was acknowledged all the same."""
    if verb == "link":
        thread = await desk.slack.say("Shall we?")
        argument = f" {SESSION}"
    else:
        thread = await desk.linked_thread()
        await desk.mention("mute", thread=thread)
        await desk.until_said(muted(), thread)
        argument = ""
    text = f"<@{desk.slack.bot_user_id}> {verb}{argument}"
    asked = await desk.slack.say(text, thread=thread, deliver=False)
    await asyncio.sleep(0.01)  # links count in milliseconds
    await desk.reply("For Devin", thread)
    await desk.until_heard()
    await asyncio.sleep(2.1)  # anything older than this is late
    await brought_late(desk, desk.slack.event_of("general", asked))
    assert texts([await desk.until_received("For Devin")]) == ["For Devin"]
    assert len(desk.received()) == 1


async def test_a_reply_that_is_brought_after_its_thread_was_linked_anew_stays_in_slack(
    bot: Bot, desk: Desk
) -> None:
    """The other session must not get it, nor what was written between the links."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    before = await desk.slack.say("For the first", thread=thread, deliver=False)
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    between = await desk.slack.say("Between us", thread=thread, deliver=False)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    for ts in (between, before):
        await brought_late(desk, desk.slack.event_of("general", ts))
    assert await desk.fence(thread) == []


BY_NOW = {
    "unlink": "unlink",
    "start other work": "start",
    "stauts": "status",
}
"""What a reply was edited into, behind a mention of the bot, and the command that it is."""


@pytest.mark.parametrize("words", BY_NOW)
async def test_what_is_a_command_by_now_is_asked_for_again_however_late_it_comes(
    bot: Bot, desk: Desk, words: str
) -> None:
    """Devin doesn't get it as words, and the thread stays linked, as after a backfill."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("The password is …", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    message = desk.slack.workspace.message("general", ts)
    message.text, message.blocks = f"<@{desk.slack.bot_user_id}> {words}", []
    desk.slack.workspace.clock.ahead += 120
    await desk.until_delivered(await desk.reply("Later", thread))
    await brought_late(desk, event)
    await desk.until_said(delivery_reports.late(0, [BY_NOW[words]], silenced=False), thread)
    assert texts(await desk.fence(thread)) == ["Later"]
