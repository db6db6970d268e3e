"""Replies that people write for Devin reach it, and other messages stay in Slack silently."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.app import Bot
from bot.model.errors import IsMuted
from bot.wording import refusals
from bot.wording.delivery_reports import DELIVERED_MARK
from tests.support.desk import SESSION, Desk, muted, running

FROM_ADA = "ada, U0ADA00000 (in Slack):\n\n"

Act = Callable[[Desk, str], Awaitable[Any]]


@pytest.mark.parametrize("channel", ["general", "secrets", "dm", "group-dm"])
async def test_a_reply_is_read_wherever_the_thread_is(bot: Bot, desk: Desk, channel: str) -> None:
    """Public and private channels, direct messages and group direct messages are alike."""
    thread = await desk.linked_thread(channel=channel)
    ts = await desk.reply("Please *rebase*.", thread, channel=channel)
    await desk.until_delivered(ts, channel=channel)
    file = await desk.slack.say("", files=["plan.md"], thread=thread, channel=channel)
    await desk.until_delivered(file, channel=channel)
    (said, _), (shared, files) = desk.read()
    assert said == FROM_ADA + "Please **rebase**."
    assert (shared, files) == (FROM_ADA.strip(), [desk.devin.attachments[0].url])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "Ship it."}, FROM_ADA + "Ship it."),
        ({"text": "Ship it, all!", "broadcast": True}, FROM_ADA + "Ship it, all!"),
        ({"text": "ships it", "subtype": "me_message"}, FROM_ADA + "ships it"),
    ],
    ids=["text", "thread_broadcast", "me_message"],
)
async def test_every_way_to_write_in_a_thread_is_a_reply(
    bot: Bot, desk: Desk, fields: dict[str, Any], expected: str
) -> None:
    """Text, a reply that is also sent to the channel, and `/me` reach Devin."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say(**fields, thread=thread)
    await desk.until_delivered(ts)
    assert desk.received() == [expected]


@pytest.mark.parametrize("text", ["", "Both of them."], ids=["without_text", "with_text"])
async def test_files_that_stay_in_slack_are_read_as_links(
    desk: Desk, environ: dict[str, str], text: str
) -> None:
    """Each is a link on a separate line, below the text if there is any."""
    async with running(desk, environ, FILE_LIMIT="0"):
        thread = await desk.linked_thread()
        ts = await desk.slack.say(text, files=["plan.md", "log [2].txt"], thread=thread)
        await desk.until_delivered(ts)
    [message] = desk.received()
    plan, log = message.removeprefix(FROM_ADA).removeprefix(f"{text}\n\n").splitlines()
    assert message.startswith(f"{FROM_ADA}{text}\n\n" if text else f"{FROM_ADA}[")
    assert plan.startswith("[plan.md](https://sandbox.slack.invalid/files/")
    assert log.startswith("[log (2).txt](https://")


async def test_a_mention_that_is_no_command_is_one_reply(bot: Bot, desk: Desk) -> None:
    """Slack sends it as `message` and `app_mention`; Devin reads it once, with the bot's name."""
    thread = await desk.linked_thread()
    before = len(desk.slack.deliveries)
    ts = await desk.mention("link the PR to the issue", thread=thread)
    await desk.until_delivered(ts)
    await desk.mention("status of the build?", thread=thread)
    await desk.mention("please rebase", thread=thread)
    kinds = [one.payload["event"]["type"] for one in desk.slack.deliveries[before:]]
    assert kinds.count("message") == kinds.count("app_mention") == 3
    assert await desk.fence(thread) == [
        FROM_ADA + "@Devin Relay (U0DEVINREL) link the PR to the issue",
        FROM_ADA + "@Devin Relay (U0DEVINREL) status of the build?",
        FROM_ADA + "@Devin Relay (U0DEVINREL) please rebase",
    ]
    assert desk.said(thread) == []
    assert desk.whispers("ada") == []


async def test_a_reply_that_comes_again_is_read_once(bot: Bot, desk: Desk) -> None:
    """Slack's retry, the same message under another event id, and late copies change nothing."""
    thread = await desk.linked_thread()
    ts = await desk.reply("Only once.", thread)
    await desk.until_delivered(ts)
    event = desk.slack.event_of("general", ts)
    first = next(one for one in desk.slack.deliveries if one.payload["event"].get("ts") == ts)
    await desk.slack.redeliver(first)
    await desk.slack.deliver_event(event)
    await desk.slack.deliver_event(event, retry_num=2, retry_reason="timeout")
    assert await desk.fence(thread) == [FROM_ADA + "Only once."]
    assert desk.marks(ts) == [DELIVERED_MARK]


async def _unlinked_thread(desk: Desk, _: str) -> None:
    other = await desk.slack.say("Something else")
    await desk.reply("Not for Devin", other)


async def _edit(desk: Desk, thread: str) -> None:
    await desk.slack.edit("general", await _kept_here(desk, thread), "Something else")


async def _delete(desk: Desk, thread: str) -> None:
    await desk.slack.delete("general", await _kept_here(desk, thread))


async def _unfurl(desk: Desk, thread: str) -> None:
    await desk.slack.unfurl("general", await _kept_here(desk, thread))


async def _root_again(desk: Desk, thread: str) -> None:
    await desk.slack.deliver_event(desk.slack.event_of("general", thread))


async def _kept_here(desk: Desk, thread: str) -> str:
    return await desk.reply("(aside) see https://example.com/", thread)


NOT_FOR_DEVIN: dict[str, Act] = {  # the deletion of the parent comes last
    "top_level": lambda desk, _: desk.slack.say("Good morning"),
    "beginning_of_the_thread": _root_again,
    "unlinked_thread": _unlinked_thread,
    "aside": lambda desk, thread: desk.reply("(aside) lunch?", thread),
    "bang_aside": lambda desk, thread: desk.reply("!aside lunch?", thread),
    "shouted_aside_after_blanks": lambda desk, thread: desk.reply("  (ASIDE)lunch?", thread),
    "aside_after_a_mention": lambda desk, thread: desk.mention("!Aside lunch?", thread=thread),
    "our_own_post": lambda desk, thread: desk.reply("I said so", thread, user="devin-relay"),
    "another_app": lambda desk, thread: desk.reply("Build is red", thread, user="bolt-ci"),
    "a_legacy_webhook": lambda desk, thread: desk.reply("Deploy!", thread, user="legacy"),
    "a_workflow": lambda desk, thread: desk.reply("Standup!", thread, user="workflow"),
    "edit": _edit,
    "deletion": _delete,
    "unfurl": _unfurl,
    "join": lambda desk, _: desk.slack.join("general", "eve"),
    "deleted_parent": lambda desk, thread: desk.slack.delete("general", thread),
}

ODD_EVENTS: list[dict[str, Any]] = [
    {"subtype": "channel_join"},
    {"subtype": "tombstone", "user": "USLACKBOT"},
    {"subtype": "reminder_add"},
    {"subtype": ["file_share"]},
    {"user": None, "message": {"text": "Not for Devin"}},
    {"hidden": True},
    {"channel": None},
    {"channel": "C1:2:3"},
    {"ts": None},
    {"ts": "now"},
    {"thread_ts": "0x1"},
    {"thread_ts": []},
    {"user": {"id": "U1"}},
    {"user": None, "bot_id": None, "text": {"a": 1}},
    {"user": "", "blocks": "none", "files": 5, "event_ts": 5},
]
"""Parts that a person's reply never has; a `message_replied` has no subtype and no user."""


async def test_what_is_no_reply_is_acknowledged_and_that_is_all(
    bot: Bot, desk: Desk, subtests: pytest.Subtests
) -> None:
    """Slack is acknowledged at once; Devin reads nothing, and nobody is told anything."""
    thread = await desk.linked_thread()
    # The state of the thread is shown meanwhile; where that is refused, the channel is looked up.
    shown = {"assistant.threads.setStatus", "agents.sessions.setStatus", "conversations.info"}
    for kind, act in NOT_FOR_DEVIN.items():
        with subtests.test(kind):
            calls = len(desk.slack.calls)
            await act(desk, thread)
            assert await desk.fence(thread) == []
            called = [one.method for one in desk.slack.calls[calls:]]
            assert set(called) <= {"users.info", "reactions.add"} | shown
            assert called.count("reactions.add") == 1
            assert desk.slack.ephemerals("general") == []


async def test_an_odd_event_is_acknowledged_and_that_is_all(bot: Bot, desk: Desk) -> None:
    """An event that cannot be a person's reply, malformed or unknown, need not come again."""
    thread = await desk.linked_thread()
    for changes in ODD_EVENTS:
        ts = await desk.slack.say("Not for Devin", thread=thread, deliver=False)
        await desk.slack.deliver_event({**desk.slack.event_of("general", ts), **changes})
    assert await desk.fence(thread) == []
    assert desk.said(thread) == []
    assert desk.slack.ephemerals("general") == []


async def test_an_author_whose_id_is_no_text_costs_nobody_an_acknowledgement(
    bot: Bot, desk: Desk
) -> None:
    """Slack does not identify the author, so it is turned away like any unknown person."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("Not for Devin", thread=thread, deliver=False)
    event = {**desk.slack.event_of("general", ts), "user": "\ud800"}
    event_of_mention = {**event, "type": "app_mention", "thread_ts": ts}
    for one in (event, event_of_mention):
        assert (await (await desk.slack.deliver_event(one)).settled()).acked
    assert await desk.fence(thread) == []


async def test_a_muted_thread_keeps_its_replies_and_mentions(bot: Bot, desk: Desk) -> None:
    """While muted, a mention without a command also stays in Slack, and its author is told."""
    thread = await desk.linked_thread()
    await desk.cut_off("mute", thread)
    await desk.reply("Between us", thread)
    await desk.mention("you don't hear this", thread=thread)
    await desk.until_heard()
    await desk.mention("unmute", thread=thread)
    await desk.until_said(muted(is_muted=False), thread)
    assert await desk.fence(thread) == []
    told = await desk.until_whispered(refusals.sorry(IsMuted()), "ada")
    assert desk.whispers("ada") == [told]


async def test_a_mention_s_files_reach_devin_whichever_event_comes_first(
    bot: Bot, desk: Desk
) -> None:
    """Slack's `app_mention` may lack them, so only the `message` is taken for a reply."""
    thread = await desk.linked_thread()
    text = f"<@{desk.slack.bot_user_id}> please read this"
    ts = await desk.slack.say(text, thread=thread, files=["plan.md"], deliver=False)
    event = desk.slack.event_of("general", ts)
    bare = {key: one for key, one in event.items() if key not in {"files", "subtype"}}
    for one in ({**bare, "type": "app_mention"}, event):
        assert (await (await desk.slack.deliver_event(one)).settled()).acked
    await desk.until_delivered(ts)
    ((_, files),) = desk.read()
    assert [one.rpartition("/")[2] for one in files] == ["plan.md"]


@pytest.mark.parametrize("allowed", ["B0BOLTCI00", "A0BOLTCI00", "U0BOLTCI00"])
async def test_an_allowed_bot_is_read(environ: dict[str, str], desk: Desk, allowed: str) -> None:
    """`ALLOW_BOTS` allows one bot by its bot, app or user id, and no other bot."""
    async with running(desk, environ, ALLOW_BOTS=allowed):
        thread = await desk.linked_thread()
        await desk.reply("Deploy!", thread, user="legacy")
        ts = await desk.reply("Build 12 is red", thread, user="bolt-ci")
        await desk.until_delivered(ts)
        assert await desk.fence(thread) == ["Bolt CI, B0BOLTCI00 (in Slack):\n\nBuild 12 is red"]


async def test_an_allowed_webhook_is_read(environ: dict[str, str], desk: Desk) -> None:
    """A `bot_message` has no user; its bot id allows and names it."""
    async with running(desk, environ, ALLOW_BOTS="B0LEGACY00"):
        thread = await desk.linked_thread()
        ts = await desk.reply("Deploy!", thread, user="legacy")
        await desk.until_delivered(ts)
        assert desk.received() == ["Legacy Webhook, B0LEGACY00 (in Slack):\n\nDeploy!"]


async def test_replies_in_several_threads_reach_one_session(bot: Bot, desk: Desk) -> None:
    """Threads share a session if they are linked to the same one."""
    one, two = await desk.linked_thread(), await desk.linked_thread(channel="secrets")
    await desk.reply("From here", one)
    await desk.until_received("From here")
    await desk.reply("From there", two, channel="secrets")
    await desk.until_received("From there")
    assert desk.received(SESSION) == [FROM_ADA + "From here", FROM_ADA + "From there"]
