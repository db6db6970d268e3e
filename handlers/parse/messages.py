"""Parsers of messages, as Slack's events bring them.

Each returns a value, or None for a payload that is not ours. Nothing here raises on a malformed
payload, since an exception would have Slack send it again. Shapes: docs.slack.dev/reference/events.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bot.model.files import AttachedFile, Forwarded
from bot.model.people import UserId
from bot.model.record import mapping, mappings, string
from bot.model.replies import Deletion, Edit, Reply, reply_id
from bot.model.sessions import SESSION_ADDRESS, SessionId, find_session
from bot.model.threads import ThreadRef, is_direct, is_id
from bot.model.times import is_ts, ts_micros
from bot.model.verbs import Command
from bot.relay.lifecycle.starting import Start
from bot.slack.app.workspace import Identity
from bot.slack.files import attached
from bot.text import to_devin
from bot.text.content import attachments, content, shared
from bot.text.speakers import one_line
from bot.text.to_devin import strip_mention, to_markdown
from handlers.parse.commands import parse_command, parse_guess

Payload = Mapping[str, Any]

REPLY_SUBTYPES = (None, "", "thread_broadcast", "me_message", "file_share", "bot_message")
"""What a person or a bot wrote; Slack's samples, and tools that send them, leave it blank."""

COMMAND_SUBTYPES = (None, "", "thread_broadcast", "file_share")
"""Of a command with one of these, the `app_mention` beside it has none, and is obeyed."""

CHANGES = ("message_changed", "message_deleted")
"""The subtypes of events that tell of a change: docs.slack.dev/reference/events/message.

Slack reports many that nobody made, above all link previews.
"""

# `.invalid` is the local Slack's: nobody can own such an address (RFC 2606).
_PERMALINK = re.compile(
    r"(https://[a-z0-9-]+(?:\.enterprise)?\.(?:slack\.com|slack-gov\.com|slack\.invalid)"
    r"/archives/[A-Za-z0-9_-]{1,80}/p[0-9]{10,20})"
    r"(\?thread_ts=[0-9]{10}\.?[0-9]{6})?(?:&(?:amp;)?cid=[A-Z0-9]{1,30})?"
)


class Kind(Enum):
    """What a message is to the bot: a command, one that is mistyped, an aside, or other words."""

    COMMAND = auto()
    NEAR_MISS = auto()
    ASIDE = auto()
    REPLY = auto()
    TALK = auto()


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a person or a bot, and what it is: a `REPLY` answers another, `TALK` doesn't.

    `command` is that of a command, or the one that a near miss stands for. `is_spoken`: a person
    says it to the bot, and it is no aside.
    """

    kind: Kind
    message: Reply
    command: Command | None = None
    is_spoken: bool = False

    @property
    def names(self) -> SessionId | None:
        """The session that a person's message names, unless that is an aside."""
        is_meant = self.kind is not Kind.ASIDE and not self.message.bots
        return find_session(self.message.text) if is_meant else None


def parse_event(event: Payload, ours: Identity) -> Edit | Deletion | Said | None:
    """Parse the event of a message; None if nobody has written, edited or deleted one."""
    if event.get("subtype") in CHANGES:
        return parse_change(event, ours)
    return classify(event, ours)


def classify(event: Payload, ours: Identity, *, unlinked: bool = False) -> Said | None:
    """Say what a message is, for whoever reads it; None if neither a person nor a bot wrote it.

    Nothing else decides: an event, one that comes late, the backfill, a start, and an edit ask
    this. For `unlinked`, see `parse_command`.
    """
    message = parse_message(event, ours.tenant) if is_said(event) else None
    if message is None:
        return None
    is_spoken = not message.bots and is_for_bot(message.text, message.thread.channel, ours.user)
    if is_spoken and event.get("subtype") in COMMAND_SUBTYPES:
        if command := parse_command(message, ours, unlinked=unlinked):
            return Said(Kind.COMMAND, message, command, is_spoken)
        if guess := parse_guess(message, ours, unlinked=unlinked):
            return Said(Kind.NEAR_MISS, message, guess, is_spoken)
    if is_aside(message):
        return Said(Kind.ASIDE, message)
    return Said(Kind.REPLY if is_in_thread(event) else Kind.TALK, message, None, is_spoken)


def is_spoken(event: Payload, ours: Identity) -> bool:
    """Whether a person says a message to the bot, as a command or as words."""
    said = classify(event, ours)
    return said is not None and said.is_spoken


def parse_asked(message: Payload, start: Start, ours: Identity) -> Reply | None:
    """Parse the message that asks for `start`, as `conversations.replies` shows it now.

    Its text is the prompt, which is all of it if `start` is talk. None if it asks for none.
    """
    event = {**message, "channel": start.thread.channel}
    said = classify(event, ours, unlinked=True)
    if said is None or said.kind is Kind.ASIDE:
        return None
    prompt, found = None, said.message
    if said.command is None and start.is_talk:
        prompt = strip_mention(found.text, ours.user) or found.text
    elif said.command is not None and said.command.verb == "start":
        prompt = said.command.argument
    return None if prompt is None else found.model_copy(update={"text": prompt})


def parse_earlier(message: Payload, thread: ThreadRef, ours: Identity) -> Reply | None:
    """Parse a message of a thread that Devin may read; None for asides, commands and our posts."""
    event = {**message, "channel": thread.channel}
    said = None if is_own(message, ours) else classify(event, ours)
    return said.message if said is not None and said.kind in {Kind.REPLY, Kind.TALK} else None


def is_left_to_message(event: Payload, ours: Identity) -> bool:
    """Whether an `app_mention` has no words: it may lack files, which the `message` event has."""
    return strip_mention(string(event, "text"), ours.user) == "" and not event.get("edited")


def parse_reply(event: Payload, ours: Identity) -> Reply | None:
    """Parse a threaded reply of a person or a bot; None for any other kind of message event.

    `message_replied` arrives without its subtype, hence the look at the author.
    """
    return parse_meant(event, ours) if is_in_thread(event) and is_said(event) else None


def is_in_thread(event: Payload) -> bool:
    """Whether a message answers another one, rather than begin a thread."""
    root = event.get("thread_ts")
    return bool(root) and root != event.get("ts")


def is_said(event: Payload) -> bool:
    """Whether a person or a bot wrote a message, and it's still there: no join, no tombstone."""
    return not event.get("hidden") and event.get("subtype") in REPLY_SUBTYPES


def is_own(event: Payload, ours: Identity) -> bool:
    """Whether the bot itself wrote a message; Bolt drops its events before any listener."""
    return event.get("user") == ours.user or (bool(ours.bot) and event.get("bot_id") == ours.bot)


def parse_message(event: Payload, team: str) -> Reply | None:
    """Parse a message, in a thread or as the beginning of one, as it would go to Devin."""
    thread = parse_thread(event, team)
    user, bot = string(event, "user"), string(event, "bot_id")
    if thread is None or not (user or bot):
        return None
    # Where a posting bot is installed; a `bot_message` may leave it out.
    home = string(mapping(event.get("bot_profile")), "team_id") or string(event, "team")
    return Reply(
        thread=thread,
        ts=string(event, "ts"),
        author=UserId(user or bot),
        bots=tuple(filter(None, (bot, string(event, "app_id"), user))) if is_bot(event) else (),
        home=home if is_bot(event) else "",
        app=string(event, "app_id"),
        text=string(event, "text"),
        blocks=content(event, is_typed=not is_bot(event)),
        files=_files(event),
        forwarded=parse_forwarded(event),
    )


def parse_meant(event: Payload, ours: Identity) -> Reply | None:
    """Parse a message like `parse_message`; None for an aside."""
    message = parse_message(event, ours.tenant)
    return None if message is None or is_aside(message) else message


def is_bot(event: Payload) -> bool:
    """Whether an app wrote the message, on its own behalf or on a person's."""
    return bool(string(event, "bot_id")) or event.get("subtype") == "bot_message"


def parse_forwarded(event: Payload) -> tuple[Forwarded, ...]:
    """Parse the messages that a person forwards with their own.

    Slack does not document them. Each is an attachment with `is_share`; the preview of a permalink
    has the same fields without it. Captured by others: `share_with_message` and
    `share_without_message` of MercuryTechnologies/slack-web (2022, 2024); exports in r-devel/rcwg
    (2022 to 2025) and de-dale/de-dale.github.io (2017: also an attachment that is itself shared);
    with `blocks` and `files`, NousResearch/hermes-agent#75481 and #96384 (2026).
    """
    return tuple(_forwarded(one) for one in attachments(event) if one.get("is_share") is True)


def parse_thread(event: Payload, team: str) -> ThreadRef | None:
    """The thread an event's message stands in, or would begin."""
    channel, ts = string(event, "channel"), string(event, "ts")
    root = event.get("thread_ts") or ts
    if not is_id(channel) or not is_ts(ts) or not is_ts(root):
        return None
    return ThreadRef(team=team, channel=channel, thread_ts=root)


def about(event: Payload) -> Payload:
    """Return the message that an event is about: for an edit or a deletion, that one."""
    inner = mapping(event.get("message")) or mapping(event.get("previous_message")) or event
    return {**inner, "channel": event.get("channel")}


def parse_id(event: Payload, team: str) -> str | None:
    """The id of the message that an event is about."""
    message = about(event)
    is_one = parse_thread(message, team) is not None
    return reply_id(team, message["channel"], message["ts"]) if is_one else None


def is_for_bot(text: str, channel: str, bot_user: str) -> bool:
    """Whether a message names the bot, or is in its direct message."""
    return f"<@{bot_user}>" in text or f"<@{bot_user}|" in text or is_direct(channel)


def is_aside(message: Reply) -> bool:
    """Whether a message is not meant for Devin; an app may say so in its blocks alone.

    The first block may be a text that the second one does not show.
    """
    if to_devin.is_aside(message.text):
        return True
    is_text = bool(message.text.strip()) and not message.bots
    heads = () if is_text else (to_markdown("", [one]) for one in message.blocks[:2])
    return any(to_devin.is_aside(one) for one in heads)


def _forwarded(share: Payload) -> Forwarded:
    author, channel = string(share, "author_id"), string(share, "channel_id")
    subname = "" if is_id(author) else string(share, "author_subname")
    return Forwarded(
        author=author if is_id(author) else "",
        name=one_line(string(share, "author_name") or subname),
        channel=channel if is_id(channel) else "",
        place=one_line(string(share, "channel_name")).removeprefix("#"),
        permalink=_permalink(string(share, "from_url")),
        blocks=shared(share),
        files=_files(share),
    )


def _permalink(address: str) -> str:
    """A permalink without the parts that only the client needs; "" for any other address."""
    found = _PERMALINK.fullmatch(address)
    return f"{found[1]}{found[2] or ''}" if found else ""


def _files(event: Payload) -> tuple[AttachedFile, ...]:
    return tuple(attached(file) for file in mappings(event.get("files")))


def names_session(event: Payload) -> bool:
    """Whether a message may name a session; every message that is not ours passes this."""
    text = event.get("text")
    return isinstance(text, str) and SESSION_ADDRESS in text


def parse_change(event: Payload, ours: Identity) -> Deletion | Edit | None:
    """Parse an event of one of `CHANGES`; None if nobody has edited or deleted a message."""
    return parse_deletion(event, ours) or parse_edit(event, ours)


def parse_edit(event: Payload, ours: Identity) -> Edit | None:
    """Parse a message that its author has edited; None for every other change of a message.

    `edited` stays on an edited message, so that alone is not enough; where Slack does not show what
    the message was before, the time of the edit tells an echo from an edit that is new.
    """
    message, before = mapping(event.get("message")), mapping(event.get("previous_message"))
    edited = mapping(message.get("edited"))
    if not is_ts(edited.get("ts")) or message.get("subtype") not in REPLY_SUBTYPES:
        return None
    reply, was = (
        parse_message({**one, "channel": event.get("channel")}, ours.tenant)
        for one in (message, before)
    )
    if reply is None or reply.author == ours.user:
        return None
    if was is not None and _said(was) == _said(reply):
        return None
    if not reply.bots and edited.get("user") != reply.author:
        return None
    # Several edits within a second have the same time; the event's own is exact, and later.
    when = event["ts"] if before and is_ts(event.get("ts")) else edited["ts"]
    return Edit(
        reply=reply,
        edited=ts_micros(when),
        is_aside=is_aside(reply),
        is_spoken=is_spoken({**message, "channel": event.get("channel")}, ours),
        was_aside=was is not None and is_aside(was),
        drops_forwarded=not reply.forwarded and was is not None and bool(was.forwarded),
    )


def _said(message: Reply) -> tuple[object, ...]:
    """The parts that an edit changes; previews of links are not among them."""
    return message.text, message.blocks, message.forwarded


def parse_deletion(event: Payload, ours: Identity) -> Deletion | None:
    """Parse a deletion, also one where a tombstone keeps the thread together; else None."""
    message = mapping(event.get("message"))
    is_tombstone = message.get("subtype") == "tombstone"
    ts = message.get("ts") if is_tombstone else event.get("deleted_ts")
    channel = string(event, "channel")
    if not is_id(channel) or not is_ts(ts):
        return None
    before = mapping(event.get("previous_message"))
    found = {**before, "channel": channel, "ts": ts}
    thread = parse_thread(found, ours.tenant) if before else None
    deleted = reply_id(ours.tenant, channel, str(ts))
    if thread is None:
        return Deletion(id=deleted, ts=str(ts))
    user = string(before, "user")
    is_person = is_id(user) and user != ours.user and not before.get("bot_id")
    author = UserId(user) if is_person else None
    return Deletion(id=deleted, ts=str(ts), thread=thread, author=author)
