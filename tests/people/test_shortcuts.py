"""The message shortcuts send any message to Devin, and link any thread, with a form if needed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import (
    AlreadyDone,
    CannotPost,
    EmptyMessage,
    IsMuted,
    LinkedElsewhere,
    MessageGone,
    NotAllowed,
    NotLinked,
    SlackAway,
    StoreAway,
)
from bot.model.files import AttachedFile
from bot.model.people import Standing, UserId
from bot.model.replies import Reply, reply_id
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.wording import forms, refusals, thread_links
from bot.wording.forms import Choices
from bot.wording.message import SlackMessage
from bot.wording.phrases import plain, session_address
from sandbox.slack.api.blocks import options_of, view_problems
from sandbox.slack.transport.deliveries import Delivery
from tests.people.test_edits import delete, edit
from tests.support.builders import ADA, CHANNEL, JSON, ROOT_TS, TEAM, mutated
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_both, on_v1, running
from tests.support.known import forget
from tests.support.tables import each
from tests.support.waiting import until_settled, wait_until

AWAY = SlackAway("conversations.info", "HTTP 503", maybe_done=True)
THREAD = ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=ROOT_TS)
URL = f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}"
SEND, LINK = "send_to_devin", "link_session"


async def run(
    desk: Desk, shortcut: str, ts: str, *, user: str = "ada", channel: str = "general"
) -> Delivery:
    """Run a shortcut on a message, and check that Slack is acknowledged in time."""
    delivery = await desk.slack.shortcut(shortcut, channel=channel, message_ts=ts, user=user)
    assert delivery.acked
    return delivery


async def form(desk: Desk, user: str = "ada") -> JSON:
    """Wait for the form that is open in front of somebody, and return it."""

    def is_open() -> bool:
        return any(view["submit"] for view in desk.slack.open_views(user))

    await wait_until(is_open, f"{user} sees a form")
    return desk.slack.open_views(user)[-1]


async def asked(
    desk: Desk, shortcut: str, ts: str, *, user: str = "ada", channel: str = "general"
) -> JSON:
    """Return the form that a shortcut opens."""
    await run(desk, shortcut, ts, user=user, channel=channel)
    return await form(desk, user)


async def submit(desk: Desk, view: JSON, pasted: str = SESSION, *, user: str = "ada") -> Delivery:
    """Submit a form with a pasted session, and check that Slack is answered in time."""
    return await submit_all(desk, view, user=user, typed=pasted)


async def submit_all(
    desk: Desk, view: JSON, *, user: str = "ada", **filled: str | None
) -> Delivery:
    """Submit a form whose fields have these values."""
    delivery = await desk.slack.submit_view(view["id"], filled, user=user)
    assert delivery.acked
    return delivery


def error(view: JSON) -> str:
    """Return the error under the form's last field."""
    return str(view["errors"]["typed"])


def fields(view: JSON) -> dict[str, JSON]:
    """Return the inputs of a form."""
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    return {block["block_id"]: block["element"] for block in inputs}


def offered(view: JSON) -> list[str]:
    """Return the sessions to choose from."""
    return [option["value"] for option in options_of(fields(view).get("session", {}))]


def prefilled(view: JSON) -> dict[str, str]:
    """Return what is filled in, by field."""
    found = fields(view)
    chosen = found.get("session", {}).get("initial_option", {}).get("value")
    values = {"session": chosen, "typed": found["typed"].get("initial_value")}
    return {name: value for name, value in values.items() if value is not None}


def told(words: SlackMessage) -> str:
    """Return how `words` look as an error in a form."""
    return plain(words.text)


def may_not(why: Standing) -> SlackMessage:
    return refusals.sorry(NotAllowed(why))


def muted(*, is_muted: bool = True) -> SlackMessage:
    """Return the answer to `mute`, or to `unmute`."""
    session, by = SessionId(SESSION), UserId(ADA)
    return thread_links.muted(Link(session=session, by=by, linked_at=0, muted=is_muted))


def shown(view: JSON) -> str:
    """Return all the text of a modal."""
    return " ".join(str(block.get("text", "")) for block in view["blocks"])


@asynccontextmanager
async def hanging(redis_url: str) -> AsyncIterator[None]:
    """Let Redis accept commands, but answer none that may write, until the block ends."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.client_pause(20_000, all=False)
        try:
            yield
        finally:
            await client.client_unpause()


# Sending a message.


@pytest.mark.parametrize(
    ("author", "read"),
    [
        ("ada", "Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote"),
        ("ben", "Ben Franklin, U0BEN00000"),
        ("gus", "Ben Franklin, U0BEN00000 sends what gus, U0GUS00000 wrote"),
        ("bolt-ci", "Ben Franklin, U0BEN00000 sends what Bolt CI, B0BOLTCI00 wrote"),
        ("legacy", "Ben Franklin, U0BEN00000 sends what Legacy Webhook, B0LEGACY00 wrote"),
        ("workflow", "Ben Franklin, U0BEN00000 sends what Standup Workflow, B0WORKFLOW wrote"),
    ],
)
async def test_any_message_is_sent_whoever_wrote_it(
    bot: Bot, desk: Desk, author: str, read: str
) -> None:
    """The sender vouches for it; Devin reads both names, and the mark is on the message."""
    thread = await desk.slack.say("Is it green?", user="ben")
    ts = await desk.reply("The build is red", thread, user=author)
    await desk.mention(f"link {SESSION}", thread=thread)
    await desk.until_linked(thread)
    await run(desk, SEND, ts, user="ben")
    await desk.until_delivered(ts)
    assert desk.received() == [f"{read} (in Slack):\n\nThe build is red"]
    assert desk.whispers("ben") == []


async def test_the_first_message_of_a_thread_is_sent_with_its_files(bot: Bot, desk: Desk) -> None:
    """It was written before there was a link, and goes with its links and files."""
    root = await desk.slack.say("See <https://example.com|this>", files=["plan.md"])
    await desk.mention(f"link {SESSION}", thread=root)
    await desk.until_linked(root)
    await run(desk, SEND, root, user="ben")
    await desk.until_delivered(root)
    read = await desk.until_received("this")
    assert read.startswith("Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote (in Slack):")
    assert "[this](https://example.com)" in read
    ((_, (file,)),) = desk.read()
    assert "plan.md" in file


async def test_an_outsider_s_message_is_sent_when_an_insider_sends_it(bot: Bot, desk: Desk) -> None:
    """Eve may not steer Devin, and is told so; her message may be passed on."""
    thread = await desk.linked_thread(channel="shared")
    ts = await desk.reply("Try turning it off", thread, user="eve", channel="shared")
    await desk.until_whispered(may_not(Standing.EXTERNAL), "eve", channel="shared")
    await run(desk, SEND, ts, channel="shared")
    await desk.until_delivered(ts, channel="shared")
    (read,) = desk.received()
    assert (
        read == "ada, U0ADA00000 sends what eve, U0EVE00000 wrote (in Slack):\n\nTry turning it off"
    )


@on_v1
async def test_what_devin_answers_is_told_as_for_a_reply(bot: Bot, desk: Desk) -> None:
    """The report has its button, which sends the same text again."""
    thread = await desk.slack.say("Is it green?")
    await desk.mention(f"link {SESSION}", thread=thread)
    await desk.until_linked(thread)
    desk.devin.behave(SESSION, "suspended", times=1)
    await run(desk, SEND, thread, user="ben")
    await desk.press("send_again", thread)
    await desk.until_delivered(thread)
    first, second = desk.devin.requests
    assert first.body == second.body
    assert "Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote" in first.message


async def test_what_was_sent_before_is_not_sent_again(bot: Bot, desk: Desk, store: Store) -> None:
    """This holds for a reply and for a message sent by hand; only the person who tries is told."""
    thread = await desk.linked_thread()
    ts = await desk.reply("Please rebase", thread)
    await desk.until_delivered(ts)
    await run(desk, SEND, ts, user="ben")
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ben")
    await run(desk, SEND, thread, user="ben")
    await desk.until_delivered(thread)
    await run(desk, SEND, thread)
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    await until_settled(store)
    assert len(desk.devin.requests) == 2


@on_v1
async def test_what_devin_refused_can_be_sent_to_the_session_that_is_linked_then(
    bot: Bot, desk: Desk
) -> None:
    """The report says so; it is reported again, and the old report can no longer do anything."""
    desk.devin.add_session(OTHER_SESSION)
    desk.devin.behave(SESSION, "missing")
    thread = await desk.linked_thread()
    ts = await desk.reply("Please rebase", thread)
    await desk.until_marked("x", ts)
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    desk.devin.behave(OTHER_SESSION, "suspended", times=1)
    await run(desk, SEND, ts)
    await desk.until_marked("zzz", ts)
    await run(desk, SEND, ts)
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    assert desk.devin.received(SESSION) == []


@on_both
async def test_what_an_ended_session_did_not_take_can_be_sent_once_it_goes_on(
    bot: Bot, desk: Desk
) -> None:
    """Devin has not read it, so nobody is told that it was sent."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "finished")
    ts = await desk.reply("Please rebase", thread)
    await desk.until_marked("x", ts)
    desk.devin.behave(SESSION, "running")
    await run(desk, SEND, ts)
    await desk.until_received("Please rebase")
    assert len(desk.received()) == 1
    assert desk.whispers("ada") == []


async def test_what_another_session_has_can_be_sent_to_the_one_that_is_linked_then(
    bot: Bot, desk: Desk
) -> None:
    """That session has never seen it, and only a person sends it."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    ts = await desk.reply("Please rebase", thread)
    await desk.until_delivered(ts)
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await run(desk, SEND, ts)
    await desk.until_received("Please rebase", OTHER_SESSION)
    await run(desk, SEND, ts)
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    assert len(desk.received()) == len(desk.received(OTHER_SESSION)) == 1


async def test_in_a_muted_thread_the_person_is_told_and_can_send_later(
    bot: Bot, desk: Desk
) -> None:
    """Muting means that nothing goes to Devin; the message can still be sent later."""
    thread = await desk.linked_thread()
    await desk.mention("mute", thread=thread)
    await desk.until_said(muted(), thread)
    await run(desk, SEND, thread)
    await desk.until_whispered(refusals.sorry(IsMuted()), "ada")
    assert desk.slack.ephemerals("general", "ada")[-1].thread_ts == thread
    await desk.mention("unmute", thread=thread)
    await desk.until_said(muted(is_muted=False), thread)
    await run(desk, SEND, thread)
    await desk.until_received("Shall we ship it?")


async def test_what_is_written_while_a_form_links_the_thread_reaches_devin(
    bot: Bot, desk: Desk
) -> None:
    """Slack takes its time to say whom the first message mentions; the reply met no link."""
    over = asyncio.Event()
    thread = await desk.slack.say("<@U0BEN00000>: is it green?")
    view = await asked(desk, SEND, thread)
    desk.slack.fail_next("users.info", until=over)
    before = len(desk.slack.calls)
    submitting = asyncio.create_task(submit(desk, view))
    await wait_until(
        lambda: "users.info" in [one.method for one in desk.slack.calls[before:]],
        "the bot asks who Ben is",
    )
    await desk.reply("Not yet", thread)
    assert (await desk.slack.deliveries[-1].settled()).acked
    over.set()
    await submitting
    await desk.until_received("Not yet")


async def test_what_is_sent_is_kept_before_slack_is_acknowledged(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Otherwise a process that dies would lose it for good, and nobody would be told."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("(aside) Please rebase", thread=thread)
    desk.devin.behave(SESSION, "rate_limited")
    desk.slack.fail_next("conversations.info", delay=0.3)
    await run(desk, SEND, ts)
    place = reply_id(desk.slack.team_id, desk.slack.workspace.channel("general").id, ts)
    assert await store.field(subject_key(place), "state") is not None


async def test_a_message_without_words_is_not_sent(bot: Bot, desk: Desk) -> None:
    """There would be nothing to read."""
    thread = await desk.linked_thread()
    ts = await desk.reply("", thread, user="legacy")
    await run(desk, SEND, ts)
    await desk.until_whispered(refusals.sorry(EmptyMessage()), "ada")
    assert desk.devin.requests == []


async def test_where_the_bot_has_left_nothing_is_sent(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """Nobody there could be told the outcome."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    await until_settled(store)  # the card's teller looks the channel up as well
    desk.slack.workspace.channel("general").members.remove(desk.slack.bot_user_id)
    await forget(raw)
    await run(desk, SEND, thread)
    await desk.until_whispered(refusals.sorry(CannotPost("not_in_channel")), "ada")
    assert desk.devin.requests == []


# The form.


async def test_in_a_thread_without_a_link_a_form_asks_for_the_session(bot: Bot, desk: Desk) -> None:
    """Once it is submitted, the thread is linked and told by whom, and the message is sent."""
    thread = await desk.slack.say("Is it green?")
    ts = await desk.reply("No: <@U0BEN00000> *please* fix", thread)
    view = await asked(desk, SEND, ts, user="ben")
    (quoted,) = [block for block in view["blocks"] if block["type"] == "rich_text"]
    assert "please" in str(quoted)
    assert prefilled(view) == {}
    await submit(desk, view, user="ben")
    assert desk.slack.open_views("ben") == []
    said = await desk.until_linked(thread)
    assert "Ben Franklin" in said
    await desk.until_delivered(ts)
    await desk.until_delivered(await desk.reply("Thanks", thread))
    assert [one.partition("\n")[0] for one in desk.received()] == [
        "Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote (in Slack):",
        "ada, U0ADA00000 (in Slack):",
    ]
    assert desk.whispers("ben") == []


@pytest.mark.parametrize(
    ("channel", "where"),
    [
        *(("general", "top"), ("general", "root"), ("general", "reply"), ("secrets", "reply")),
        *(("group-dm", "root"), ("dm", "top"), ("dm", "reply"), ("shared", "top")),
    ],
)
async def test_any_thread_can_be_linked(bot: Bot, desk: Desk, channel: str, where: str) -> None:
    """This works from a message alone, a thread's first one or a reply, in every conversation."""
    thread = ts = await desk.slack.say("Is it green?", channel=channel)
    if where != "top":
        reply = await desk.reply("No", thread, channel=channel)
        ts = reply if where == "reply" else thread
    view = await asked(desk, LINK, ts, channel=channel)
    assert forms.ASK_TO_LINK.text in shown(view)
    await submit(desk, view, f"  <{URL}|Fix the build> ")
    await desk.until_linked(thread, channel=channel)
    mark = await desk.reply("Please fix", thread, channel=channel)
    await desk.until_delivered(mark, channel=channel)
    assert len(desk.received()) == 1
    assert len(desk.cards(thread, channel=channel)) == 1


@pytest.mark.parametrize("shortcut", [SEND, LINK])
@pytest.mark.parametrize("where", ["own", "root"])
async def test_a_session_that_stands_in_the_thread_is_filled_in(
    bot: Bot, desk: Desk, shortcut: str, where: str
) -> None:
    """It may be named in the message itself, or in the first one of its thread."""
    named = f"See <{URL}?tab=shell|the session> for more"
    thread = await desk.slack.say(named if where == "root" else "Hello", user="bolt-ci")
    ts = await desk.reply(named if where == "own" else "Please look", thread, user="bolt-ci")
    view = await asked(desk, shortcut, ts)
    assert prefilled(view) == {"session": SESSION}
    await submit_all(desk, view, session=SESSION)
    await desk.until_linked(thread)


@pytest.mark.times(root_seconds=1.0)
@pytest.mark.parametrize(
    "failure", [{"error": "thread_not_found"}, {"status": 503}, {"delay": 8.0}]
)
async def test_a_root_that_slack_does_not_show_fills_nothing_in(
    bot: Bot, desk: Desk, failure: dict[str, Any]
) -> None:
    """The form opens all the same, and does not wait long for it."""
    thread = await desk.slack.say(URL, user="bolt-ci")
    ts = await desk.reply("Please look", thread)
    desk.slack.fail_next("conversations.replies", **failure)
    assert prefilled(await asked(desk, LINK, ts)) == {}


async def test_the_form_offers_the_sessions_that_devin_say_offers(bot: Bot, desk: Desk) -> None:
    """The channel's come first, then Devin's latest; the one that is meant need not be listed."""
    desk.devin.add_session(OTHER_SESSION, title="Fix the build")
    await desk.linked_thread(OTHER_SESSION)
    thread = await desk.slack.say("See https://app.devin.ai/sessions/5ec4e75ec4e7")
    view = await asked(desk, LINK, thread)
    assert offered(view) == [OTHER_SESSION, SESSION]
    assert prefilled(view) == {"typed": "https://app.devin.ai/sessions/5ec4e75ec4e7"}
    await submit_all(desk, view, session=OTHER_SESSION, typed=SESSION)
    assert error(view) == forms.BOTH
    await submit_all(desk, view, typed=None)
    assert error(view) == forms.NEITHER
    await submit_all(desk, view, session=OTHER_SESSION, typed=None)
    await desk.until_linked(thread)
    await desk.reply("Please fix", thread)
    await desk.until_received("Please fix", OTHER_SESSION)


async def test_a_linked_thread_says_where_to(bot: Bot, desk: Desk) -> None:
    """There is nothing to fill in, and the form explains how to change the link."""
    thread = await desk.linked_thread()
    await run(desk, LINK, thread, user="ben")
    await wait_until(lambda: desk.slack.open_views("ben"), "ben is told")
    (view,) = desk.slack.open_views("ben")
    assert view["submit"] is None
    assert refusals.sorry(LinkedElsewhere(desk.named(), "ada")).text in shown(view)


@pytest.mark.parametrize("shortcut", [SEND, LINK])
async def test_what_names_no_session_is_said_in_the_form(
    bot: Bot, desk: Desk, shortcut: str
) -> None:
    """The error has no markup, which Slack would show literally; another attempt works."""
    thread = await desk.slack.say("Is it green?")
    view = await asked(desk, shortcut, thread)
    wrong = "devin-xyz & <https://example.com|co>"
    await submit(desk, view, wrong)
    assert error(view) == told(refusals.no_session(wrong))
    assert "<http" not in error(view)
    assert desk.slack.open_views("ada") == [view]
    assert view["state"]["values"]["typed"]["typed"]["value"] == wrong
    await submit(desk, view)
    await desk.until_linked(thread)


async def test_a_thread_that_was_linked_meanwhile_keeps_its_session(bot: Bot, desk: Desk) -> None:
    """The form names the session and who linked it; the message is not sent anywhere."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.slack.say("Is it green?")
    view = await asked(desk, SEND, thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread)
    await submit(desk, view)
    linked_elsewhere = LinkedElsewhere(desk.named(OTHER_SESSION), "Ben Franklin")
    assert error(view) == told(refusals.sorry(linked_elsewhere))
    assert desk.devin.requests == []
    await submit(desk, view, OTHER_SESSION)
    await desk.until_received("Is it green?", OTHER_SESSION)
    assert len(desk.said(thread, with_cards=True)) == 1


async def test_a_message_that_is_edited_while_its_form_is_open_is_sent_as_it_is_now(
    bot: Bot, desk: Desk
) -> None:
    """Nothing else would bring the edit: the thread isn't linked yet."""
    thread = await desk.slack.say("The password is hunter2")
    view = await asked(desk, SEND, thread, user="ben")
    await edit(desk, thread, "Is it green?")
    await submit(desk, view, user="ben")
    sent = await desk.until_received("Is it green?")
    assert "hunter2" not in sent
    assert sent.startswith("Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote")


async def test_a_message_that_is_deleted_while_its_form_is_open_is_not_sent(
    bot: Bot, desk: Desk
) -> None:
    """The form says so, and links nothing."""
    root = await desk.slack.say("Is it green?")
    ts = await desk.reply("The password is hunter2", root)
    view = await asked(desk, SEND, ts)
    await delete(desk, ts)
    await submit(desk, view)
    assert error(view) == told(refusals.sorry(MessageGone()))
    assert desk.received() == []
    assert not await desk.is_linked(root)


async def test_what_nobody_said_is_sent_by_a_form_as_well(bot: Bot, desk: Desk) -> None:
    """Slack shows it in the thread, so it isn't gone."""
    ts = await desk.slack.say("set the channel topic: Ship it", subtype="channel_topic")
    await submit(desk, await asked(desk, SEND, ts))
    await desk.until_received("Ship it")


async def test_what_is_written_while_a_form_is_open_stays_in_slack(bot: Bot, desk: Desk) -> None:
    """This holds if no event came either: the link counts from the time of submission."""
    thread = await desk.slack.say("Is it green?")
    view = await asked(desk, LINK, thread)
    await desk.slack.say("Between us", thread=thread, deliver=False)
    await desk.slack.say("Elsewhere")  # by whose event the relay learns Slack's time
    await desk.until_heard()
    await submit(desk, view)
    await desk.until_linked(thread)
    desk.slack.drop_connections()
    await wait_until(
        lambda: any("oldest" in call.params for call in desk.slack.calls),
        "the thread is read",
    )
    await desk.reply("For Devin", thread)
    await desk.until_received("For Devin")
    assert len(desk.received()) == 1


async def test_a_form_links_also_where_its_message_was_sent_before(bot: Bot, desk: Desk) -> None:
    """A message that the session has is not sent again, and the person is told."""
    thread = await desk.linked_thread()
    ts = await desk.reply("Please rebase", thread)
    await desk.until_delivered(ts)
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await submit(desk, await asked(desk, SEND, ts), SESSION)
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    await desk.reply("And push", thread)
    await desk.until_received("And push")
    assert len(desk.devin.requests) == 2


async def test_a_thread_that_was_muted_meanwhile_stays_so(bot: Bot, desk: Desk) -> None:
    """The form says so, instead of sending."""
    thread = await desk.slack.say("Is it green?")
    view = await asked(desk, SEND, thread)
    await desk.mention(f"link {SESSION}", thread=thread)
    await desk.until_linked(thread)
    await desk.mention("mute", thread=thread)
    await desk.until_said(muted(), thread)
    await submit(desk, view)
    assert error(view) == told(refusals.sorry(IsMuted()))
    assert desk.devin.requests == []


@pytest.mark.parametrize("shortcut", [SEND, LINK])
async def test_where_the_bot_is_not_in_the_channel_the_form_says_so(
    bot: Bot, desk: Desk, shortcut: str
) -> None:
    """Nothing is linked until somebody invites the bot; the same form then works."""
    ts = await desk.slack.say("Is it green?", channel="random")
    view = await asked(desk, shortcut, ts, channel="random")
    await submit(desk, view)
    assert error(view) == told(refusals.sorry(CannotPost("not_in_channel")))
    await desk.slack.join("random", "devin-relay")
    await submit(desk, view)
    await desk.until_linked(ts, channel="random")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"error": "channel_not_found"}, refusals.sorry(CannotPost("channel_not_found"))),
        ({"error": "access_denied"}, refusals.sorry(CannotPost("access_denied"))),
        ({"status": 503}, refusals.passing(AWAY)),
    ],
)
async def test_a_channel_that_slack_does_not_show_is_said(
    bot: Bot, desk: Desk, failure: dict[str, Any], said: SlackMessage
) -> None:
    """A thread that could not be told anything is not linked."""
    ts = await desk.slack.say("Is it green?")
    view = await asked(desk, LINK, ts)
    desk.slack.fail_next("conversations.info", times=2, **failure)
    await submit(desk, view)
    assert error(view) == told(said)
    assert desk.said(ts, with_cards=True) == []


# Permissions.


@pytest.mark.parametrize("shortcut", [SEND, LINK])
@pytest.mark.parametrize(
    ("user", "changes", "why"),
    [
        ("gus", {}, Standing.GUEST),
        ("ben", {"ALLOW_USERS": "U0ADA00000"}, Standing.NOT_LISTED),
        ("ada", {"ALLOW_CHANNELS": "C0RANDOM00"}, Standing.CHANNEL),
    ],
    ids=["guest", "not_listed", "channel"],
)
async def test_who_may_not_opens_no_form_and_submits_none(
    environ: dict[str, str],
    desk: Desk,
    shortcut: str,
    user: str,
    changes: dict[str, str],
    why: Standing,
) -> None:
    """The rule applies when the form is opened, and again when it is submitted."""
    thread = await desk.slack.say("Is it green?")
    async with running(desk, environ, ALLOW_GUESTS="true"):
        view = await asked(desk, shortcut, thread, user=user)
    async with running(desk, environ, **changes):
        await submit(desk, view, user=user)
        assert error(view) == told(may_not(why))
        await run(desk, shortcut, thread, user=user)
        await desk.until_whispered(may_not(why), user)
    assert desk.slack.open_views(user) == [view]
    assert desk.said(thread, with_cards=True) == []
    assert desk.devin.requests == []


@pytest.mark.parametrize("shortcut", [SEND, LINK])
async def test_an_outsider_gets_nowhere(bot: Bot, desk: Desk, shortcut: str) -> None:
    """Slack offers outsiders no shortcut; one that arrives anyway is refused."""
    thread = await desk.linked_thread(channel="shared")
    genuine = (await run(desk, shortcut, thread, channel="shared")).payload
    await wait_until(lambda: desk.received() or desk.slack.open_views("ada"), "ada's is done")
    eve = {**genuine["user"], "id": "U0EVE00000", "team_id": "T0OTHER000"}
    trigger = {"trigger_id": "1.2.eve", "user": eve}
    await resent(desk, genuine | trigger)
    await wait_until(lambda: len(desk.slack.ephemerals("shared")) == 1, "it is refused")
    assert desk.slack.ephemerals("shared")[0].text == may_not(Standing.EXTERNAL).text


# Repeated, late and foreign requests.


async def resent(desk: Desk, payload: JSON) -> Delivery:
    """Let Slack deliver an interaction, perhaps for a second time."""
    delivery = await desk.slack.redeliver(Delivery("interactive", payload))
    await delivery.settled()
    assert delivery.acked
    return delivery


async def test_a_message_that_nobody_wrote_is_not_sent(bot: Bot, desk: Desk) -> None:
    """Slack itself writes some messages; they contain nothing for Devin."""
    thread = await desk.slack.say("Is it green?")
    payload = (await run(desk, LINK, thread)).payload
    nobodys = {"message": payload["message"] | {"user": None}, "trigger_id": "1.2"}
    await resent(desk, payload | nobodys | {"callback_id": SEND})
    await desk.until_whispered(refusals.sorry(EmptyMessage()), "ada")
    assert desk.devin.requests == []


async def test_a_shortcut_that_comes_twice_is_answered_once(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack may repeat it: Devin gets one message, and nobody reads that it was sent before."""
    thread = await desk.linked_thread()
    sent = await run(desk, SEND, thread)
    await desk.until_delivered(thread)
    await resent(desk, sent.payload)
    assert len(await desk.fence(thread)) == 1
    await until_settled(store)
    assert desk.whispers("ada") == []


@pytest.mark.parametrize("shortcut", [SEND, LINK])
async def test_a_form_that_comes_twice_acts_once(
    bot: Bot, desk: Desk, store: Store, shortcut: str
) -> None:
    """This holds even if somebody has ended the link in between."""
    thread = await desk.slack.say("Is it green?")
    submitted = await submit(desk, await asked(desk, shortcut, thread))
    await desk.until_linked(thread)
    assert not (await resent(desk, submitted.payload)).response
    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await resent(desk, submitted.payload)
    await desk.mention("status", thread=thread)
    await desk.until_said(refusals.sorry(NotLinked()), thread)
    await until_settled(store)
    assert len(desk.said(thread, with_cards=True)) == 3
    assert len(desk.devin.requests) == (shortcut == SEND)
    assert desk.whispers("ada") == []


async def test_a_trigger_that_expired_is_told(bot: Bot, desk: Desk) -> None:
    """Slack opens no form after 3 s; the person is told, and tries again."""
    desk.slack.trigger_seconds = 0.0
    await run(desk, LINK, await desk.slack.say("Is it green?"))
    await desk.until_whispered(forms.TOO_LATE, "ada")


# While Redis is slow.


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5)
@pytest.mark.parametrize("shortcut", [SEND, LINK])
async def test_while_redis_is_slow_a_form_says_so_and_then_asks(
    bot: Bot, desk: Desk, redis_url: str, shortcut: str
) -> None:
    """A form is open before Slack's 3 s are over, and is then replaced by the intended one."""
    thread = await desk.slack.say("Is it green?")
    async with hanging(redis_url):
        await run(desk, shortcut, thread)
        await wait_until(lambda: desk.slack.open_views("ada"), "something opens")
        assert forms.ONE_MOMENT.text in shown(desk.slack.open_views("ada")[0])
    await submit(desk, await form(desk))
    await desk.until_linked(thread)


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5)
async def test_what_was_sent_slowly_is_said_where_somebody_waits(
    bot: Bot, desk: Desk, redis_url: str
) -> None:
    """The relay cannot close the open modal, so the modal shows the result."""
    thread = await desk.linked_thread()
    async with hanging(redis_url):
        await run(desk, SEND, thread)
        await wait_until(lambda: desk.slack.open_views("ada"), "something opens")
    await desk.until_received("Shall we ship it?")
    (view,) = desk.slack.open_views("ada")
    await wait_until(lambda: forms.SENT.text in shown(view), "it says so")


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5, redis_seconds=3.0)
async def test_while_redis_is_away_the_person_is_told(bot: Bot, desk: Desk, redis_url: str) -> None:
    """The message is in the modal that is open by then; nothing is sent."""
    thread = await desk.linked_thread()
    async with hanging(redis_url):
        await run(desk, SEND, thread)
        await wait_until(lambda: desk.slack.open_views("ada"), "something opens")
        (view,) = desk.slack.open_views("ada")
        await wait_until(lambda: refusals.passing(StoreAway()).text in shown(view), "it says so")
    assert desk.devin.requests == []


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5)
@pytest.mark.parametrize("shortcut", [SEND, LINK])
async def test_whoever_does_not_wait_is_told_what_was_done(
    bot: Bot, desk: Desk, redis_url: str, shortcut: str
) -> None:
    """This holds if nothing is open any more; a form that was closed stays closed."""
    thread = await desk.linked_thread() if shortcut == SEND else await desk.slack.say("Hello")
    async with hanging(redis_url):
        await run(desk, shortcut, thread)
        await wait_until(lambda: desk.slack.open_views("ada"), "something opens")
        await desk.slack.close_view(desk.slack.open_views("ada")[0]["id"])
    if shortcut == SEND:
        await desk.until_whispered(forms.SENT, "ada")
    else:
        await wait_until(
            lambda: "views.update" in [one.method for one in desk.slack.calls], "it is tried"
        )
        assert desk.whispers("ada") == []
    assert desk.slack.open_views("ada") == []


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5)
@pytest.mark.parametrize(
    ("shortcut", "words"),
    [(SEND, forms.SENT), (LINK, refusals.passing(AWAY))],
)
async def test_who_waits_in_a_form_that_slack_does_not_change_is_told(
    bot: Bot, desk: Desk, redis_url: str, shortcut: str, words: SlackMessage
) -> None:
    """Otherwise it would say to wait for good."""
    thread = await desk.linked_thread() if shortcut == SEND else await desk.slack.say("Hello")
    desk.slack.fail_next("views.update", status=503, times=20)
    async with hanging(redis_url):
        await run(desk, shortcut, thread)
        await wait_until(lambda: desk.slack.open_views("ada"), "something opens")
    await desk.until_whispered(words, "ada")


async def resubmitted(desk: Desk, view: JSON) -> bool:
    """Submit a form again; return True once it has closed."""
    if desk.slack.open_views("ada"):
        await submit(desk, view)
    return not desk.slack.open_views("ada")


@pytest.mark.times(form_seconds=1.0)
async def test_a_form_that_redis_is_slow_for_says_so_and_acts_once(
    bot: Bot, desk: Desk, redis_url: str, store: Store
) -> None:
    """The input stays; the second attempt finds the result of the first."""
    thread = await desk.slack.say("Is it green?")
    view = await asked(desk, SEND, thread)
    async with hanging(redis_url):
        await submit(desk, view)
        assert error(view) == forms.SLOW.text
        assert view["state"]["values"]["typed"]["typed"]["value"] == SESSION
    await wait_until(lambda: resubmitted(desk, view), "it closes")
    await desk.until_linked(thread)
    await desk.until_delivered(thread)
    await until_settled(store)
    assert len(desk.said(thread, with_cards=True)) == 1
    assert len(desk.devin.requests) == 1


@pytest.mark.times(form_seconds=1.0)
async def test_a_form_that_slack_is_slow_for_goes_on_and_acts_once(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack waits 3 s for the answer and no longer; the work is not cut off."""
    thread = await desk.slack.say("Is it green?")
    view = await asked(desk, SEND, thread)
    hangs = asyncio.Event()
    desk.slack.fail_next("conversations.info", until=hangs)
    await submit(desk, view)
    assert error(view) == forms.SLOW.text
    hangs.set()
    await desk.until_linked(thread)
    await wait_until(lambda: resubmitted(desk, view), "it closes")
    await desk.until_delivered(thread)
    await until_settled(store)
    assert len(desk.said(thread, with_cards=True)) == 1
    assert len(desk.devin.requests) == 1


# The form's content.


@given(
    text=st.text(max_size=400),
    name=st.text(max_size=90),
    title=st.text(max_size=200),
    meant=st.sampled_from([None, SESSION, OTHER_SESSION]),
    is_listed=st.booleans(),
)
@example(text="x" * 40_000, name="plan.md", title="", meant=SESSION, is_listed=True)
@example(
    text="<!channel> *now* <https://e.vil|x>", name="", title="x" * 99, meant=None, is_listed=True
)
def test_a_form_is_always_fit_to_open(
    text: str, name: str, title: str, meant: str | None, *, is_listed: bool
) -> None:
    """What people and Devin wrote does not matter; the session that is meant is filled in."""
    files = (AttachedFile(name=name, permalink=""),)
    author = UserId(ADA)
    message = Reply(thread=THREAD, ts=ROOT_TS, author=author, text=text, files=files)
    guess = None if meant is None else SessionId(meant)
    listed = [NamedSession(SessionId(SESSION), title)] if is_listed else []
    is_in_menu = is_listed and meant == SESSION
    for about in (message, None):
        view = forms.ask_session("0" * 32, Choices((), listed, guess), about)
        assert view_problems(view) == []
        address = session_address(NamedSession(guess)) if guess else ""
        expected = {"session": meant} if is_in_menu else {"typed": address} if guess else {}
        assert prefilled(dict(view)) == expected
        assert (offered(dict(view)) == [SESSION]) == is_listed
    assert view_problems(forms.tell(forms.SEND_TITLE, forms.SENT)) == []


@each(
    ("markup", "text"),
    [
        (f"is linked to <{URL}|{SESSION}>, by ada", f"is linked to {SESSION}, by ada"),
        (f"see <{URL}>", f"see {URL}"),
        ("use `link &lt;session&gt;` &amp;amp; go", "use link <session> &amp; go"),
        ("1 < 2", "1 < 2"),
    ],
)
def test_an_error_in_a_form_has_no_markup(markup: str, text: str) -> None:
    """Slack shows it literally."""
    assert plain(markup) == text


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_every_interaction_is_acknowledged(bot: Bot, desk: Desk, data: st.DataObject) -> None:
    """Any defect is acknowledged, and the next interaction is answered as usual."""
    for left in desk.slack.open_views("ada"):  # Hypothesis gives up some draws midway
        await desk.slack.close_view(left["id"])
    thread = await desk.slack.say("Is it green?")
    shortcut = await run(desk, LINK, thread)
    view = await form(desk)
    submission = {**shortcut.payload, "type": "view_submission", "view": view}
    await resent(desk, data.draw(mutated([shortcut.payload, submission])))
    await submit(desk, view)
    assert not view.get("errors"), view
    await desk.until_linked(thread)
