"""Edits and deletions of messages; a reply that waits for Devin follows them.

Slack reports many changes that nobody made, above all link previews; those are ignored here.
Shapes: docs.slack.dev/reference/events/message/message_changed and message_deleted.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.people import UserId, is_id
from bot.model.record import mapping, string
from bot.model.replies import Deletion, Edit, Reply, deletion_of, reply_id
from bot.model.threads import is_ts, ts_micros
from bot.relay import UseCases
from bot.wording import actions, delivery_reports
from bot.wording.message import SlackMessage
from handlers.answering import on_press
from handlers.parse.events import REPLY_SUBTYPES, Payload, is_aside, parse_message, parse_thread
from handlers.parse.interactions import Press

CHANGES = ("message_changed", "message_deleted")
"""The subtypes of events that tell of a change."""


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to *Send correction*."""

    @on_press(app, cases, actions.SEND_CORRECTION)
    async def on_send_correction(press: Press) -> SlackMessage:
        await cases.edits.send(press.value, press.by, press.channel)
        return delivery_reports.CORRECTION_SENT


async def follow(cases: UseCases, event: Payload, bot_user: str) -> None:
    """Apply a change to a reply that waits for Devin."""
    change = parse_change(event, cases.workspace.team, bot_user)
    if isinstance(change, Deletion):
        await cases.edits.delete(change)
    elif change is not None:
        await cases.edits.edit(change)


def parse_change(event: Payload, team: str, bot_user: str) -> Deletion | Edit | None:
    """Parse an event of one of `CHANGES`; None if nobody has edited or deleted a message."""
    return parse_deletion(event, team, bot_user) or parse_edit(event, team, bot_user)


def parse_edit(event: Payload, team: str, bot_user: str) -> Edit | None:
    """Parse a message that its author has edited; None for every other change of a message.

    `edited` stays on an edited message, so that alone is not enough; where Slack does not show what
    the message was before, the time of the edit tells an echo from an edit that is new.
    """
    message, before = mapping(event.get("message")), mapping(event.get("previous_message"))
    edited = mapping(message.get("edited"))
    subtype = message.get("subtype")
    if not is_ts(edited.get("ts")) or not (subtype is None or subtype in REPLY_SUBTYPES):
        return None
    place = {"channel": event.get("channel")}
    reply, was = parse_message({**message, **place}, team), parse_message({**before, **place}, team)
    if reply is None or reply.author == bot_user:
        return None
    if was is not None and _said(was) == _said(reply):
        return None
    if not reply.bots and edited.get("user") != reply.author:
        return None
    # Several edits within a second have the same time; the event's own is exact, and later.
    when = event["ts"] if before and is_ts(event.get("ts")) else edited["ts"]
    return Edit(
        reply,
        ts_micros(when),
        is_aside=is_aside(reply, bot_user),
        was_aside=was is not None and is_aside(was, bot_user),
        drops_forwarded=not reply.forwarded and was is not None and bool(was.forwarded),
    )


def _said(message: Reply) -> tuple[object, ...]:
    """The parts that an edit changes; previews of links are not among them."""
    return message.text, message.blocks, message.forwarded


def parse_deletion(event: Payload, team: str, bot_user: str) -> Deletion | None:
    """Parse a deletion, also one where a tombstone keeps the thread together; else None."""
    message = mapping(event.get("message"))
    is_tombstone = message.get("subtype") == "tombstone"
    ts = message.get("ts") if is_tombstone else event.get("deleted_ts")
    channel = string(event, "channel")
    if not is_id(channel) or not is_ts(ts):
        return None
    before = mapping(event.get("previous_message"))
    thread = parse_thread({**before, "channel": channel, "ts": ts}, team) if before else None
    if thread is None:
        return Deletion(reply_id(team, channel, str(ts)), str(ts))
    user = string(before, "user")
    is_person = is_id(user) and user != bot_user and not before.get("bot_id")
    return deletion_of(thread, str(ts), UserId(user) if is_person else None)
