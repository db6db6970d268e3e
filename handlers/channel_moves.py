"""A channel is shared with another organization: its threads go quiet, or its links end.

Slack gives a private channel another id with that.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.people import is_id
from bot.model.record import string
from bot.relay import UseCases
from handlers.parse.events import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to `channel_id_changed` and `channel_shared` (docs.slack.dev/reference/events)."""

    @app.event("channel_id_changed")
    async def on_moved(event: Payload) -> None:
        old, new = string(event, "old_channel_id"), string(event, "new_channel_id")
        if is_id(old) and is_id(new) and old != new:
            await cases.channel_moves.move(old, new)

    @app.event("channel_shared")
    async def on_shared(event: Payload) -> None:
        if is_id(channel := string(event, "channel")):
            await cases.channel_moves.shared(channel)
