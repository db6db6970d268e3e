"""Builders of Slack's payloads for tests; `tests/samples` has documented ones to compare with."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bot.model.verbs import Command
from bot.slack.app.workspace import Identity
from handlers.parse.messages import Kind, classify
from tests.support.features import VERBS

JSON = dict[str, Any]

SAMPLES = Path(__file__).parents[1] / "samples"

TEAM = "T123ABC456"
CHANNEL = "C123ABC456"
ADA = "U061F7AUR"
BOT_USER = "U0LAN0Z89"
ROOT_TS = "1515449500.000001"
TS = "1515449522.000016"
OURS = Identity(TEAM, None, BOT_USER, "B123ABC456", scopes=frozenset(), url="", verbs=VERBS)
ENTERPRISE = "E123ABC456"
ORG = replace(OURS, tenant=ENTERPRISE, enterprise=ENTERPRISE)
"""The bot in a workspace, and in an Enterprise organization by an org-wide token."""

ELSEWHERE: JSON = {"team": {"id": "T0OTHER000"}, "enterprise": {"id": "E0OTHER000", "name": "Else"}}
"""What an interaction names that is of no installation of the tests, of whichever kind."""


def sample(name: str) -> JSON:
    """Return a whole documented payload (docs.slack.dev/reference)."""
    payload: JSON = json.loads((SAMPLES / f"{name}.json").read_text())
    return payload


def sample_event(name: str) -> JSON:
    """Return the inner event of a documented payload."""
    event: JSON = sample(name)["event"]
    return event


def rich_text(text: str) -> list[JSON]:
    """Return the `rich_text` block of plain words."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "qTg", "elements": [section]}]


def a_reply(text: str = "Please rebase.", **changes: Any) -> JSON:
    """Return a reply's `message` event in a thread; `changes` replaces or adds fields."""
    return {
        "type": "message",
        "user": ADA,
        "text": text,
        "client_msg_id": "7d1c1a2e-0c5f-4b8e-9a57-2a8a3f0f3a11",
        "team": TEAM,
        "ts": TS,
        "thread_ts": ROOT_TS,
        "parent_user_id": ADA,
        "blocks": rich_text(text),
        "channel": CHANNEL,
        "event_ts": TS,
        "channel_type": "channel",
    } | changes


def a_mention(words: str, **changes: Any) -> JSON:
    """Return a reply that begins with a mention of the bot."""
    return a_reply(f"<@{BOT_USER}> {words}", **changes)


def a_share(text: str = "Production is down.", **changes: Any) -> JSON:
    """Return the quote of a forwarded message; its source is in `handlers/parse/messages.py`."""
    inner = {"blocks": rich_text(text)}
    place = {"team": TEAM, "channel": "C0ELSEWHERE", "ts": "1515449400.000100"}
    return {
        "from_url": "https://example.slack.com/archives/C0ELSEWHERE/p1515449400000100",
        "ts": "1515449400.000100",
        "author_id": "U0BEN0000",
        "channel_id": "C0ELSEWHERE",
        "channel_team": TEAM,
        "is_msg_unfurl": True,
        "message_blocks": [{**place, "message": inner}],
        "color": "D0D0D0",
        "is_share": True,
        "fallback": f"[January 8th, 2018 10:10 PM] ben: {text}",
        "text": text,
        "author_name": "Ben Franklin",
        "author_link": "https://example.slack.com/team/U0BEN0000",
        "author_icon": "https://avatars.slack-edge.com/2018-01-01/1_48.png",
        "author_subname": "Ben Franklin",
        "mrkdwn_in": ["text"],
        "footer": "Slack Conversation",
    } | changes


def a_table(*rows: Sequence[str | int | None]) -> JSON:
    """Return a `table` block as people paste it: a cell is text, a number, or empty."""

    def cell(value: str | int | None) -> JSON | None:
        if isinstance(value, int):
            return {"type": "raw_number", "value": value}
        return None if value is None else {"type": "raw_text", "text": value}

    return {"type": "table", "block_id": "pasted1", "rows": [[*map(cell, row)] for row in rows]}


def pasted(*tables: JSON) -> list[JSON]:
    """Return the attachment in which Slack's client puts a pasted table.

    Captured by others: vercel/chat, `sample-messages.md` (2026), and openclaw/openclaw#112229.
    """
    return [{"id": 1, "fallback": "[no preview available]", "blocks": list(tables)}]


def a_file(name: str = "plan.md", **changes: Any) -> JSON:
    """Return an uploaded file, as an event shows it."""
    return {
        "id": "F123ABC456",
        "name": name,
        "title": name,
        "mimetype": "text/markdown",
        "mode": "hosted",
        "permalink": f"https://example.slack.com/files/{ADA}/F123ABC456/{name}",
    } | changes


def a_command(text: str, **changes: Any) -> JSON:
    """Return a `/devin-say`."""
    fields = {"command": "/devin-say", "text": text, "channel_id": CHANNEL, "user_id": ADA}
    fields |= {"team_id": TEAM}
    return sample("slash_command") | fields | changes


def a_press(value: str, **changes: Any) -> JSON:
    """Return a press of a button in a message of the relay in the thread at `ROOT_TS`."""
    action = {"type": "button", "action_id": "send_again", "value": value}
    message = {"type": "message", "user": BOT_USER, "ts": TS, "thread_ts": ROOT_TS}
    fields = {"actions": [action], "message": message, "channel": {"id": CHANNEL}}
    return sample("block_actions") | fields | {"user": {"id": ADA}} | changes


def a_shortcut(message: JSON | None = None, **changes: Any) -> JSON:
    """Return a shortcut on a message of Ada's, which starts a thread unless `message` says so."""
    shown = {"type": "message", "user": ADA, "text": "Please rebase.", "ts": ROOT_TS}
    fields = {"team": {"id": TEAM, "domain": "example"}, "channel": {"id": CHANNEL, "name": "c"}}
    fields |= {"user": {"id": ADA, "name": "ada"}, "message": shown | (message or {})}
    return sample("message_action") | fields | changes


def a_submission(number: str, typed: str, **changes: Any) -> JSON:
    """Return a submitted form that asks for a session."""
    entry = {"type": "plain_text_input", "value": typed}
    view = sample("view_submission")["view"] | {
        "callback_id": "ask_session",
        "private_metadata": number,
        "state": {"values": {"session": {"session": entry}}},
    }
    return sample("view_submission") | {"view": view, "user": {"id": ADA}} | changes


def a_whispered_press(value: str, **changes: Any) -> JSON:
    """Return a press in a message that only Ada sees, which Slack sends without the message."""
    body = a_press(value, user={"id": ADA})
    del body["message"]
    body["container"] |= {"is_ephemeral": True, "channel_id": CHANNEL, "thread_ts": ROOT_TS}
    body["actions"][0]["action_id"] = "link_offered"
    return body | changes


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "\ud800", "\udfff" * 3, "x" * 100_000, "9" * 5_000, TS, f"<@{BOT_USER}> link \ud800"]
    )
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
) | st.just(None).map(lambda _: _deep(300))


def _deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = {"type": "rich_text", "elements": [value]}
    return value


@st.composite
def mutated(draw: st.DrawFn, payloads: Sequence[JSON]) -> JSON:
    """Return one of `payloads` with up to four places dropped or replaced."""
    payload = draw(st.sampled_from(payloads))
    for _ in range(draw(st.integers(1, 4))):
        payload = _changed(draw, payload)
    return payload if isinstance(payload, dict) else {}


def _changed(draw: st.DrawFn, value: Any) -> Any:
    is_inner = isinstance(value, dict | list) and len(value) > 0
    if not is_inner:
        return draw(_ANYTHING)
    place = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
    copy = value.copy()
    match draw(st.sampled_from(["drop", "replace", "descend", "descend"])):
        case "drop":
            del copy[place]
        case "replace":
            copy[place] = draw(_ANYTHING)
        case _:
            copy[place] = _changed(draw, value[place])
    return copy


def command_of(event: JSON, *, unlinked: bool = False) -> Command | None:
    """Return the command that a message is."""
    said = classify(event, OURS, unlinked=unlinked)
    return said.command if said is not None and said.kind is Kind.COMMAND else None
