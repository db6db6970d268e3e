"""Messages: each event is a change of one, a command, or a reply.

One listener takes all three. Bolt builds the arguments of each listener's matchers for every event,
including those that are not ours, before it knows which listener fits.
"""

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from bot.model.lenient import string
from bot.model.people import is_id
from bot.relay import Relay
from handlers import edits, mentions, replies
from handlers.parse.events import Payload, parse_command


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to messages, and to mentions of the bot, which Slack sends as events of their own."""

    @app.event("message")
    async def on_message(event: Payload, body: Payload, context: AsyncBoltContext) -> None:
        await _note_sharing(relay, event, body)
        bot_user = context.bot_user_id or ""
        if event.get("subtype") in edits.CHANGES:
            await edits.follow(relay, event, bot_user)
        elif (command := parse_command(event, relay.workspace.team, bot_user)) is not None:
            await mentions.answer(relay, command, "message")
        else:
            await replies.accept(relay, event, bot_user)

    @app.event("app_mention")
    async def on_mention(event: Payload, body: Payload, context: AsyncBoltContext) -> None:
        await _note_sharing(relay, event, body)
        bot_user = context.bot_user_id or ""
        command = parse_command(event, relay.workspace.team, bot_user)
        if command is not None:
            await mentions.answer(relay, command, "app_mention")
        else:
            await replies.accept_mention(relay, event, bot_user)


async def _note_sharing(relay: Relay, event: Payload, body: Payload) -> None:
    """Heed what Slack says of the channel around each event (docs.slack.dev/apis/events-api)."""
    if body.get("is_ext_shared_channel") is True and is_id(channel := string(event, "channel")):
        await relay.channel_moves.shared(channel)
