"""A reply in a linked thread goes to its session; what Slack gets is its acknowledgement.

The acknowledgement is sent when the listener returns (`process_before_response`), so an exception
means that Slack sends the event again.
"""

from bot import messages
from bot.errors import NotLinked
from bot.models import Change
from bot.relay import Relay
from handlers import offers
from handlers.payloads import Payload, field, is_aside, parse_reply, parse_thread


async def take(relay: Relay, event: Payload, bot_user: str) -> None:
    """A message that is no command."""
    reply = parse_reply(event, relay.team, bot_user)
    change = Change.UNLINKED if reply is None else await relay.accept(reply)
    if change is Change.UNLINKED and offers.names_session(event):
        await offers.offer(relay, event, bot_user)


async def take_mention(relay: Relay, event: Payload, bot_user: str) -> None:
    """A mention that is no command; where no thread is linked, its author is told what to do."""
    if is_aside(field(event, "text"), bot_user):
        return
    reply = parse_reply(event, relay.team, bot_user)
    if reply is not None and await relay.accept(reply) is not Change.UNLINKED:
        return
    if offers.names_session(event) and await offers.offer(relay, event, bot_user):
        return
    thread, user = parse_thread(event, relay.team), field(event, "user")
    if thread is not None and user and not event.get("bot_id"):
        await relay.answers.whisper_once("hint", thread, user, messages.sorry(NotLinked()))
