"""The buttons with which `end` and `archive` ask back, in the thread of the session.

A pressed button's value counts only in its own thread, and the person needs the same permission as
for a reply.
"""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.model.errors import NotLinked
from bot.model.lenient import string
from bot.model.sessions import Closing
from bot.relay import Relay
from bot.wording import actions
from bot.wording.lifecycle import ending
from handlers.askers import Asker
from handlers.failures import ignored, telling
from handlers.parse.events import Payload
from handlers.parse.interactions import Press, parse_press, parse_unlink


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to the buttons."""

    @app.action(actions.END_SESSION)
    async def on_end(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        await close(Closing.END, body, respond)

    @app.action(actions.ARCHIVE_SESSION)
    async def on_archive(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        await close(Closing.ARCHIVE, body, respond)

    @app.action(actions.KEEP_SESSION)
    async def on_keep(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
            return
        async with telling(Asker.of(relay, press, respond)):
            await relay.check(press.by, press.thread.channel)
            note = ending.kept_by(await relay.name(press.by))
            relay.notices.press(press.message, press.thread.channel, note)

    async def close(how: Closing, body: Payload, respond: AsyncRespond) -> None:
        press = parse_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
        else:
            await relay.background.soon(_close(relay, how, press, Asker.of(relay, press, respond)))


async def _close(relay: Relay, how: Closing, press: Press, asker: Asker) -> None:
    async with telling(asker):
        session, thread = parse_unlink(press), press.thread
        if session is None:
            raise NotLinked
        asked = string(press.message, "ts")
        failure = await relay.ending.close(how, thread, session, press.by, asked)
        if failure is not None:
            await relay.notices.say(thread, failure)
            return
        note = ending.closed_by(how, await relay.name(press.by))
        relay.notices.press(press.message, thread.channel, note)
