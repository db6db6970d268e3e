"""`/devin-say`: a message for Devin from a channel, in a thread of its own.

Slack waits 3 s for a command's acknowledgement and then tells the person that it failed, so it is
acknowledged before anything is asked of Redis or Slack.
"""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot import messages
from bot.errors import BadSession
from bot.relay import Relay
from handlers.errors import telling
from handlers.interactions import Say, parse_say
from handlers.payloads import Payload


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to `/devin-say`."""

    @app.command("/devin-say")
    async def on_say(ack: AsyncAck, command: Payload, respond: AsyncRespond) -> None:
        say = parse_say(command)
        if say.session_word is not None and say.session is None:
            await ack(text=messages.sorry(BadSession(say.session_word)).text)
        elif not say.text or (say.session is None and say.text.lower() == "help"):
            await ack(text=messages.USAGE.text)
        else:
            await ack()
            relay.answers.later(_say(relay, say, respond))


async def _say(relay: Relay, say: Say, respond: AsyncRespond) -> None:
    async with telling(respond):
        await relay.saying.say(say.channel, say.by, say.session, say.text)
