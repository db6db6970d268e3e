"""Messages: each event is a change of one, a command, other words to the bot, or a reply.

They are most of what Slack brings, so a middleware takes them. For a listener, Bolt 1.30 builds
thirty possible arguments twice for each event: to match it, and to call it.

Before them, `Deliveries` notes what Slack delivers and what is refused, so that catch-up can read
what is missing. Events that no listener would act on are acknowledged before Bolt builds a request,
which takes it longer than all the rest. What is in doubt is the listeners'.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.model.errors import NotIdentified, StoreAway
from bot.model.record import first_of, mapping, string, strings
from bot.model.replies import Change, Deletion, Edit
from bot.model.threads import is_id
from bot.model.times import Micros, is_ts, ts_micros
from bot.model.verbs import Command
from bot.redis.keep import REVOKED
from bot.relay import UseCases
from bot.slack.app.workspace import Identity
from bot.store.checkpoints import Missed
from handlers import mentions, replies
from handlers.parse import messages
from handlers.parse.messages import Kind, Payload, Said, classify, is_spoken

log = logging.getLogger(__name__)

KINDS = ("message", "app_mention")

CHANNEL_CHANGES = frozenset(
    {
        *("channel_name", "channel_archive", "channel_unarchive", "channel_convert_to_private"),
        *("group_name", "group_archive", "group_unarchive"),
    }
)
"""Subtypes of messages (docs.slack.dev/reference/events/message)."""


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to messages, to mentions of the bot, which are events of their own, and to the rest.

    A private channel that is shared with another organization gets another id with that
    (docs.slack.dev/reference/events).
    """
    app.use(Messages(cases))

    @app.event("channel_id_changed")
    async def on_moved(event: Payload) -> None:
        old, new = string(event, "old_channel_id"), string(event, "new_channel_id")
        if is_id(old) and is_id(new) and old != new:
            await cases.linking.move(old, new)

    @app.event("channel_shared")
    async def on_shared(event: Payload) -> None:
        channel, other = string(event, "channel"), string(event, "connected_team_id")
        if not is_id(channel):
            return
        try:
            is_ours = await cases.workspace.people.is_home(other)
        except NotIdentified:
            is_ours = False
        if is_ours:
            await cases.workspace.channels.lookup.forget(channel)
        else:
            await cases.linking.shared(channel)

    @app.event("team_access_granted")
    @app.event("team_access_revoked")
    async def on_access(event: Payload) -> None:
        teams = list(filter(is_id, sorted(strings(event, "team_ids"))))
        is_lost = event.get("type") == "team_access_revoked"
        await cases.workspace.people.forget_workspaces()
        for team in teams:
            if is_lost:
                now = str(cases.workspace.clock.now)
                await cases.state.claims.claim(f"revoked:{team}", REVOKED, now)
            else:
                await _read_lost(cases, f"revoked:{team}")
        log.log(
            logging.WARNING if is_lost else logging.INFO,
            "workspace access revoked" if is_lost else "workspace access granted",
            extra={"teams": ", ".join(teams)},
        )


async def _read_lost(cases: UseCases, what: str) -> None:
    """Have threads read that may miss replies since a workspace that had the app revoked access."""
    claims, listening = cases.state.claims, cases.listening
    if (since := await claims.noted(what)) is not None:
        listening.missed(Micros(since))
        await listening.note()
        await claims.disclaim(what)


class Messages(AsyncMiddleware):
    """Acknowledges messages and mentions once they are handled; Bolt goes on with the rest."""

    def __init__(self, cases: UseCases) -> None:
        self._cases = cases

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002  (Bolt's signature)
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  (Bolt's signature)
    ) -> BoltResponse | None:
        """Handle the request of a message."""
        event = mapping(req.body.get("event"))
        kind = event.get("type") if req.body.get("type") == "event_callback" else None
        if kind not in KINDS:
            return await next()
        cases = self._cases
        # What Slack says of the channel around each event (docs.slack.dev/apis/events-api).
        channel = string(event, "channel")
        if is_id(channel) and req.body.get("is_ext_shared_channel") is True:
            await cases.linking.shared(channel)
        if is_id(channel) and string(event, "subtype") in CHANNEL_CHANGES:
            await cases.workspace.channels.lookup.forget(channel)
        if kind == "message" or not await mentions.is_left(cases, event):
            await _take(cases, event, kind)
        return await req.context.ack()


async def _take(cases: UseCases, event: Payload, kind: str) -> None:
    """Act on the event, of one of `KINDS`, of a message."""
    match messages.parse_event(event, cases.workspace.identity):
        case Deletion() as deletion:
            await cases.edits.delete(deletion)
        case Edit() as edit:
            await _edit(cases, edit, event)
        case Said(is_spoken=True) as said:
            await mentions.respond(cases, said, event, kind)
        case Said() as said:
            taken = await replies.receive(cases, said)
            if isinstance(taken, Command):
                await mentions.answer(cases, taken, kind)
            elif taken is Change.UNLINKED:
                await replies.offer_link(cases, said)


async def _edit(cases: UseCases, edit: Edit, event: Payload) -> None:
    """Apply an edit to a reply that waits for Devin, or tell that the bot acts on no edit."""
    place = {"channel": event.get("channel")}
    now, was = ({**mapping(event.get(key)), **place} for key in ("message", "previous_message"))
    may_be = edit.is_spoken or is_spoken(was, cases.workspace.identity)
    was_answered = may_be and await mentions.is_answered(cases, edit, now)
    await cases.edits.edit(edit.model_copy(update={"was_answered": was_answered}))


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The `Observer` of the app: it parses a payload, and `Listening` keeps the result."""

    cases: UseCases

    def brought(self, payload: Payload) -> None:
        """Learn Slack's time, and from `app_rate_limited` a minute in which Slack drops events."""
        if (at := _time_of(payload)) is not None:
            self.cases.workspace.clock.note(at)
        if payload.get("type") == "app_rate_limited":
            self.cases.listening.missed(minute_of(payload))

    async def is_foreign(self, payload: Payload) -> bool:
        """Whether no listener would act on a payload; False if Redis must say so, and cannot.

        Only messages are judged: the bot's own, changes that nobody made, and talk.
        """
        event = mapping(payload.get("event"))
        if payload.get("type") != "event_callback" or event.get("type") != "message":
            return False
        ours = self.cases.workspace.identity
        if messages.is_own(event, ours):
            return True
        tells_of_channel = string(event, "subtype") in CHANNEL_CHANGES
        if tells_of_channel or payload.get("is_ext_shared_channel") is True:
            return False
        if event.get("subtype") in messages.CHANGES:
            return messages.parse_change(event, ours) is None
        return await _is_talk(self.cases, event)

    def ended(self, payload: Payload, *, is_kept: bool) -> None:
        """Let an event that is kept vouch for earlier ones; have the thread of any other read."""
        event, ours = mapping(payload.get("event")), self.cases.workspace.identity
        if not is_kept and (missed := parse_missed(event, ours)):
            self.cases.listening.refused(missed)
        if is_kept and event and (at := _time_of(payload)) is not None:
            self.cases.listening.kept(at)

    def missed(self) -> None:
        """Have every thread read."""
        self.cases.listening.greeted()


async def _is_talk(cases: UseCases, event: Payload) -> bool:
    """Whether a message is neither for the bot, nor names a session, nor is in a linked thread."""
    ours = cases.workspace.identity
    thread, is_answer = messages.parse_thread(event, ours.tenant), messages.is_in_thread(event)
    if thread is None or (is_answer and cases.replies.is_known(thread)):
        return False
    if messages.names_session(event) or is_spoken(event, ours):
        return False
    if not is_answer:
        return True
    try:
        return not await cases.replies.is_linked(thread)
    except StoreAway:
        return False


def parse_missed(event: Payload, ours: Identity) -> Missed | None:
    """Find the place to read after a refused event, also of an edit; None if it is not ours."""
    message = messages.about(event)
    thread, ts = messages.parse_thread(message, ours.tenant), string(message, "ts")
    if event.get("type") not in KINDS or thread is None or not is_ts(ts):
        return None
    said = classify(message, ours)
    is_command = said is not None and said.kind is Kind.COMMAND
    is_for_bot = is_command or is_spoken(event, ours)
    is_reply = thread.thread_ts != ts
    return Missed(thread, ts_micros(ts), is_for_bot) if is_for_bot or is_reply else None


def minute_of(payload: Payload) -> Micros | None:
    """Return the minute from which on Slack dropped events, as `app_rate_limited` names it."""
    minute = str(payload.get("minute_rate_limited"))
    return ts_micros(minute) if is_ts(minute) else None


def _time_of(payload: Payload) -> Micros | None:
    """The time that Slack gives for a payload; None for a submitted form."""
    action = first_of(payload.get("actions")) or payload
    ts = string(mapping(payload.get("event")), "event_ts") or string(action, "action_ts")
    return ts_micros(ts) if is_ts(ts) else None
