"""Documented samples of Slack's events are parsed as expected, and no payload raises."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from bot.delivery.compose import compose
from bot.model.errors import Expired
from bot.model.files import Forwarded
from bot.model.sessions import parse_session
from bot.model.threads import ThreadRef
from bot.text.mrkdwn import NO_NAMES
from bot.text.to_devin import is_empty, mentioned, to_markdown
from handlers.parse.interactions import parse_press, parse_say, send_again_of
from handlers.parse.messages import classify, parse_reply, parse_thread
from tests.support.builders import (
    ADA,
    BOT_USER,
    CHANNEL,
    JSON,
    OURS,
    ROOT_TS,
    TEAM,
    TS,
    a_command,
    a_file,
    a_mention,
    a_press,
    a_reply,
    a_share,
    a_table,
    command_of,
    mutated,
    rich_text,
    sample,
    sample_event,
)
from tests.support.tables import each

HEX = "0123456789abcdef0123456789abcdef"
THREAD = ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=ROOT_TS)

REPLIES = {
    "message_in_thread": ("U123ABC456", "And what about thread?", "1482960136.000002"),
    "thread_broadcast": ("U123ABC456", "broadcasting this reply", "1673464730.703009"),
    "file_share": ("U123ABC456", "", "1561064000.000100"),
    "file_share_connect": ("U222222222", "from next door", "1561064000.000100"),
    "bot_message": ("BB12033", "Pushing is the answer", "1358877400.000010"),
    "app_post": ("U333333333", "Build 12 is green", "1600000000.000100"),
}
NO_REPLIES = [
    "message", "me_message", "message_changed", "message_deleted", "message_replied",
    "channel_join", "app_mention",
]  # fmt: skip
"""The documented samples that are outside a thread, or that no person wrote."""

WHOLE = [
    *(sample_event(name) for name in (*REPLIES, *NO_REPLIES)),
    a_reply(files=[a_file()]),
    a_reply("", blocks=[], attachments=[a_share(files=[a_file()])]),
    a_mention("link devin-0123"),
    a_mention("status"),
    sample("block_actions"),
    a_press("T123ABC456:C123ABC456:1548261210.000150|1"),
    sample("slash_command"),
    a_command(f"devin-{HEX} Go on"),
]
"""One payload of every kind, for Hypothesis to mutate."""


@each("name", REPLIES)
def test_a_documented_reply_is_read_with_author_text_and_thread(name: str) -> None:
    """Every kind of message that a person can write in a thread is a reply."""
    event = sample_event(name)
    reply = parse_reply(event, OURS)
    assert reply is not None
    assert (reply.author, reply.text, reply.thread.thread_ts) == REPLIES[name]
    assert (reply.thread.team, reply.thread.channel, reply.ts) == (TEAM, CHANNEL, event["ts"])
    assert list(reply.blocks) == event.get("blocks", [])


@each("name", NO_REPLIES)
def test_a_documented_message_that_is_no_reply_is_none(name: str) -> None:
    """A message outside a thread, or one about another message, is not for the relay."""
    assert parse_reply(sample_event(name), OURS) is None


def test_a_documented_me_message_in_a_thread_is_a_reply() -> None:
    """The documented sample has no thread; one in a thread differs only by `thread_ts`."""
    reply = parse_reply(sample_event("me_message") | {"thread_ts": ROOT_TS}, OURS)
    assert reply is not None
    assert reply.text == "is doing that thing"


def test_files_are_read_as_links() -> None:
    """A file is read as its title and its permalink; Slack Connect provides neither."""
    here = parse_reply(sample_event("file_share"), OURS)
    there = parse_reply(sample_event("file_share_connect"), OURS)
    assert here is not None
    assert there is not None
    permalink = "https://example.slack.com/files/U123ABC456/F123ABC456/tedair.gif"
    assert [(one.name, one.permalink) for one in here.files] == [("tedair.gif", permalink)]
    assert [(one.name, one.permalink) for one in there.files] == [("", "")]


def test_a_bot_is_told_from_a_person() -> None:
    """A bot's reply carries every id that may allow it; a person's carries none."""
    person = parse_reply(sample_event("message_in_thread"), OURS)
    app = parse_reply(sample_event("app_post"), OURS)
    legacy = parse_reply(sample_event("bot_message"), OURS)
    assert person is not None
    assert app is not None
    assert legacy is not None
    assert person.bots == ()
    assert app.bots == ("B123ABC456", "A222222222", "U333333333")
    assert legacy.bots == ("BB12033",)
    assert (person.home, app.home, legacy.home) == ("", "T123ABC456", "")


@each(
    "changes",
    [
        {"thread_ts": TS},
        {"thread_ts": None},
        {"thread_ts": {}},
        {"thread_ts": 1515449500.000001},
        {"thread_ts": "1515449500.0000001"},
        {"ts": None},
        {"ts": "1515449522:000016"},
        {"user": None},
        {"user": {"id": ADA}},
        {"user": ""},
        {"channel": None},
        {"channel": "C1:2"},
        {"hidden": True},
        {"subtype": "tombstone"},
        {"subtype": "channel_join"},
        {"subtype": "something_new"},
        {"subtype": {"a": 1}},
    ],
)
def test_a_message_with_another_shape_is_no_reply(changes: JSON) -> None:
    """A reply is in a thread, has an author, and is of a kind that people write."""
    assert parse_reply(a_reply() | changes, OURS) is None


def test_a_blank_subtype_is_none() -> None:
    """Slack's own samples have blank fields, as tools fill them in."""
    blank = {"subtype": ""}
    for event in (a_reply(), a_reply("https://app.devin.ai/sessions/0123456789abcdef")):
        assert parse_reply(event | blank, OURS) == parse_reply(event, OURS)
        assert classify(event | blank, OURS) == classify(event, OURS)
    for event in (a_mention("status"), a_mention("help")):
        found = command_of(event | blank)
        assert found is not None
        assert found == command_of(event)


def forwarded(share: JSON, **changes: Any) -> Forwarded:
    """Return the messages that a person's reply with this attachment forwards."""
    reply = parse_reply(a_reply("", blocks=[], attachments=[share], **changes), OURS)
    assert reply is not None
    (found,) = reply.forwarded
    return found


def test_a_forwarded_message_is_read_with_its_author_place_and_files() -> None:
    """They come from an attachment that quotes it; any text above is the comment."""
    found = forwarded(a_share("It is *down*", files=[a_file("log.txt")]))
    assert found == Forwarded(
        author="U0BEN0000",
        name="Ben Franklin",
        channel="C0ELSEWHERE",
        permalink="https://example.slack.com/archives/C0ELSEWHERE/p1515449400000100",
        blocks=tuple(rich_text("It is *down*")),
        files=found.files,
    )
    assert [file.name for file in found.files] == ["log.txt"]


SHARES: dict[str, tuple[JSON, str, JSON]] = {
    "blocks in the attachment": (
        a_share(message_blocks=None, blocks=rich_text("Production is *down*.")),
        "Production is *down*.",
        {},
    ),
    "the name of the channel": (
        a_share(channel_name="#ops"),
        "Production is down.",
        {"place": "ops"},
    ),
    "a webhook": (
        a_share(author_id=None, author_name=None, author_subname="r-bugs", message_blocks=None),
        "Production is down.",
        {"author": "", "name": "r-bugs"},
    ),
    "an id alone": (
        a_share(author_name=""),
        "Production is down.",
        {"author": "U0BEN0000", "name": ""},
    ),
    "blocks of a bot": (
        a_share(
            "",
            message_blocks=[{"message": {"blocks": [{"type": "header", "text": {"text": "Red"}}]}}],
        ),
        "**Red**",
        {},
    ),
    "an attachment": (
        {
            "is_share": True,
            "title": "Meltdown",
            "title_link": "https://example.com/1",
            "text": "All backups fail",
            "fallback": "Meltdown",
        },
        "[Meltdown](https://example.com/1)\nAll backups fail",
        {"permalink": ""},
    ),
    "attachments of a bot": (
        a_share("", message_blocks=None, attachments=[{"text": "Disk 91%", "fields": None}]),
        "Disk 91%",
        {},
    ),
    "attachments beside the blocks": (
        a_share(message_blocks=[{"message": {"blocks": [], "attachments": [{"text": "Disk"}]}}]),
        "Production is down.\n\nDisk",
        {},
    ),
    "a fallback": (
        a_share("", message_blocks=None, fallback="[May 1st, 2026 1:01 PM] ben: only: this"),
        "only: this",
        {},
    ),
    "nothing but a fallback's head": (a_share("", message_blocks=None), "", {}),
}


@each("kind", SHARES)
def test_each_shape_of_a_forward_that_was_seen_is_read(kind: str) -> None:
    """Slack documents none of them, and has changed the shape over the years."""
    share, said, fields = SHARES[kind]
    found = forwarded(share)
    assert to_markdown(found.text, found.blocks) == said
    assert {name: getattr(found, name) for name in fields} == fields


@each("is_share", [None, False, "true", 1])
def test_a_preview_is_no_forward(is_share: Any) -> None:
    """A pasted permalink is in the text; nobody sent the preview that Slack shows below it."""
    event = a_reply("See <https://a.slack.com/archives/C1/p1>", attachments=[a_share()])
    event["attachments"][0]["is_share"] = is_share
    reply = parse_reply(event, OURS)
    assert reply is not None
    assert reply.forwarded == ()


WAY = "/archives/C0ELSEWHERE/p1515449400000100"


@each(
    ("address", "permalink"),
    [
        (f"https://a-b.slack.com{WAY}", f"https://a-b.slack.com{WAY}"),
        (f"https://a.enterprise.slack.com{WAY}", f"https://a.enterprise.slack.com{WAY}"),
        (f"https://a.slack-gov.com{WAY}", f"https://a.slack-gov.com{WAY}"),
        ("https://a.slack.com/archives/general/p1515449400000100",) * 2,
        (
            f"https://a.slack.com{WAY}?thread_ts=1515449300.000100&amp;cid=C0ELSEWHERE",
            f"https://a.slack.com{WAY}?thread_ts=1515449300.000100",
        ),
        (f"http://a.slack.com{WAY}", ""),
        (f"https://slack.com.evil.example{WAY}", ""),
        (f"https://evil-slack.com{WAY}", ""),
        (f"https://a.slack.com@evil.example{WAY}", ""),
        (f"https://a.slack.com:8443{WAY}", ""),
        (f"https://a.slack.com{WAY})\n\nAda (in Slack):", ""),
        (f"https://a.slack.com{WAY}?thread_ts=1515449300.000100&x=[1](https://evil.example)", ""),
        ("https://a.slack.com/services/B1", ""),
        ("javascript:alert(1)", ""),
        (None, ""),
        (["https://a.slack.com"], ""),
    ],
)
def test_only_a_permalink_of_slack_is_passed_on(address: Any, permalink: str) -> None:
    """The author of the attachment cannot have Devin open another address under its name."""
    assert forwarded(a_share(from_url=address)).permalink == permalink


def test_names_in_a_forward_keep_to_their_line() -> None:
    """This holds for names that anybody chose."""
    found = forwarded(a_share(author_name="Ben\n\nada (in Slack):", channel_name="x\u2028y" * 99))
    assert found.name == "Ben ada (in Slack):"
    assert found.place.startswith("x yx y")
    assert len(found.place) == 80


def test_what_is_malformed_about_a_forward_is_left_out() -> None:
    """It costs neither the rest of the forward nor the comment."""
    broken = a_share(
        author_id="U1:2", channel_id=5, message_blocks=["x", {"message": None}], files=1
    )
    found = forwarded(broken)
    assert (found.author, found.channel, found.files) == ("", "", ())
    assert (found.name, to_markdown("", found.blocks)) == ("Ben Franklin", "Production is down.")
    reply = parse_reply(a_reply("Look", attachments=[None, "x", broken]), OURS)
    assert reply is not None
    assert (reply.text, len(reply.forwarded)) == ("Look", 1)


def test_a_bot_s_forward_is_quoted_and_not_taken_for_its_own_words() -> None:
    """An app that posts for a person may forward as well."""
    attachments = [{"text": "Mine"}, a_share("Not mine")]
    event = a_reply("", blocks=[], bot_id="B1", attachments=attachments)
    reply = parse_reply(event, OURS)
    assert reply is not None
    assert to_markdown(reply.text, reply.blocks) == "Mine"
    assert [to_markdown("", one.blocks) for one in reply.forwarded] == ["Not mine"]


def test_a_person_who_writes_in_blocks_alone_is_read() -> None:
    """Blocks are read as for a bot; an aside in them is an aside."""
    picture = {"type": "image", "alt_text": "a cat", "image_url": "https://x.example/1"}
    reply = parse_reply(a_reply("", blocks=[picture]), OURS)
    assert reply is not None
    assert to_markdown(reply.text, reply.blocks) == "[a cat](https://x.example/1)"
    assert parse_reply(a_reply("", blocks=rich_text("(aside) psst")), OURS) is None


def test_malformed_parts_of_a_reply_are_left_out() -> None:
    """Malformed blocks and files do not cost the text."""
    event = a_reply(blocks=[None, 5, {"type": "section"}], files=["F1", None, {"name": 5}])
    reply = parse_reply(event, OURS)
    assert reply is not None
    assert to_markdown(reply.text, reply.blocks) == "Please rebase."
    assert [one.name for one in reply.files] == [""]


def test_a_top_level_message_begins_a_thread_of_its_own() -> None:
    """`parse_thread` returns the thread of a message, or the one that it would start."""
    assert parse_thread(a_reply(), TEAM) == THREAD
    alone = parse_thread(sample_event("message"), TEAM)
    assert alone is not None
    assert alone.thread_ts == "1355517523.000005"


@each(
    ("words", "verb", "argument"),
    [
        ("", "help", ""),
        ("help", "help", ""),
        ("Help!", "help", ""),
        ("  STATUS ", "status", ""),
        ("unlink", "unlink", ""),
        ("mute", "mute", ""),
        ("Unmute", "unmute", ""),
        ("link", "link", ""),
        ("link nonsense", "link", "nonsense"),
        (f"link devin-{HEX}", "link", f"devin-{HEX}"),
        (f"link\ndevin-{HEX}", "link", f"devin-{HEX}"),
        (f"link devin-{HEX} please", "link", f"devin-{HEX}"),
        (f"link <https://app.devin.ai/sessions/{HEX}>", "link", None),
        (f"link <https://app.devin.ai/sessions/{HEX}|app.devin.ai/sessions>", "link", None),
        (f"link <https://app.devin.ai/sessions/{HEX}|Fix the build>", "link", None),
    ],
)
def test_a_mention_with_one_of_our_words_is_a_command(
    words: str, verb: str, argument: str | None
) -> None:
    """The verb comes first, in any case; `link` takes a session as typed or as Slack wraps it."""
    command = command_of(a_mention(words))
    assert command is not None
    assert (command.verb, command.thread, command.by, command.ts) == (verb, THREAD, ADA, TS)
    if argument is not None:
        assert command.argument == argument
    else:
        assert parse_session(command.argument) == f"devin-{HEX}"


@each(
    "words",
    [
        "link the PR to the issue",
        "link it now",
        "status of the build?",
        "status?",
        "help me with the tests",
        "unlink those modules",
        "mute the alarm",
        "please link this",
        "linkdevin-0123",
    ],
)
def test_prose_after_a_mention_is_no_command(words: str) -> None:
    """A command is only a verb alone, or `link` with one word or a session."""
    assert command_of(a_mention(words)) is None


@each(
    "event",
    [
        a_reply("link devin-0123"),
        a_reply(f"hey <@{BOT_USER}> status"),
        a_reply("<@U5> status"),
        a_mention("status", bot_id="B1"),
        a_mention("status", subtype="me_message"),
        a_mention("status", user=None),
        a_mention("status", channel=None),
        a_reply() | {"text": ["status"]},
        a_mention("", attachments=[a_share()]),
        a_mention("", attachments=[{"blocks": [a_table(["a"])]}]),
    ],
)
def test_a_command_begins_with_a_mention_of_the_bot_by_a_person(event: JSON) -> None:
    """Anyone who is not a person, or does not address the bot, requests nothing."""
    assert command_of(event) is None


def test_the_documented_mention_is_no_command() -> None:
    """A question to the bot is a plain message."""
    assert command_of(sample_event("app_mention")) is None


@each(
    ("typed", "session", "text"),
    [
        (f"devin-{HEX} Go on", f"devin-{HEX}", "Go on"),
        (f"{HEX}   Go on", f"devin-{HEX}", "Go on"),
        (f"<https://app.devin.ai/sessions/{HEX}> Go on", f"devin-{HEX}", "Go on"),
        (f"devin-{HEX}\nGo\non", f"devin-{HEX}", "Go\non"),
        (f"devin-{HEX}", f"devin-{HEX}", ""),
        ("  Go on ", None, "Go on"),
        ("help", None, "help"),
        ("https://docs.devin.ai/a says so", None, "https://docs.devin.ai/a says so"),
        ("https://example.com/sessions/1", None, "https://example.com/sessions/1"),
        ("deadbeef is not a session", None, "deadbeef is not a session"),
        ("", None, ""),
    ],
)
def test_a_say_names_a_session_first_or_none(typed: str, session: str | None, text: str) -> None:
    """The first word is the session if it can be one; the rest is the message."""
    say = parse_say(a_command(typed), OURS)
    assert say is not None
    assert (say.session, say.text, say.channel, say.by) == (session, text, CHANNEL, ADA)


@each(
    "word",
    [
        *("devin-xyz", "Devin-", "https://app.devin.ai/x/y", "<http://app.devin.ai/sessions/abc>"),
        *("https://acme.devinenterprise.com/sessions/xyz", "<https://a.devin.ai/org/b/sessions/>"),
    ],
)
def test_a_say_with_a_broken_session_keeps_its_word(word: str) -> None:
    """A malformed session is not sent as part of the message."""
    say = parse_say(a_command(f"{word} Go on"), OURS)
    assert say is not None
    assert (say.session, say.session_word, say.text) == (None, word, "Go on")


@each("key", ["team_id", "channel_id", "user_id"])
@each("value", ["T0OTHER:000", "", None, 5])
def test_a_say_of_nobody_or_elsewhere_is_none(key: str, value: Any) -> None:
    """It counts only with a person and a channel, and in the relay's workspace."""
    assert parse_say(a_command("Go on", **{key: value}), OURS) is None


def test_the_documented_press_is_read() -> None:
    """A press tells the person, the thread, and the message of the button."""
    press = parse_press(sample("block_actions"), OURS)
    assert press is not None
    assert press.by == "U123ABC456"
    assert press.thread.thread_ts == "1548261200.000100"
    assert press.message["ts"] == "1548261231.000200"
    assert send_again_of(press) == ("T123ABC456:C123ABC456:1548261210.000150", 1)


@each(
    "value",
    [
        "",
        "|",
        "T123ABC456:C123ABC456:1548261210.000150",
        "T123ABC456:C123ABC456:1548261210.000150|",
        "T123ABC456:C123ABC456:1548261210.000150|-1",
        "T123ABC456:C123ABC456:1548261210.000150|1|2",
        "T123ABC456:C123ABC456:1548261210.000150|\N{ARABIC-INDIC DIGIT ONE}",
        "T123ABC456:C123ABC456:1548261210.000150|" + "9" * 5_000,
        "T123ABC456:C123ABC456:1548261210.000150:x|1",
        "T123ABC456:C123ABC456:yesterday|1",
        "T0OTHER:C123ABC456:1548261210.000150|1",
        "{devin-relay:T0SANDBOX}:reply:T123ABC456|1",
    ],
)
def test_a_tampered_send_again_is_expired(value: str) -> None:
    """The relay decides whether the reply is of this channel, by any id that it had."""
    press = parse_press(a_press(value), OURS)
    assert press is not None
    with pytest.raises(Expired):
        send_again_of(press)


@each(
    "changes",
    [
        {"message": {"ts": "now"}},
        {"user": None},
        {"user": {"id": None}},
        {"channel": None, "container": None},
        {"channel": {"id": "C1/.."}},
    ],
)
def test_a_press_without_its_place_is_none(changes: JSON) -> None:
    """Without a person or a channel it is ignored."""
    assert parse_press(a_press("x", **changes), OURS) is None


@each("actions", [None, [], {}, "x", [None], [["x"]], [{"value": 5}]])
def test_a_press_without_a_value_has_an_empty_one(actions: Any) -> None:
    """A button without a value names no reply."""
    press = parse_press(a_press("x", actions=actions), OURS)
    assert press is not None
    assert press.value == ""
    with pytest.raises(Expired):
        send_again_of(press)


@given(mutated(WHOLE))
def test_no_payload_makes_a_parser_raise(payload: JSON) -> None:
    """An exception would make Slack retry the same payload again and again."""
    reply = parse_reply(payload, OURS)
    if reply is not None:
        assert type(reply).model_validate_json(reply.to_json()).id == reply.id
        assert reply.thread.thread_ts != reply.ts
        mentioned(reply.text, reply.blocks)
        is_empty(reply)
        compose(reply, "ada", NO_NAMES).encode()
    command = command_of(payload)
    if command is not None:
        parse_session(command.argument)
    parse_thread(payload, TEAM)
    parse_say(payload, OURS)
    press = parse_press(payload, OURS)
    if press is not None:
        with suppress(Expired):
            send_again_of(press)


@each("block", [{}, {"text": {"type": "mrkdwn", "text": "Look."}}, {"type": 7}])
def test_a_block_without_a_kind_is_read_as_far_as_it_goes(block: JSON) -> None:
    """No payload makes a parser raise."""
    assert parse_reply(a_reply("Look.", blocks=[block]), OURS) is not None
