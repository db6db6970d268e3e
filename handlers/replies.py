"""Replies in linked threads: each is accepted for its session, then acknowledged to Slack.

The acknowledgement is sent when the listener returns (`process_before_response`), so an exception
means that Slack sends the event again. Where somebody posts a session's address in another thread,
they are offered a link.

A reply that waits for Devin follows its edits and its deletion. Slack reports many changes that
nobody made, above all link previews; those are ignored. Shapes:
docs.slack.dev/reference/events/message/message_changed and message_deleted.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import SlackRefused
from bot.model.people import UserId, is_id
from bot.model.record import mapping, string
from bot.model.replies import Change, Deletion, Edit, Evidence, Reply, deletion_of, reply_id
from bot.model.sessions import SESSION_ADDRESS, SessionId, find_session
from bot.model.threads import ThreadRef, is_ts, ts_micros
from bot.relay import UseCases
from bot.slack.threads import NO_SUCH_THREAD
from bot.text import to_devin
from bot.wording import actions, delivery_reports, refusals, thread_links
from bot.wording.message import SlackMessage
from handlers.answering import on_press
from handlers.parse.interactions import Press
from handlers.parse.messages import (
    REPLY_SUBTYPES,
    Payload,
    is_aside,
    is_in_thread,
    parse_message,
    parse_reply,
    parse_thread,
)


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to *Link this thread* and *Send correction*; `events` brings the messages."""

    @on_press(app, cases, actions.LINK_OFFERED)
    async def on_offer_taken(press: Press) -> SlackMessage:
        session = await cases.link_form.take_up(press.value, press.by, press.channel)
        return thread_links.offer_taken(session)

    @on_press(app, cases, actions.SEND_CORRECTION)
    async def on_send_correction(press: Press) -> SlackMessage:
        await cases.edits.send(press.value, press.by, press.channel)
        return delivery_reports.CORRECTION_SENT


async def accept(cases: UseCases, event: Payload, bot_user: str) -> None:
    """Accept a message that is not for the bot itself, or offer a link for it."""
    change = await take(cases, event, bot_user)
    if change is Change.UNLINKED:
        await offer_link(cases, event, bot_user)


async def take(cases: UseCases, event: Payload, bot_user: str) -> Change:
    """Accept a reply as delivered, or, if that may be outdated, as it is in its thread now."""
    reply = parse_reply(event, cases.workspace.team, bot_user)
    if reply is None:
        await _tell_aside(cases, event, bot_user)
        return Change.UNLINKED
    change = await cases.replies.accept(reply)
    if change is not Change.LATE:
        return change
    now = await read_again(cases, reply)
    if now is None or is_aside(now, bot_user):
        return change
    return await cases.replies.accept(now, Evidence.THREAD)


async def read_again(cases: UseCases, message: Reply) -> Reply | None:
    """Return a message as it is now, or as it was if Slack doesn't show it; None if it's gone."""
    try:
        found = await cases.workspace.threads.message(message.thread, message.ts)
    except SlackRefused as error:
        return None if error.reason in NO_SUCH_THREAD else message
    if found is None or found.get("subtype") == "tombstone":
        return None
    return parse_message({**found, "channel": message.thread.channel}, message.thread.team)


async def _tell_aside(cases: UseCases, event: Payload, bot_user: str) -> None:
    """Tell a person that a reply counts as an aside, unless it begins with the very words.

    One who may not steer Devin is told that instead.
    """
    thread, user = parse_thread(event, cases.workspace.team), string(event, "user")
    text, is_reply = string(event, "text"), is_in_thread(event) and not event.get("bot_id")
    if not is_reply or not user or not to_devin.is_aside(text, bot_user):
        return
    is_plain = to_devin.is_plain(text, bot_user)
    if thread is None or is_plain or not await cases.replies.is_linked(thread):
        return
    ts = string(event, "ts")
    about = reply_id(thread.team, thread.channel, ts)
    await cases.accepting.check(UserId(user), thread.channel, reply_id=about)
    once = f"aside:{ts}"
    await cases.notices.whisper(thread, user, refusals.KEPT_ASIDE, once=once)


def names_session(event: Payload) -> bool:
    """Whether a message may name a session; every message that is not ours passes this."""
    text = event.get("text")
    return isinstance(text, str) and SESSION_ADDRESS in text


async def offer_link(cases: UseCases, event: Payload, bot_user: str) -> bool:
    """Offer the author of a message to link its thread to the session it names, once a thread.

    Return True if that is done, or was done at another event of the same message.
    """
    named = parse_named(event, cases.workspace.team, bot_user) if names_session(event) else None
    return named is not None and await cases.link_form.offer(*named)


def parse_named(
    event: Payload, team: str, bot_user: str
) -> tuple[ThreadRef, UserId, SessionId, str] | None:
    """Parse a person's message that names a session: its thread, author, session and `ts`.

    None for bots, edits, asides and the rest.
    """
    thread, user, text = parse_thread(event, team), string(event, "user"), string(event, "text")
    subtype = event.get("subtype")
    is_message = subtype is None or (isinstance(subtype, str) and subtype in REPLY_SUBTYPES)
    if thread is None or not user or event.get("bot_id") or event.get("hidden") or not is_message:
        return None
    session = find_session(text)
    if session is None or to_devin.is_aside(text, bot_user):
        return None
    return thread, UserId(user), session, string(event, "ts")


CHANGES = ("message_changed", "message_deleted")
"""The subtypes of events that tell of a change."""


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
