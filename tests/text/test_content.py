"""Devin gets what people see of a message: its text, its blocks and its attachments, once each."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.compose import MOST_SAID, compose
from bot.text.mrkdwn import NO_NAMES
from bot.text.to_devin import is_empty, mentioned, to_markdown
from bot.wording.delivery_reports import late
from handlers.parse.messages import parse_reply
from tests.support.builders import (
    JSON,
    OURS,
    a_reply,
    a_share,
    a_table,
    mutated,
    pasted,
    rich_text,
    sample_event,
)
from tests.support.desk import Desk, running
from tests.support.waiting import wait_until

BOT = {"user": None, "bot_id": "B0BOLTCI00", "app_id": "A0BOLTCI00"}


def mrkdwn(text: str) -> JSON:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def rich(*elements: JSON, kind: str = "rich_text_section") -> JSON:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


def text(words: str, **style: bool) -> JSON:
    return {"type": "text", "text": words, "style": style}


def button(label: str, **fields: Any) -> JSON:
    return {"type": "button", "text": plain(label), "action_id": "a", "value": "v", **fields}


def read(text: str = "", *, person: bool = False, **changes: Any) -> str:
    """Return what Devin reads of a reply, by a bot unless a `person` wrote it."""
    event = a_reply(text, **({} if person else BOT)) | {"blocks": []} | changes
    reply = parse_reply(event, OURS)
    assert reply is not None
    return compose(reply, "CI", NO_NAMES).partition(" (in Slack):")[2].strip()


BLOCKS: list[tuple[JSON, str]] = [
    (section("*Build* <https://ci/12|12> &amp; more"), "**Build** [12](https://ci/12) & more"),
    ({"type": "section", "text": plain("a <b> & *c*")}, "a <b> & *c*"),
    ({"type": "section", "text": mrkdwn("See"), "accessory": button("Open", url="https://ci/1"),
      "fields": [mrkdwn("*Branch*\nmain"), plain("3 failed")]},
     "See\n**Branch**\nmain\n3 failed\n[Open](https://ci/1)"),
    ({"type": "header", "text": plain("Deploy")}, "**Deploy**"),
    ({"type": "context", "elements": [
        {"type": "image", "alt_text": "red", "image_url": "https://x/i.png"}, mrkdwn("by <@U1>")]},
     "red by @U1"),
    ({"type": "markdown", "text": "**bold** <x>"}, "**bold** <x>"),
    ({"type": "image", "title": plain("Graph"), "alt_text": "going up"}, "Graph (going up)"),
    ({"type": "image", "alt_text": "going up", "image_url": "https://ci/g.png"},
     "[going up](https://ci/g.png)"),
    ({"type": "video", "title": plain("Demo"), "title_url": "https://v.example/1",
      "description": plain("How it works")}, "[Demo](https://v.example/1)\nHow it works"),
    (rich(text("see ", bold=True), {"type": "link", "url": "https://ci/12", "text": "12"},
          {"type": "user", "user_id": "U1"}, {"type": "emoji", "name": "fire"}),
     "**see** [12](https://ci/12)@U1:fire:"),
    (a_table(["Test", "Runs"], ["a|b", 3], [None, 4], ["c"]),
     "| Test | Runs |\n| --- | --- |\n| a\\|b | 3 |\n|  | 4 |\n| c |  |"),
    ({"type": "table", "rows": [
        [rich(text("Test", bold=True)), {"type": "raw_number", "value": 12.0}],
        [rich(text("a\nb")), {"type": "raw_number", "value": 1200, "text": "1,200"}],
        [rich({"type": "link", "url": "https://ci/1", "text": "1"}), {"type": "raw_text"}]]},
     "| **Test** | 12 |\n| --- | --- |\n| a<br>b | 1,200 |\n| [1](https://ci/1) |  |"),
    ({"type": "data_table", "caption": "Fruit", "page_size": 5,
      "rows": a_table(["Fruit", "Sold"], ["Apples", 12])["rows"]},
     "Fruit\n\n| Fruit | Sold |\n| --- | --- |\n| Apples | 12 |"),
    ({"type": "alert", "level": "error", "text": mrkdwn("Disk is *full*")}, "Disk is **full**"),
    ({"type": "card", "icon": {"type": "image", "alt_text": "i", "image_url": "https://x/i.png"},
      "title": mrkdwn("API"), "subtitle": plain("eu-1"), "body": mrkdwn("5xx: 12%"),
      "actions": [button("Runbook", url="https://wiki/1"), button("Acknowledge")]},
     "API\neu-1\n5xx: 12%\n[Runbook](https://wiki/1)"),
    ({"type": "carousel", "elements": [{"type": "card", "title": plain("A")},
                                       {"type": "card", "body": plain("B")}]}, "A\nB"),
    ({"type": "container", "title": plain("Incident"), "subtitle": mrkdwn("SEV1"),
      "child_blocks": [section("Down"), a_table(["a"], ["b"]), section("Now")]},
     "Incident\nSEV1\nDown\n\n| a |\n| --- |\n| b |\n\nNow"),
    ({"type": "container", "title": plain("t"), "child_blocks": [],
      "rich_text_title": {"type": "rich_text_section", "elements": [text("T", bold=True)]}},
     "**T**"),
    ({"type": "plan", "title": "Rollout", "tasks": [
        {"type": "task_card", "task_id": "1", "title": "Migrate", "status": "complete",
         "details": rich(text("Users")), "output": rich(text("Done")),
         "sources": [{"type": "url", "url": "https://x/1", "text": "Log"}]}]},
     "Rollout\nMigrate\nUsers\nDone\n[Log](https://x/1)"),
    ({"type": "data_visualization", "title": "Candy", "chart": {"type": "pie", "segments": [
        {"label": "Kit Kat", "value": 45}, {"label": "Twix", "value": 28.5}]}},
     "Candy\nKit Kat: 45\nTwix: 28.5"),
    ({"type": "data_visualization", "title": "Latency", "chart": {"type": "line", "series": [
        {"name": "p99", "data": [{"label": "Mon", "value": 120}]}]}}, "Latency\np99\nMon: 120"),
    ({"type": "actions", "elements": [button("Retry"), button("Log", url="https://ci/log")]},
     "[Log](https://ci/log)"),
    ({"type": "actions", "elements": [{"type": "static_select", "placeholder": plain("Pick"),
                                       "options": [{"text": plain("One"), "value": "1"}]}]}, ""),
    ({"type": "input", "label": plain("Reason")}, ""),
    ({"type": "divider"}, ""),
    ({"type": "of_next_year", "text": mrkdwn("*New*"), "elements": [plain("kind")]},
     "**New**\nkind"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "said"), BLOCKS, ids=lambda one: str(one)[:40])
def test_a_block_gives_what_people_see(block: JSON, said: str) -> None:
    """Every text is read, whatever the kind; of the controls, only links, which Devin can open."""
    assert to_markdown("", [block]) == said
    if said:
        assert read(blocks=[block]) == said
        assert read("Look", person=True, blocks=[*rich_text("Look"), block]) == f"Look\n\n{said}"


ATTACHMENTS: list[tuple[JSON, str]] = [
    ({"pretext": "New build", "author_name": "Bolt", "title": "12", "title_link": "https://ci/12",
      "text": "*red*", "fields": [{"title": "Branch", "value": "main"}, {"value": "x"}],
      "image_url": "https://ci/g.png", "footer": "ci | prod", "fallback": "f",
      "actions": [{"type": "button", "text": "Log", "url": "https://ci/log"}, {"text": "Stop"}]},
     ("New build\nBolt\n[12](https://ci/12)\n**red**\n**Branch**: main\nx\n\nhttps://ci/g.png"
      "\n\n[Log](https://ci/log)\n\nci | prod")),
    ({"title": "12 <b>", "title_link": "javascript:x", "fallback": "f"}, "12 b"),
    ({"blocks": [section("in a block")], "fallback": "f"}, "in a block"),
    ({"text": "in a block", "blocks": [section("in a block"), section("more")]},
     "in a block\n\nmore"),
    ({"text": "beside", "blocks": [section("in a block")]}, "beside\n\nin a block"),
    ({"fallback": "Only this", "color": "#f00"}, "Only this"),
    ({"fallback": "[no preview available]", "blocks": [a_table(["a", "b"])]},
     "| a | b |\n| --- | --- |"),
]  # fmt: skip


@pytest.mark.parametrize(("attachment", "said"), ATTACHMENTS, ids=lambda one: str(one)[:40])
def test_an_attachment_gives_what_people_see(attachment: JSON, said: str) -> None:
    """Its parts are in Slack's order; without parts, the fallback is used."""
    assert read(attachments=[attachment]) == said
    assert read("Look", attachments=[attachment]) == f"Look\n\n{said}"
    assert said in read("", attachments=[a_share("", message_blocks=None, attachments=[attachment])
                                         ]).replace("> ", "").replace(">", "")  # fmt: skip


@pytest.mark.parametrize("empty", ["[no preview available]", "", " "])
def test_an_attachment_of_buttons_says_nothing(empty: str) -> None:
    """Slack's own placeholder is no text."""
    attachment = {"fallback": empty, "blocks": [{"type": "actions", "elements": [button("Stop")]}]}
    reply = parse_reply(a_reply("", **BOT) | {"attachments": [attachment]}, OURS)
    assert reply is not None
    assert is_empty(reply)


# The text beside the blocks.


def test_the_published_paste_is_read_whole() -> None:
    """The sample has the shape of a logged webhook (vercel/chat, `sample-messages.md`)."""
    reply = parse_reply(sample_event("pasted_table"), OURS)
    assert reply is not None
    assert to_markdown(reply.text, reply.blocks) == (
        "Which devices support X?\n\n"
        "| **Manufacturer** | Model | Units |\n| --- | --- | --- |\n"
        "| Acme | QX-55 | 3 |\n|  | QX-65 | 12 |"
    )


TABLE = "| a | b |\n| --- | --- |\n|  | 3 |"


@pytest.mark.parametrize("words", ["See a 3", "", "\u200b"])
@pytest.mark.parametrize("where", ["attachment", "blocks", "both"])
def test_a_table_is_read_beside_any_words(words: str, where: str) -> None:
    """Newer clients put it into an attachment, older ones into the blocks; alone, it is enough."""
    table = a_table(["a", "b"], [None, 3])
    blocks = rich_text(words) if words else []
    changes: JSON = {"blocks": blocks if where == "attachment" else [*blocks, table]}
    changes["attachments"] = [] if where == "blocks" else pasted(table)
    said = [words, TABLE] if words.isascii() and words else [TABLE]
    assert read(words, person=True, **changes) == "\n\n".join(
        [*said, TABLE] if where == "both" else said
    )


def test_an_alert_is_read_with_its_details() -> None:
    """These two shapes are what monitors post: a text, with blocks or with an attachment."""
    stack = [section("<https://err.example/1|TypeError>"), rich(text("at app.js:12")),
             {"type": "context", "elements": [mrkdwn("Events: 1,204")]}]  # fmt: skip
    assert read("[web] TypeError: x is undefined", blocks=stack) == (
        "[web] TypeError: x is undefined\n\n[TypeError](https://err.example/1)\n\n"
        "at app.js:12\n\nEvents: 1,204"
    )
    details = {"title": "HighErrorRate", "text": "5xx ratio is 12.4% for 10m",
               "fields": [{"title": "runbook", "value": "<https://wiki/1>"}]}  # fmt: skip
    assert read("[FIRING:1] HighErrorRate", attachments=[details]) == (
        "[FIRING:1] HighErrorRate\n\n"
        "HighErrorRate\n5xx ratio is 12.4% for 10m\n**runbook**: https://wiki/1"
    )


@pytest.mark.parametrize(
    ("words", "blocks", "said"),
    [
        ("Build 12 is red", [section("*Build* 12"), section("is red")], "**Build** 12\n\nis red"),
        (":fire: Build 12", [rich(text("Build 12"))], "Build 12"),
        ("Build 12 is red, see the log", [section("Build 12"), section("main")],
         "Build 12 is red, see the log\n\nmain"),
        ("Build 12", [section("<https://ci/12|Build> 12")], "[Build](https://ci/12) 12"),
        ("Build 12 is red", [section("<https://ci/12|Build> 12")],
         "Build 12 is red\n\n[Build](https://ci/12) 12"),
        ("1. a\n    a. b", [rich(text("a")), rich(text("b"))], "a\n\nb"),
        ("<@U1|ada> broke <#C1|web>", [rich({"type": "user", "user_id": "U1"}, text(" broke "),
                                           {"type": "channel", "channel_id": "C1"})],
         "@U1 broke #web"),
    ],
)  # fmt: skip
def test_what_an_app_says_twice_is_read_once(words: str, blocks: list[JSON], said: str) -> None:
    """A text is often the fallback of the blocks; if it says more, it comes first."""
    assert read(words, blocks=blocks) == said


def test_a_person_s_text_is_never_read_beside_the_blocks() -> None:
    """It is what Slack makes of them, and says the same in other characters."""
    assert read("other words", person=True, blocks=rich_text("Mind *it*")) == "Mind *it*"


def test_an_element_of_an_unknown_kind_is_not_dropped() -> None:
    """Without a text or a fallback, the name of its kind shows that something is there."""
    new: JSON = {"type": "citation", "id": 7}
    for element, shown in (({**new, "text": "THING"}, "THING"), (new, "[citation]")):
        blocks = [rich(text("before "), element)]
        assert read("flat", person=True, blocks=blocks) == f"before {shown}"


PREVIEWS: dict[str, JSON] = {
    "page": {"title": "A page", "text": "long", "from_url": "https://x.example/?a=1&b=2"},
    "original": {"text": "long", "original_url": "https://x.example/?a=1&b=2", "blocks": []},
    "app": {"is_app_unfurl": True, "app_unfurl_url": "https://y", "blocks": [section("long")]},
    "message": {**a_share("long"), "is_share": False, "from_url": "https://elsewhere"},
}


@pytest.mark.parametrize("kind", PREVIEWS)
@pytest.mark.parametrize("person", [True, False])
def test_the_preview_of_a_link_is_not_read(kind: str, *, person: bool) -> None:
    """Nobody wrote it, Devin can open the link, and a long page would bury the message."""
    said = "See <https://x.example/?a=1&amp;b=2>"
    link = {"type": "link", "url": "https://x.example/?a=1&b=2"}
    for blocks in ([], [rich(text("See "), link)]):
        words = read(said, person=person, blocks=blocks, attachments=[PREVIEWS[kind]])
        assert words == "See https://x.example/?a=1&b=2"


def test_an_attachment_about_another_page_is_read() -> None:
    """Apps fill these fields as well; what the text does not link is content."""
    page = {"title": "HighErrorRate", "from_url": "https://alerts.example/1"}
    assert read("[FIRING]", attachments=[page]) == "[FIRING]\n\nHighErrorRate"
    reply = parse_reply(a_reply("", blocks=[], attachments=[{"text": "x"}]), OURS)
    assert reply is not None
    assert is_empty(reply)


def test_only_so_much_is_sent() -> None:
    """The limit is Slack's for one text; Devin is told how long the message was."""
    whole = read("", blocks=[section("x" * 3_000)] * 50, attachments=[{"text": "y" * 100_000}])
    assert len(whole) == MOST_SAID
    assert whole.endswith("(250,100 characters in all)")


def test_mentions_in_blocks_are_named() -> None:
    """Their names are looked up wherever they are, and a label names nobody."""
    table = {"type": "table", "rows": [[rich({"type": "user", "user_id": "U3"})]]}
    blocks = [section("<@U1> <@U2|bob> <#C1>"), table]
    found = mentioned("", blocks)
    assert found == {("user", "U1"), ("user", "U2"), ("user", "U3"), ("channel", "C1")}
    names = {("user", "U1"): "Ada", ("user", "U3"): "Cy", ("channel", "C1"): "web"}
    assert to_markdown("", blocks, names) == "@Ada (U1) @U2 #web\n\n| @Cy (U3) |\n| --- |"


def test_blocks_name_no_file() -> None:
    """The rules for a text apply to them."""
    assert read(blocks=[section('ATTACHMENT:"https://evil/x"')]).startswith("ATTACHMENT (typed):")


# Any message.

_NUMBERS = st.integers(0, 10**6)


def _unique(words: Sequence[int]) -> list[str]:
    return [f"w{number}" for number in words]


@st.composite
def _shown(draw: st.DrawFn, words: list[str]) -> list[JSON]:
    """Return blocks that show these words, each once, in order."""
    blocks: list[JSON] = []
    left = list(words)

    def take() -> str:
        return left.pop(0) if left else ""

    while left:
        match draw(st.integers(0, 6)):
            case 0:
                blocks.append(section(f"*{take()}* {take()}"))
            case 1:
                fields = [mrkdwn(take()), plain(take())]
                blocks.append({"type": "section", "text": plain(take()), "fields": fields})
                shown = [fields[0]["text"], fields[1]["text"], blocks[-1]["text"]["text"]]
                blocks[-1]["text"], fields[0], fields[1] = (
                    plain(shown[0]), mrkdwn(shown[1]), plain(shown[2]))  # fmt: skip
            case 2:
                blocks.append(rich(text(take(), bold=True), text(" "), text(take())))
            case 3:
                blocks.append(a_table([take(), None, take()], [take()]))
            case 4:
                card = {"type": "card", "title": plain(take()), "body": mrkdwn(take())}
                blocks.append({"type": "carousel", "elements": [card]})
            case 5:
                inner = [{"type": "header", "text": plain(take())}, section(take())]
                blocks.append({"type": "container", "title": plain("-"), "child_blocks": inner})
            case _:
                blocks.append({"type": "of_next_year", "text": mrkdwn(take())})
    return blocks


@given(
    words=st.lists(_NUMBERS, unique=True, max_size=12).map(_unique),
    below=st.lists(_NUMBERS.map(lambda one: -one - 1), unique=True, max_size=8),
    data=st.data(),
)
def test_every_word_that_people_see_is_read_once_and_in_order(
    words: list[str], below: list[int], data: st.DataObject
) -> None:
    """This holds for any blocks and attachments, and whatever part of the blocks the text has."""
    under = [f"v{-number}" for number in below]
    blocks = data.draw(_shown(words))
    attachments = pasted(*data.draw(_shown(under))) if under else []
    fallbacks = ["", " ".join(words), f"{' '.join(words)} and more", "other words"]
    said = data.draw(st.sampled_from(fallbacks))
    for person in (False, True):
        shown = [*rich_text(said), *blocks] if person and said else blocks
        heard = read(said, person=person, blocks=shown, attachments=attachments)
        found = re.findall(r"\b[wv]\d+\b", heard)
        twice = person and said.startswith(tuple(words)) and bool(words)
        assert found == ([*words, *words, *under] if twice else [*words, *under])
        for word in said.split():
            assert word in heard


WHOLE: list[JSON] = [
    *(a_reply("x", **BOT, blocks=[block], attachments=[attachment])
      for (block, _), (attachment, _) in zip(BLOCKS, ATTACHMENTS * 4, strict=False)),
    sample_event("pasted_table"),
    a_reply("", blocks=[], attachments=[a_share(attachments=[one for one, _ in ATTACHMENTS])]),
]  # fmt: skip


@given(mutated(WHOLE))
def test_no_content_makes_the_parser_raise(payload: JSON) -> None:
    """It comes from outside, and an exception would bring the event back again and again."""
    reply = parse_reply(payload, OURS)
    if reply is not None:
        mentioned(reply.text, reply.blocks)
        assert len(compose(reply, "Bolt CI", NO_NAMES).encode()) < 10 * MOST_SAID
        assert type(reply).model_validate_json(reply.to_json()) == reply


@pytest.mark.parametrize(
    "hostile",
    [
        {"type": "table", "rows": [[None] * 10_000, *([[]] * 1_000)]},
        {"type": "table", "rows": [[{"type": "raw_number", "value": 10**4_000}, 1e400]]},
        section("<@U1>" * 8_000),
        {"type": "carousel", "elements": [{"type": "card", "title": plain("x y " * 750)}] * 20},
    ],
    ids=["table", "numbers", "mentions", "cards"],
)
def test_hostile_blocks_are_read_in_one_go(hostile: JSON) -> None:
    """No input of a message's size keeps the relay busy, or is sent beyond the limit."""
    event = a_reply("x " * 20_000, **BOT, blocks=[hostile])
    event["attachments"] = [{"blocks": [hostile], "text": "y " * 1_000}] * 3
    reply = parse_reply(event, OURS)
    assert reply is not None
    assert len(compose(reply, "CI", NO_NAMES)) < MOST_SAID + 100


@pytest.mark.parametrize("kind", ["other", "container", "rich_text"])
def test_deep_blocks_are_no_recursion(kind: str) -> None:
    """A thousand levels are walked or ignored."""
    block: JSON = {"type": kind, "text": plain("x")}
    for _ in range(1_000):
        block = {"type": kind, "elements": [block]}
    reply = parse_reply(a_reply("Look", **BOT, blocks=[block]), OURS)
    assert reply is not None
    assert to_markdown("Look", [block]).startswith("Look")


# Bots.


async def test_an_allowed_bot_is_read_by_its_blocks_and_named(
    environ: dict[str, str], desk: Desk
) -> None:
    """A webhook is named after its app, whatever name the message gives."""
    async with running(desk, environ, ALLOW_BOTS="B0LEGACY00,B0BOLTCI00"):
        thread = await desk.linked_thread()
        for user in ("legacy", "bolt-ci"):
            ts = await desk.slack.say("x", user=user, thread=thread, deliver=False)
            said = {"text": "Build 12", "blocks": [section("Build *12* is red, #1")]}
            event = desk.slack.event_of("general", ts) | said
            await desk.slack.deliver_event(event | {"username": "Ada Lovelace"})
            await desk.until_delivered(ts)
        names = [one.partition(" (in Slack)")[0] for one in desk.received()]
        assert names == ["Legacy Webhook, B0LEGACY00", "Bolt CI, B0BOLTCI00"]
        assert all(one.endswith("\n\nBuild **12** is red, #1") for one in desk.received())


LETTERS_OF = {
    "our_bot": ("bolt-ci", None),
    "our_person": ("ada", "bolt-ci"),
    "their_bot": ("partner-ci", None),
    "their_person": ("eve", "partner-ci"),
    "guest": ("gus", "bolt-ci"),
}


async def say_as(desk: Desk, who: str, thread: str, *, deliver: bool = True) -> str:
    """Write in a shared channel as one of these, by an app's own identity or through an app."""
    user, via = LETTERS_OF[who]
    return await desk.slack.say(
        f"From {who}", user=user, via=via, channel="shared", thread=thread, deliver=deliver
    )


async def test_an_app_s_id_lets_in_our_installation_of_it_and_nobody_who_may_not_speak(
    environ: dict[str, str], desk: Desk
) -> None:
    """This holds for events, and for posts found in the thread after an outage."""
    heard = ["our_bot", "our_person"]
    async with running(desk, environ, ALLOW_BOTS="A0BOLTCI00"):
        thread = await desk.linked_thread(channel="shared")
        for who in LETTERS_OF:
            await say_as(desk, who, thread)
        told = await desk.fence(thread, channel="shared")
        assert sorted(one.partition("From ")[2] for one in told) == sorted(heard)
        assert desk.slack.ephemerals("shared") == []
    for who in LETTERS_OF:
        await say_as(desk, who, thread, deliver=False)
    async with running(desk, environ, ALLOW_BOTS="A0BOLTCI00"):
        await desk.until_said(late(len(heard), [], silenced=False), thread, channel="shared")
        await wait_until(lambda: len(desk.received()) == 2 * len(heard) + 1, "all of them")


async def test_an_edit_of_a_post_goes_by_the_same_rule(environ: dict[str, str], desk: Desk) -> None:
    """A post by their installation of a listed app does not get in by an edit."""
    async with running(desk, environ, ALLOW_BOTS="A0BOLTCI00"):
        thread = await desk.linked_thread(channel="shared")
        for who in LETTERS_OF:
            ts = await say_as(desk, who, thread, deliver=False)
            event = desk.slack.event_of("shared", ts)
            await desk.slack.edit("shared", ts, f"Edited by {who}")
            await desk.until_heard()
            await desk.slack.deliver_event(event)
        heard = [one.partition("\n\n")[2] for one in await desk.fence(thread, channel="shared")]
    assert sorted(heard) == ["Edited by our_bot", "Edited by our_person"]
