"""Messages: each event is a change of one, a command, other words to the bot, or a reply.

Beside them, what Slack says of channels, and of workspaces to which an org-wide app has access.

They are most of what Slack brings, so a middleware takes them. For a listener, Bolt 1.30 builds
thirty possible arguments twice for each event: to match it, and to call it.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.model.errors import NotIdentified
from bot.model.people import is_id
from bot.model.record import mapping, string, strings
from bot.relay import UseCases
from bot.slack.channels import CHANGED
from handlers import edits, first_words, mentions, replies
from handlers.parse.commands import parse_command, parse_spoken
from handlers.parse.events import Payload

log = logging.getLogger(__name__)

KINDS = ("message", "app_mention")

LOST = timedelta(days=30)
"""The time for which it is known when a workspace removed the app."""

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
            await cases.channel_moves.move(old, new)

    @app.event("channel_shared")
    async def on_shared(event: Payload) -> None:
        channel, other = string(event, "channel"), string(event, "connected_team_id")
        if is_id(channel) and await _is_home(cases, other):
            await cases.workspace.channels.note(channel, CHANGED)
        elif is_id(channel):
            await cases.channel_moves.shared(channel)

    @app.event("team_access_granted")
    @app.event("team_access_revoked")
    async def on_access(event: Payload) -> None:
        teams = list(filter(is_id, sorted(strings(event, "team_ids"))))
        is_lost = event.get("type") == "team_access_revoked"
        await cases.workspace.people.forget_workspaces()
        for team in teams:
            await (_note_lost if is_lost else _read_lost)(cases, f"revoked:{team}")
        level, what = (logging.WARNING, "revoked") if is_lost else (logging.INFO, "granted")
        log.log(level, "workspace access %s", what, extra={"teams": ", ".join(teams)})


async def _note_lost(cases: UseCases, what: str) -> None:
    await cases.state.claims.claim(what, LOST, str(cases.workspace.clock.now))


async def _read_lost(cases: UseCases, what: str) -> None:
    """Have threads read that may miss replies since access was revoked, of which Slack was silent.

    Only workspaces that had the app before need that.
    """
    claims, listening = cases.state.claims, cases.accepting.listening
    if (since := await claims.noted(what)) is not None:
        listening.missed(int(since))
        await listening.note()
        await claims.disclaim(what)


async def _is_home(cases: UseCases, place: str) -> bool:
    """Return True if `place` is a workspace of ours, as far as Slack says."""
    try:
        return await cases.workspace.people.is_home(place)
    except NotIdentified:
        return False


class Messages(AsyncMiddleware):
    """Acknowledges messages and mentions once they are handled; Bolt goes on with the rest."""

    def __init__(self, cases: UseCases) -> None:
        self._cases = cases
        self._bot_user = cases.workspace.identity.user

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
        await _heed(self._cases, event, req.body)
        await self._on_message(event, kind)
        return await req.context.ack()

    async def _on_message(self, event: Payload, kind: str) -> None:
        cases, bot_user = self._cases, self._bot_user
        words = event, cases.workspace.team, bot_user
        if kind == "message" and event.get("subtype") in edits.CHANGES:
            await edits.follow(cases, event, bot_user)
        elif (command := parse_command(*words)) is not None:
            await mentions.answer(cases, command, kind)
        elif (spoken := parse_spoken(*words)) is not None:
            await first_words.hear(cases, spoken, event, kind)
        else:
            await replies.accept(cases, event, bot_user)


async def _heed(cases: UseCases, event: Payload, body: Payload) -> None:
    """Heed what Slack says of the channel around each event (docs.slack.dev/apis/events-api)."""
    if channel := shared_channel(event, body):
        await cases.channel_moves.shared(channel)
    if channel := changed_channel(event):
        await cases.workspace.channels.note(channel, CHANGED)


def shared_channel(event: Payload, body: Payload) -> str:
    """The channel of an event, if another organization shares it; else ""."""
    channel = string(event, "channel") if body.get("is_ext_shared_channel") is True else ""
    return channel if is_id(channel) else ""


def changed_channel(event: Payload) -> str:
    """The channel of an event, if it tells that its name or its kind has changed; else ""."""
    channel = string(event, "channel") if string(event, "subtype") in CHANNEL_CHANGES else ""
    return channel if is_id(channel) else ""
