"""What people see reaches Devin on every way there: tables, alerts and cards as well as text."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.redis.connection import Store
from sandbox.slack.world.rich_text import rich_text_blocks
from tests.people.test_edits import until_put_off
from tests.people.test_starting import prompt
from tests.support.builders import JSON, a_table, pasted
from tests.support.desk import SESSION, Desk, running
from tests.support.waiting import wait_until


def section(text: str) -> JSON:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@dataclass(frozen=True)
class Seen:
    """A message as Slack shows it, by whom, and what of it Devin must read."""

    said: tuple[str, ...]
    text: str = ""
    user: str = "ada"
    blocks: tuple[JSON, ...] = ()
    attachments: tuple[JSON, ...] = ()


TABLE = a_table(["Device", "Units"], ["QX-55", 3], [None, 12])
ROWS = ("| Device | Units |", "| QX-55 | 3 |", "|  | 12 |")
ALERT: JSON = {
    "title": "HighErrorRate",
    "text": "5xx ratio is 12.4%",
    "fields": [{"title": "runbook", "value": "<https://wiki/1>"}],
    "footer": "prod",
    "fallback": "not shown",
}
STACK: JSON = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "at app.js:12"}]}
    ],
}
ALERTED = ("HighErrorRate", "12.4%", "**runbook**: https://wiki/1", "prod")
MORE = a_table(["Site", "Open"], ["Lab", 7])

KINDS = {
    "words_and_tables": Seen(
        ("Mind the **gap**", *ROWS, "| Site | Open |", "| Lab | 7 |"),
        "Mind the *gap*",
        blocks=(TABLE,),
        attachments=tuple(pasted(MORE)),
    ),
    "bots_alert": Seen(
        ("[web] TypeError", "[Open](https://err/1)", "at app.js:12", "Events: 1,204", *ALERTED),
        "[web] TypeError",
        "bolt-ci",
        blocks=(section("<https://err/1|Open>"), STACK, section("Events: 1,204")),
        attachments=(ALERT,),
    ),
}
"""Messages that people see, whose words Devin read in part, or not at all."""


async def write(desk: Desk, seen: Seen, *, text: str | None = None, **how: Any) -> str:
    """Write such a message, and return its ts; Slack's events bring all of it."""
    deliver = how.pop("deliver", True)
    words = seen.text if text is None else text
    ts = await desk.slack.say(words, user=seen.user, deliver=False, **how)
    message = desk.slack.workspace.message("general", ts)
    typed = rich_text_blocks(words) if seen.user == "ada" else []
    message.blocks, message.attachments = [*typed, *seen.blocks], list(seen.attachments)
    if deliver:
        await desk.slack.deliver_event(desk.slack.event_of("general", ts))
    return ts


async def as_a_reply(desk: Desk, seen: Seen, _store: Store) -> str:
    thread = await desk.linked_thread()
    await write(desk, seen, thread=thread)
    return await desk.until_received(seen.said[-1])


async def by_an_edit(desk: Desk, seen: Seen, store: Store) -> str:
    """The reply waits, and becomes that message."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.slack.say("wait", user=seen.user, thread=thread)
    await until_put_off(store)
    message = desk.slack.workspace.message("general", ts)
    message.attachments = list(seen.attachments)
    typed = rich_text_blocks(seen.text) if seen.user == "ada" else []
    await desk.slack.edit("general", ts, seen.text, blocks=[*typed, *seen.blocks])
    await desk.until_marked("pencil2", ts)
    desk.devin.behave(SESSION, "running")
    return await desk.until_received(seen.said[-1])


async def forwarded(desk: Desk, seen: Seen, _store: Store) -> str:
    said = await write(desk, seen, deliver=False)
    thread = await desk.linked_thread()
    await desk.slack.forward("general", said, thread=thread)
    return await desk.until_received(seen.said[-1])


async def by_the_shortcut(desk: Desk, seen: Seen, _store: Store) -> str:
    thread = await desk.linked_thread()
    ts = await write(desk, seen, thread=thread, deliver=False)
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts, user="ben")
    return await desk.until_received(seen.said[-1])


async def to_start_a_session(desk: Desk, seen: Seen, store: Store) -> str:
    """A person's own message starts it; a bot's stands above the mention."""
    if seen.user != "ada":
        return await above_a_start(desk, seen, store)
    ts = await write(desk, seen, text=f"<@{desk.slack.bot_user_id}> start {seen.text}")
    await desk.until_linked(ts)
    asked = prompt(desk)
    assert "start" not in asked
    return asked


async def above_a_start(desk: Desk, seen: Seen, _store: Store) -> str:
    root = await write(desk, seen, deliver=False)
    await desk.mention("start Fix it", thread=root)
    await desk.until_linked(root)
    return prompt(desk)


WAYS: dict[str, Callable[[Desk, Seen, Store], Awaitable[str]]] = {
    "reply": as_a_reply,
    "edit": by_an_edit,
    "forward": forwarded,
    "shortcut": by_the_shortcut,
    "start": to_start_a_session,
    "context": above_a_start,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
async def test_devin_reads_what_people_see(
    environ: dict[str, str], desk: Desk, store: Store, way: str, kind: str
) -> None:
    """Each part arrives once and in order, however the message gets there."""
    seen = KINDS[kind]
    async with running(desk, environ, ALLOW_BOTS="B0BOLTCI00"):
        read = await WAYS[way](desk, seen, store)
    places = [read.find(one) for one in seen.said]
    assert -1 not in places, read
    assert places == sorted(places), read
    assert [read.count(one) for one in seen.said] == [1] * len(places), read


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_missed_is_read_as_people_see_it(
    environ: dict[str, str], desk: Desk, kind: str
) -> None:
    """`conversations.replies` shows the same as the event that never came."""
    seen = KINDS[kind]
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await write(desk, seen, thread=thread, deliver=False)
    async with running(desk, environ, ALLOW_BOTS="B0BOLTCI00"):
        await wait_until(desk.received, "it is read")
    (read,) = desk.received()
    assert all(one in read for one in seen.said), read
