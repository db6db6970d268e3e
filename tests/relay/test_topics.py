"""A thread is named by the first words of its first message, as that message is now."""

import asyncio
from datetime import timedelta
from itertools import dropwhile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.model.threads import TOPIC_LIMIT, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import link_key
from bot.store.links import Links
from bot.text.to_devin import to_markdown, topic_of
from sandbox.slack.transport.deliveries import Delivery
from tests.support.desk import SESSION, Desk, running
from tests.support.keys import at
from tests.support.tables import each
from tests.support.waiting import wait_until
from tests.wording.foreign import FOREIGN, HUGE

SECRET = "the password is hunter2"


@each(
    ("markup", "words"),
    [
        ("See <https://example.com|this> &amp; *that* in `code_x`", "See this & that in code_x"),
        ("• one\n• two", "one two"),
        ("```\nmake test\n```", "make test"),
        ("https://example.com/a_b", "https://example.com/a_b"),
        ("x" * 81, "x" * 79 + "…"),
        ("&gt; *No*, _see_ `*args`\n1. ~x~ * y", "No, see *args x * y"),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", "| a | b | | 1 | 2 |"),
        ("*_a_ b* ~c~, 4*5", "a b c, 4*5"),
        ("&gt; • a\n• 2. b", "a 2. b"),
        ("<tel:112|Call> <mailto:a@b.c|me>", "Call me"),
        ("", ""),
    ],
)
def test_the_words_are_plain_text(markup: str, words: str) -> None:
    """Marks are left out, and of a link the address; what Slack shows as typed stays."""
    assert topic_of(to_markdown(markup)) == words


@each(
    "typed",
    [
        *("Who calls __init__, with 2*3*4?", "run *.py files", "f(x)**2 + g(x)**2", "5 *3"),
        *("*/5 * * * *", "**/*.py and src/**/a/**", "/*a*/ C* lang", "**kwargs and *args", "*a**"),
        *("[not a link](really)", "[x](y)", "2.", "-", "*", "* a", "# a", "+ a", "~~a b"),
    ],
)
def test_what_is_no_mark_stays(typed: str) -> None:
    """A mark has its partner on the same line, a link an address, and a list's mark has text."""
    assert topic_of(to_markdown(typed)) == typed
    text = {"type": "text", "text": typed}
    section = {"type": "rich_text_section", "elements": [text]}
    assert topic_of(to_markdown("", [{"type": "rich_text", "elements": [section]}])) == typed


@given(text=FOREIGN | HUGE | st.text())
@example(text=">" * 1_000)
@example(text="[#\\" * 700)
@example(text="*" * 2_000)
@example(text="*a ~~" * 400)
@example(text="`" * 1_000 + "\\[" * 500)
def test_any_message_has_first_words_on_one_short_line(text: str) -> None:
    """No text is too long for it, or too odd."""
    words = topic_of(text)
    assert len(words) <= TOPIC_LIMIT
    assert "\n" not in words


def ref_of(desk: Desk, thread: str) -> ThreadRef:
    channel = desk.slack.workspace.channel("general").id
    return ThreadRef(team=desk.slack.team_id, channel=channel, thread_ts=thread)


async def kept_topic(desk: Desk, store: Store, thread: str) -> str:
    link = await Links(store, timedelta(days=1)).get(ref_of(desk, thread))
    assert link is not None
    return link.topic


async def until_topic(desk: Desk, store: Store, thread: str, topic: str) -> None:
    async def is_kept() -> bool:
        return await kept_topic(desk, store, thread) == topic

    await wait_until(is_kept, f"the thread is named {topic!r}")


@pytest.mark.parametrize("after", ["", "Shall we wait?"], ids=["deleted", "edited"])
async def test_a_late_edit_brings_no_earlier_words_back(
    environ: dict[str, str], desk: Desk, store: Store, after: str
) -> None:
    """Slack delivers an event again when it did not hear the acknowledgment."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_topic(desk, store, thread, "Shall we ship it?")
        await desk.slack.edit("general", thread, SECRET)
        edit = desk.slack.deliveries[-1]
        await until_topic(desk, store, thread, SECRET)
        if after:
            await desk.slack.edit("general", thread, after)
        else:
            await desk.slack.delete("general", thread)
        await until_topic(desk, store, thread, after)
        await (await desk.slack.redeliver(edit)).settled()
    assert await kept_topic(desk, store, thread) == after


async def test_a_late_edit_brings_no_words_back_that_were_gone_when_the_thread_was_linked(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """The link then learns of the deletion from the thread."""
    async with running(desk, environ):
        thread = await desk.slack.say("Shall we ship it?")
        await desk.reply("Let's", thread)
        await desk.slack.edit("general", thread, SECRET)
        edit = desk.slack.deliveries[-1]
        await desk.slack.delete("general", thread)
        await desk.mention(f"link {SESSION}", thread=thread)
        await desk.until_linked(thread)
        await (await desk.slack.redeliver(edit)).settled()
    assert await kept_topic(desk, store, thread) == ""


async def test_a_deletion_that_does_not_show_the_message_counts(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Slack documents one that tells neither the thread nor the author."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_topic(desk, store, thread, "Shall we ship it?")
        gone = {"type": "message", "subtype": "message_deleted", "deleted_ts": thread}
        event = gone | {"channel": ref_of(desk, thread).channel}
        payload = {"type": "event_callback", "team_id": desk.slack.team_id, "event": event}
        await (await desk.slack.redeliver(Delivery("events_api", payload))).settled()
    assert await kept_topic(desk, store, thread) == ""


async def test_words_that_are_deleted_while_they_are_read_are_not_kept(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Slack takes its time to say whom they mention."""
    over = asyncio.Event()
    async with running(desk, environ):
        await desk.linked_thread()  # from now on, Ada is known
        thread = await desk.slack.say(f"<@U0BEN00000>: {SECRET}")
        desk.slack.fail_next("users.info", until=over)
        before = len(desk.slack.calls)
        await desk.mention(f"link {SESSION}", thread=thread)
        await wait_until(
            lambda: "users.info" in [call.method for call in desk.slack.calls[before:]],
            "the bot asks who Ben is",
        )
        await desk.slack.delete("general", thread)
        await desk.until_heard()
        over.set()
    assert await kept_topic(desk, store, thread) == ""


async def test_first_words_come_once_slack_shows_the_thread(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Slack limits such reads to some 50 a minute, which many links at once spend."""
    async with running(desk, environ):
        desk.slack.fail_next("conversations.replies", retry_after=1)
        thread = await desk.linked_thread()
        await until_topic(desk, store, thread, "Shall we ship it?")


@pytest.mark.parametrize("change", ["edit", "deletion"])
async def test_a_change_where_nothing_is_linked_asks_for_one_link(
    environ: dict[str, str], desk: Desk, raw: Redis, change: str
) -> None:
    """Most messages in a workspace are no thread of the relay's, so they must cost little."""
    async with raw.monitor() as monitor:
        async with running(desk, environ):
            root = await desk.slack.say("Shall we ship it?")
            await desk.until_heard()
            await raw.echo("begin")
            if change == "edit":
                await desk.slack.edit("general", root, "Shall we wait?")
            else:
                await desk.slack.delete("general", root)
            await desk.until_heard()
        await raw.echo("end")
        commands: list[str] = []
        while not commands or commands[-1] != "ECHO end":
            commands.append((await monitor.next_command())["command"])
    during = dropwhile(lambda one: one != "ECHO begin", commands)
    link = at(link_key(ref_of(desk, root)))
    assert len([one for one in during if link in one]) == 1
