"""A channel's id changes when it is shared with another organization: its links end."""

from slack_bolt.async_app import AsyncApp

from bot.model.lenient import string
from bot.model.people import is_id
from bot.relay import Relay
from handlers.parse.events import Payload


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to `channel_id_changed` (docs.slack.dev/reference/events/channel_id_changed)."""

    @app.event("channel_id_changed")
    async def on_moved(event: Payload) -> None:
        old, new = string(event, "old_channel_id"), string(event, "new_channel_id")
        if is_id(old) and is_id(new) and old != new:
            await relay.channel_moves.move(old, new)
