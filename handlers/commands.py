"""`/devin-say`: a message for Devin from a channel, in a thread of its own.

Slack waits 3 s for a command's acknowledgement and then tells the person that it failed, so it is
acknowledged before anything is asked of Redis or Slack.
"""

from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot import messages
from bot.dialogs import View
from bot.errors import BadSession, ChooseSession
from bot.relay import Relay
from handlers.dialogs import Opening, show
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
        elif (say.session is not None and not say.text) or (
            say.session is None and say.text.lower() == "help"
        ):
            await ack(text=messages.USAGE.text)
        elif not say.text:
            await ack()
            opening = Opening(messages.SAY_TITLE, say.trigger, respond, thread_ts=None)
            relay.answers.later(show(relay, opening, partial(_form, relay, say)))
        else:
            await ack()
            relay.answers.later(_say(relay, say, respond))


async def _form(relay: Relay, say: Say) -> View:
    return await relay.asking.form(say.channel, say.by)


async def _say(relay: Relay, say: Say, respond: AsyncRespond) -> None:
    async with telling(respond):
        try:
            await relay.saying.say(say.channel, say.by, say.session, say.text)
        except ChooseSession as error:
            if not error.links:
                raise
            sessions = [link.session for _, link in error.links]
            menu = await relay.asking.menu(say.channel, say.by, sessions, say.text)
            await respond(text=menu["text"], blocks=menu["blocks"])
