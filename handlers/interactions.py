"""What people do with commands, buttons, menus and modals, parsed like `payloads.py` does events.

Shapes: docs.slack.dev/reference/interaction-payloads and interactivity/implementing-slash-commands.
Nothing here raises on a malformed payload.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.models import ReplyId, SessionId, ThreadRef, UserId, parse_session
from handlers.payloads import Payload, field, is_ts, mapping, parse_thread


@dataclass(frozen=True, slots=True)
class Say:
    """A `/devin-say`: the session's word is None where none was typed."""

    channel: str
    by: UserId
    session_word: str | None
    session: SessionId | None
    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button: who, in which thread, on which message, with which value."""

    by: UserId
    thread: ThreadRef
    message: Mapping[str, Any]
    value: str


def parse_say(command: Payload) -> Say:
    """The words of a `/devin-say`: a session first, if there is one, then the message."""
    text = field(command, "text").strip()
    first, rest = (*text.split(maxsplit=1), "", "")[:2]
    session = parse_session(first)
    named = session is not None or _looks_like_session(first)
    return Say(
        channel=field(command, "channel_id"),
        by=UserId(field(command, "user_id")),
        session_word=first if named else None,
        session=session,
        text=rest.strip() if named else text,
    )


def parse_press(body: Payload, team: str) -> Press | None:
    """A button of a message of ours; None where the payload does not say who, where and what."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    message = body.get("message")
    channel = field(mapping(body.get("channel")), "id")
    user = field(mapping(body.get("user")), "id")
    if not isinstance(message, Mapping) or not user:
        return None
    root = message.get("thread_ts") or mapping(body.get("container")).get("thread_ts")
    thread = parse_thread({**message, "channel": channel, "thread_ts": root}, team)
    if thread is None:
        return None
    return Press(UserId(user), thread, message, field(mapping(action), "value"))


def parse_send_again(press: Press) -> tuple[ReplyId, int] | None:
    """The reply and its round in a *Send again*; None unless it belongs where it was pressed."""
    reply, _, number = press.value.partition("|")
    parts = reply.split(":")
    here = [press.thread.team, press.thread.channel]
    if len(parts) != 3 or parts[:2] != here or not is_ts(parts[2]):  # noqa: PLR2004  (team:channel:ts)
        return None
    is_number = number.isascii() and number.isdigit() and len(number) <= 9  # noqa: PLR2004  (rounds)
    return (ReplyId(reply), int(number)) if is_number else None


def parse_unlink(press: Press) -> SessionId | None:
    """The session of an *Unlink*; None unless it belongs to the thread where it was pressed."""
    where, _, session = press.value.partition("|")
    thread = press.thread
    is_here = where == f"{thread.team}:{thread.channel}:{thread.thread_ts}"
    return parse_session(session) if is_here else None


def _looks_like_session(word: str) -> bool:
    lowered = word.lstrip("<`").lower()
    return lowered.startswith(("devin-", "https://app.devin.ai", "http://app.devin.ai"))
