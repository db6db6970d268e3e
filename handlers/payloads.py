"""Slack's payloads, parsed: from whatever may arrive to values, or None for what is not ours.

Shapes: docs.slack.dev/reference/events, interaction payloads and slash commands. Nothing here
raises on a malformed payload, since an exception would have Slack send it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.markup import strip_mention
from bot.models import (
    Attached,
    Reply,
    ReplyId,
    SessionId,
    ThreadRef,
    UserId,
    parse_session,
    ts_micros,
)

Payload = Mapping[str, Any]

REPLY_SUBTYPES = ("thread_broadcast", "me_message", "file_share", "bot_message")
ASIDES = ("(aside)", "!aside")
"""Devin's own convention for what it shall not read (docs.devin.ai/integrations/slack)."""

ALONE = frozenset({"unlink", "status", "mute", "unmute", "help"})


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asked for by mentioning the bot: `verb`, and `argument` for `link`."""

    verb: str
    argument: str
    thread: ThreadRef
    by: UserId
    ts: str


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


def parse_reply(event: Payload, team: str, bot_user: str) -> Reply | None:
    """A threaded reply of a person or a bot; None for everything else that Slack calls a message.

    `message_replied` arrives without its subtype, hence the look at the author.
    """
    thread = parse_thread(event, team)
    ts = _text(event, "ts")
    user, bot = _text(event, "user"), _text(event, "bot_id")
    if thread is None or thread.thread_ts == ts or not (user or bot):
        return None
    subtype = event.get("subtype")
    if event.get("hidden") or not (subtype is None or subtype in REPLY_SUBTYPES):
        return None
    text = _text(event, "text")
    if is_aside(text, bot_user):
        return None
    is_bot = bool(bot) or subtype == "bot_message"
    return Reply(
        thread=thread,
        ts=ts,
        author=UserId(user or bot),
        bots=tuple(filter(None, (bot, _text(event, "app_id"), user))) if is_bot else (),
        text=text,
        blocks=_rich_text(event),
        files=_files(event),
    )


def parse_thread(event: Payload, team: str) -> ThreadRef | None:
    """The thread an event's message stands in, or would begin."""
    channel, ts = _text(event, "channel"), _text(event, "ts")
    root = event.get("thread_ts") or ts
    if not _is_id(channel) or not _is_ts(ts) or not _is_ts(root):
        return None
    return ThreadRef(team=team, channel=channel, thread_ts=root)


def parse_command(event: Payload, team: str, bot_user: str) -> Command | None:
    """A mention that begins a message and is followed by one of our words; None for talk.

    `link` takes one word. What has more, and no session first, is talk: "link the PR to …".
    """
    thread = parse_thread(event, team)
    user = _text(event, "user")
    if thread is None or not user or event.get("bot_id") or event.get("subtype") is not None:
        return None
    after = strip_mention(_text(event, "text"), bot_user)
    if after is None:
        return None
    first, *others = after.split(maxsplit=1) or ["help"]
    verb, argument = first.lower(), others[0] if others else ""
    if verb == "link" and not parse_session(argument):  # else a link, whose label may have blanks
        argument, *more = argument.split() or [""]
        if more and not parse_session(argument):
            return None
    elif verb != "link" and (verb not in ALONE or argument):
        return None
    return Command(verb, argument, thread, UserId(user), _text(event, "ts"))


def parse_say(command: Payload) -> Say:
    """The words of a `/devin-say`: a session first, if there is one, then the message."""
    text = _text(command, "text").strip()
    first, rest = (*text.split(maxsplit=1), "", "")[:2]
    session = parse_session(first)
    named = session is not None or _looks_like_session(first)
    return Say(
        channel=_text(command, "channel_id"),
        by=UserId(_text(command, "user_id")),
        session_word=first if named else None,
        session=session,
        text=rest.strip() if named else text,
    )


def parse_press(body: Payload, team: str) -> Press | None:
    """A button of a message of ours; None where the payload does not say who, where and what."""
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    message = body.get("message")
    channel = _text(_mapping(body.get("channel")), "id")
    user = _text(_mapping(body.get("user")), "id")
    if not isinstance(message, Mapping) or not user:
        return None
    root = message.get("thread_ts") or _mapping(body.get("container")).get("thread_ts")
    thread = parse_thread({**message, "channel": channel, "thread_ts": root}, team)
    if thread is None:
        return None
    return Press(UserId(user), thread, message, _text(_mapping(action), "value"))


def parse_send_again(press: Press) -> tuple[ReplyId, int] | None:
    """The reply and its round in a *Send again*; None unless it belongs where it was pressed."""
    reply, _, number = press.value.partition("|")
    parts = reply.split(":")
    here = [press.thread.team, press.thread.channel]
    if len(parts) != 3 or parts[:2] != here or not _is_ts(parts[2]):  # noqa: PLR2004  (team:channel:ts)
        return None
    is_number = number.isascii() and number.isdigit() and len(number) <= 9  # noqa: PLR2004  (rounds)
    return (ReplyId(reply), int(number)) if is_number else None


def parse_unlink(press: Press) -> SessionId | None:
    """The session of an *Unlink*; None unless it belongs to the thread where it was pressed."""
    where, _, session = press.value.partition("|")
    thread = press.thread
    is_here = where == f"{thread.team}:{thread.channel}:{thread.thread_ts}"
    return parse_session(session) if is_here else None


def is_aside(text: str, bot_user: str) -> bool:
    """Whether a reply is not meant for Devin, also when it begins with a mention of the bot."""
    after = strip_mention(text, bot_user)
    return (text if after is None else after).lstrip().lower().startswith(ASIDES)


def _looks_like_session(word: str) -> bool:
    lowered = word.lstrip("<`").lower()
    return lowered.startswith(("devin-", "https://app.devin.ai", "http://app.devin.ai"))


def _rich_text(event: Payload) -> tuple[dict[str, Any], ...]:
    blocks = event.get("blocks")
    if not isinstance(blocks, list):
        return ()
    return tuple(
        _clean(block)
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "rich_text"
    )


def _files(event: Payload) -> tuple[Attached, ...]:
    files = event.get("files")
    return tuple(
        Attached(
            name=_text(file, "title") or _text(file, "name") or _text(file, "id") or "file",
            permalink=_text(file, "permalink"),
        )
        for file in (files if isinstance(files, list) else [])
        if isinstance(file, dict)
    )


def _clean(value: Any, depth: int = 0) -> Any:
    """`value` without what JSON in UTF-8 cannot hold (lone surrogates), and not bottomless."""
    if depth > 50:  # noqa: PLR2004  (Slack nests a rich_text block five deep)
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(str(k)): _clean(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean(one, depth + 1) for one in value]
    return value if isinstance(value, int | float | bool) else None


def _text(payload: Payload, key: str) -> str:
    value = payload.get(key)
    return str(_clean(value)) if isinstance(value, str) else ""


def _mapping(value: Any) -> Payload:
    return value if isinstance(value, Mapping) else {}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _is_ts(value: Any) -> bool:
    try:
        ts_micros(value)
    except (ValueError, AttributeError):
        return False
    return True
