"""Forwarded messages reach Devin with their author; people are told of empty ones."""

from typing import Any

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import EmptyMessage, NotAllowed
from bot.model.files import AttachedFile, Upload, WhyLink
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind
from bot.redis.connection import Store
from bot.wording import delivery_reports, refusals
from bot.wording.message import SlackMessage
from sandbox.slack.world.workspace import Channel
from tests.people.test_edits import back, change_of, edit, until_put_off
from tests.support.builders import rich_text
from tests.support.desk import SESSION, Desk, actions, on_both, on_v1, quote, running, tells
from tests.support.waiting import until_caught_up, until_settled, wait_until

FROM_ADA = "ada, U0ADA00000 (in Slack):\n\n"
DOWN = "Production is *down*."
EMPTY = refusals.sorry(EmptyMessage())
GUEST = refusals.sorry(NotAllowed(Standing.GUEST))


def only_linked(hitch: WhyLink) -> SlackMessage:
    """Return the report of a reply whose log.txt went as a link."""
    file = Upload(file=AttachedFile(name="log.txt", permalink=""), hitch=hitch)
    return delivery_reports.words_of(Outcome(kind=OutcomeKind.DELIVERED, left_out=(file,)), "")


def address(desk: Desk, channel: str, ts: str) -> str:
    """Return the permalink of a message."""
    place = desk.slack.workspace.channel(channel).id
    return f"https://sandbox.slack.invalid/archives/{place}/p{ts.replace('.', '')}"


async def alarm(desk: Desk, channel: str = "random", text: str = DOWN, **how: Any) -> str:
    """Post an alarm as Ben in another channel; return the message's ts."""
    return await desk.slack.say(text, user="ben", channel=channel, deliver=False, **how)


async def waiting(desk: Desk, store: Store, **how: Any) -> str:
    """Forward a message that Devin has not taken yet; return its ts."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.slack.forward("random", said, thread=thread, **how)
    await until_put_off(store)
    await desk.until_heard()
    return ts


@pytest.mark.parametrize("comment", ["", "Look at *this*."])
async def test_a_forwarded_message_is_read_with_its_author_place_and_link(
    bot: Bot, desk: Desk, comment: str
) -> None:
    """It is below the comment, if there is one, and its text is quoted."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    ts = await desk.slack.forward("random", said, thread=thread, comment=comment)
    await desk.until_delivered(ts)
    (received,) = desk.received()
    assert received == (
        FROM_ADA
        + ("Look at **this**.\n\n" if comment else "")
        + f"[Forwarded message]({address(desk, 'random', said)}):\n\n"
        + "> (by Ben Franklin, U0BEN00000 in #random)\n>\n"
        + "> Production is **down**."
    )
    assert desk.said(thread) == []


async def test_a_bare_mention_above_a_forward_is_no_command(bot: Bot, desk: Desk) -> None:
    """A person who mentions the bot so that it reads something does not want help."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    mention = f"<@{desk.slack.bot_user_id}>"
    ts = await desk.slack.forward("random", said, thread=thread, comment=mention)
    await desk.until_delivered(ts)
    (received,) = await desk.fence(thread)
    assert "> Production is **down**." in received
    assert desk.said(thread) == []


async def test_an_aside_above_a_forward_keeps_both_in_slack(bot: Bot, desk: Desk) -> None:
    """The quoted text is not an aside of the person who forwards it."""
    aside = await alarm(desk, text="(aside) lunch?")
    thread = await desk.linked_thread()
    await desk.slack.forward("random", aside, thread=thread, comment="(aside) psst")
    ts = await desk.slack.forward("random", aside, thread=thread)
    await desk.until_delivered(ts)
    (received,) = await desk.fence(thread)
    assert received.endswith("> (aside) lunch?")


async def test_mentions_in_a_quote_are_read_by_name(bot: Bot, desk: Desk) -> None:
    """A guest's name would be read in another person's text, so theirs stays an ID."""
    said = await alarm(desk, text="<@U0GUS00000> broke <#C0SECRETS0>")
    thread = await desk.linked_thread()
    await desk.slack.forward("random", said, thread=thread)
    assert (await desk.until_received("broke")).endswith("> @U0GUS00000 broke #secrets")


async def test_a_place_that_slack_does_not_tell_is_left_out(bot: Bot, desk: Desk) -> None:
    """In a private channel without the bot, only the link is known."""
    desk.slack.workspace.add_channel(Channel("hr", "group", ["ada", "ben"]))
    said = await alarm(desk, "hr")
    thread = await desk.linked_thread()
    await desk.slack.forward("hr", said, thread=thread)
    received = await desk.until_received("down")
    head = f"[Forwarded message]({address(desk, 'hr', said)}):"
    assert f"{head}\n\n> (by Ben Franklin, U0BEN00000)\n" in received


@on_both
async def test_the_files_of_a_forwarded_message_go_with_it(bot: Bot, desk: Desk) -> None:
    """They go as files if Slack and Devin allow it, or else as links; the quote names them."""
    said = await alarm(desk, files=["log.txt"])
    thread = await desk.linked_thread()
    ts = await desk.slack.forward("random", said, thread=thread)
    await desk.until_delivered(ts)
    (uploaded,) = desk.devin.attachments
    assert (uploaded.name, uploaded.content) == ("log.txt", b"The content of log.txt\n")
    ((received, files),) = desk.read()
    assert received.endswith("> Production is **down**.\n>\n> log.txt (attached)")
    assert files == [uploaded.url]


async def test_a_file_that_cannot_go_is_linked_in_the_quote_and_told(bot: Bot, desk: Desk) -> None:
    """A forwarded file alone is a complete message."""
    said = await alarm(desk, text="", files=["log.txt"])
    thread = await desk.linked_thread()
    desk.slack.scopes.remove("files:read")
    ts = await desk.slack.forward("random", said, thread=thread)
    await desk.until_delivered(ts)
    (received,) = desk.received()
    assert "\n> [log.txt](https://" in received
    await desk.until_said(only_linked(WhyLink.SIGN_IN), thread)
    assert quote(desk.posts(thread)[-1]) == only_linked(WhyLink.SIGN_IN).quote


async def test_who_forwards_must_be_allowed_and_nobody_else(bot: Bot, desk: Desk) -> None:
    """A guest's message may be forwarded, but a guest may not forward."""
    thread = await desk.linked_thread()
    said = await desk.slack.say("Let me in", user="gus", channel="random")
    await desk.slack.forward("random", said, thread=thread, user="gus")
    await desk.until_whispered(GUEST, "gus")
    await desk.slack.forward("random", said, thread=thread)
    (received,) = await desk.fence(thread)
    assert "> (by gus, U0GUS00000 in #random)\n>\n> Let me in" in received


async def test_a_pasted_permalink_is_a_link_and_its_preview_changes_nothing(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """This holds even if Slack previews it before the message is sent."""
    said = await alarm(desk, "general")
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    link = address(desk, "general", said)
    ts = await desk.reply(f"See <{link}>", thread)
    await until_put_off(store)
    await desk.slack.unfurl("general", ts, of=said)
    previewed = await desk.slack.say(f"And <{link}>", thread=thread, deliver=False)
    desk.slack.workspace.message("general", previewed).attachments = list(
        desk.slack.workspace.message("general", ts).attachments
    )
    await desk.slack.deliver_event(desk.slack.event_of("general", previewed))
    await desk.until_heard()
    assert await back(desk, store) == [f"{FROM_ADA}See {link}", f"{FROM_ADA}And {link}"]
    await desk.until_delivered(ts)


# Edits.


@pytest.mark.parametrize("is_shown", [True, False], ids=["shown", "not_shown"])
async def test_an_edit_of_the_comment_keeps_the_forward(
    bot: Bot, desk: Desk, store: Store, *, is_shown: bool
) -> None:
    """Slack may report only the text."""
    ts = await waiting(desk, store, comment="Look at thi")
    event = change_of(desk, ts, "Look at this")
    if not is_shown:
        del event["message"]["attachments"], event["previous_message"]
    await desk.slack.deliver_event(event)
    await desk.until_heard()
    await desk.until_marked("pencil2", ts)
    (received,) = await back(desk, store)
    assert received.startswith(f"{FROM_ADA}Look at this\n\n[Forwarded message](")
    assert received.endswith("> Production is **down**.")


async def test_a_forward_that_its_author_took_off_is_not_sent(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The message was shown with the forward, and is now shown without it."""
    ts = await waiting(desk, store, comment="Look at this")
    event = change_of(desk, ts, "Never mind")
    del event["message"]["attachments"]
    await desk.slack.deliver_event(event)
    await desk.until_heard()
    assert await back(desk, store) == [FROM_ADA + "Never mind"]


async def test_a_preview_below_a_forward_is_no_edit(bot: Bot, desk: Desk, store: Store) -> None:
    """This holds even if the comment was edited once."""
    ts = await waiting(desk, store)
    await edit(desk, ts, "See https://example.com/")
    await desk.until_marked("pencil2", ts)
    await desk.slack.unfurl("general", ts)
    await desk.until_heard()
    (received,) = await back(desk, store)
    assert "> Production is **down**." in received
    await desk.slack.unfurl("general", ts)
    await desk.until_heard()
    assert desk.whispers("ada") == []


async def test_an_edit_that_leaves_nothing_cancels_the_reply_and_is_told(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It acts like a deletion; the author learns why nothing was sent."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.reply("Please rebase", thread)
    await until_put_off(store)
    await edit(desk, ts, "\u200b")
    await desk.until_marked("wastebasket", ts)
    await desk.until_whispered(EMPTY, "ada")
    assert await back(desk, store) == []


async def test_a_comment_that_is_edited_away_leaves_the_forward(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The forwarded message is still there to read."""
    ts = await waiting(desk, store, comment="Look at this")
    await edit(desk, ts, "", blocks=[])
    await desk.until_marked("pencil2", ts)
    (received,) = await back(desk, store)
    assert received.startswith(f"{FROM_ADA}[Forwarded message](")
    assert desk.whispers("ada") == []


@pytest.mark.parametrize("text", ["", "\u200b"])
async def test_no_correction_without_words_is_offered(bot: Bot, desk: Desk, text: str) -> None:
    """Devin has the message, and a correction could say nothing."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    ts = await desk.slack.forward("random", said, thread=thread, comment="Look")
    await desk.until_delivered(ts)
    await edit(desk, ts, text, blocks=[])
    await desk.until_whispered(delivery_reports.READ_ALREADY, "ada")
    assert [actions(one) for one in desk.slack.ephemerals("general")] == [[]]


async def test_a_correction_of_the_comment_is_words_alone(bot: Bot, desk: Desk) -> None:
    """Devin has the forwarded message."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    ts = await desk.slack.forward("random", said, thread=thread, comment="Look at thi")
    await desk.until_delivered(ts)
    await edit(desk, ts, "Look at this")
    await desk.until_whispered(delivery_reports.correction_offered(""), "ada")
    (offer,) = desk.slack.ephemerals("general", "ada")
    await desk.slack.press_ephemeral("send_correction", channel="general", message_ts=offer.ts)
    received = await desk.until_received("Look at this")
    assert "correcting an earlier message" in received
    assert "down" not in received


async def test_a_correction_brings_a_forward_that_devin_never_took(bot: Bot, desk: Desk) -> None:
    """The comment alone would make no sense."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rejects", times=1)
    ts = await desk.slack.forward("random", said, thread=thread, comment="Look at thi")
    await desk.until_marked("x", ts)
    await edit(desk, ts, "Look at this")
    await desk.until_whispered(delivery_reports.correction_offered(""), "ada")
    (offer,) = desk.slack.ephemerals("general", "ada")
    await desk.slack.press_ephemeral("send_correction", channel="general", message_ts=offer.ts)
    assert "> Production is **down**." in await desk.until_received("Look at this")


# Other ways to Devin.


async def test_a_forward_is_sent_by_the_shortcut_and_shown_in_its_form(
    bot: Bot, desk: Desk
) -> None:
    """*Send to Devin* runs in an unlinked thread, and the message has nothing else to read."""
    said = await alarm(desk)
    ts = await desk.slack.forward("random", said)
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts, user="ben")
    view = desk.slack.open_views("ben")[-1]
    assert "Production is **down**." in str(view["blocks"])
    await desk.slack.submit_view(view["id"], {"session": SESSION}, user="ben")
    received = await desk.until_received("down")
    assert received.startswith(
        "Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote (in Slack):\n\n[Forwarded"
    )


async def test_a_forward_of_an_outage_arrives_late(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """`conversations.replies` shows it like an event; an empty one is reported, at no cost."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
    said = await alarm(desk)
    await desk.slack.say("\u200b", thread=thread, deliver=False)
    await desk.slack.forward("random", said, thread=thread, deliver=False)
    async with running(desk, environ):
        received = await desk.until_received("down")
        await desk.until_whispered(EMPTY, "ada")
        await desk.until_said(delivery_reports.late(1, (), silenced=False), thread)
        await until_caught_up(store)
    assert received.endswith("> Production is **down**.")
    assert len(desk.received()) == 1


async def test_what_was_forwarded_is_not_kept_after_delivery(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """This holds even if the thread is told about a file."""
    async with running(desk, environ, FILE_LIMIT="1"):
        said = await alarm(desk, files=["log.txt"])
        thread = await desk.linked_thread()
        await desk.slack.forward("random", said, thread=thread)
        await desk.until_said(only_linked(WhyLink.TOO_LARGE), thread)
        await until_settled(store)
    assert "down" in desk.received()[0]
    kept = [await raw.hgetall(key) async for key in raw.scan_iter("*:subject:*")]
    assert sum("state" in one for one in kept) == 1
    assert "Production" not in str(kept)


@on_v1
async def test_a_report_names_a_forward_by_what_it_quotes(bot: Bot, desk: Desk) -> None:
    """The message may have no other words to identify it."""
    said = await alarm(desk)
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended")
    await desk.slack.forward("random", said, thread=thread)
    assert "Production is" in (await desk.offering("send_again", thread)).text


# Empty messages.

PREVIEW = {"is_msg_unfurl": True, "text": "x", "from_url": "https://a.slack.com/archives/C1/p1"}
NOTHING: dict[str, dict[str, Any]] = {
    "blank": {"text": " \n\t ", "blocks": []},
    "unseen": {"text": "\u200b\u2060\ufeff\u00ad", "blocks": rich_text("\u200b\u3164")},
    "empty_blocks": {
        "text": "",
        "blocks": [
            {"type": "rich_text", "elements": []},
            {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
            {"type": "divider"},
        ],
    },
    "empty_code": {
        "text": "``` ```",
        "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted"}]}],
    },
    "empty_list": {
        "text": "",
        "blocks": [
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_list",
                        "elements": [{"type": "text", "text": "\u200b"}],
                    }
                ],
            }
        ],
    },
    "previews": {"text": "", "blocks": [], "attachments": [PREVIEW, {"title": "A page"}]},
    "an_empty_forward": {
        "text": "",
        "blocks": [],
        "attachments": [{"is_share": True, "author_name": "Ben", "fallback": "[Today] ben: "}],
    },
}


async def nothing(desk: Desk, thread: str, kind: str, *, user: str = "ada") -> str:
    """Write an empty reply; return its ts once it is acknowledged."""
    ts = await desk.slack.say("x", thread=thread, user=user, deliver=False)
    event = desk.slack.event_of("general", ts) | NOTHING[kind]
    for _ in range(2):
        await (await desk.slack.deliver_event(event)).settled()
    await desk.until_heard()
    return ts


async def test_a_reply_that_holds_nothing_is_told_once_and_not_sent(
    bot: Bot, desk: Desk, subtests: pytest.Subtests
) -> None:
    """Only its author reads what to do; there is no mark, and later replies go on."""
    thread = await desk.linked_thread()
    for kind in [*NOTHING, *NOTHING]:
        with subtests.test(kind):
            before = len(desk.whispers("ada"))
            ts = await nothing(desk, thread, kind)
            await wait_until(
                lambda before=before: len(desk.whispers("ada")) > before,  # type: ignore[misc]
                "she is told each time",
            )
            assert await desk.fence(thread) == []
            assert desk.marks(ts) == []
            assert tells(desk.whispers("ada")[-1], EMPTY)
            assert len(desk.whispers("ada")) == before + 1


@pytest.mark.parametrize("verb", ["mute", "unlink"])
async def test_where_nothing_goes_to_devin_nothing_is_told(
    bot: Bot, desk: Desk, store: Store, verb: str
) -> None:
    """People may write what they like there."""
    thread = await desk.linked_thread()
    await desk.cut_off(verb, thread)
    await nothing(desk, thread, "blank")
    await until_settled(store)
    assert desk.whispers("ada") == []
    assert desk.received() == []


async def test_an_empty_post_of_a_bot_is_ignored(environ: dict[str, str], desk: Desk) -> None:
    """This includes bots that may speak: a bot reads no answer."""
    async with running(desk, environ, ALLOW_BOTS="B0BOLTCI00"):
        thread = await desk.linked_thread()
        ts = await nothing(desk, thread, "blank", user="bolt-ci")
        assert await desk.fence(thread) == []
        assert desk.marks(ts) == []
        assert desk.slack.ephemerals("general") == []
        assert desk.said(thread) == []


async def test_who_may_not_steer_devin_is_told_that_and_no_more(bot: Bot, desk: Desk) -> None:
    """Advice on what to write instead is of no use to them."""
    thread = await desk.linked_thread()
    await nothing(desk, thread, "blank", user="gus")
    await desk.until_whispered(GUEST, "gus")
    await desk.fence(thread)
    assert len(desk.whispers("gus")) == 1


async def test_a_shortcut_sends_nothing_where_there_is_nothing(bot: Bot, desk: Desk) -> None:
    """It does not ask for a session first, either."""
    ts = await desk.slack.say("\u200b", blocks=rich_text("\u200b"), user="ben")
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts)
    await desk.until_whispered(EMPTY, "ada")
    assert not any(view["submit"] for view in desk.slack.open_views("ada"))
    assert desk.devin.requests == []
