"""A reply in a linked thread goes to its session; what Slack gets is its acknowledgement.

The acknowledgement is sent when the listener returns (`process_before_response`), so an exception
means that Slack sends the event again.
"""

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from bot import messages
from bot.errors import NotLinked
from bot.models import Change
from bot.relay import Relay
from handlers.payloads import Payload, is_aside, parse_reply, parse_thread


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to messages, and to mentions that are no command."""

    @app.event("message")
    async def on_reply(event: Payload, context: AsyncBoltContext) -> None:
        reply = parse_reply(event, relay.team, context.bot_user_id or "")
        if reply is not None:
            await relay.accept(reply)

    @app.event("app_mention")
    async def on_mention(event: Payload, context: AsyncBoltContext) -> None:
        bot_user = context.bot_user_id or ""
        if is_aside(str(event.get("text") or ""), bot_user):
            return
        reply = parse_reply(event, relay.team, bot_user)
        if reply is not None and await relay.accept(reply) is not Change.UNLINKED:
            return
        thread, user = parse_thread(event, relay.team), str(event.get("user") or "")
        if thread is not None and user and not event.get("bot_id"):
            await relay.answers.whisper_once("hint", thread, user, messages.sorry(NotLinked()))
