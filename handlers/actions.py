"""The buttons under a report: *Send again* and *Unlink*, which is on a thread's card as well.

Anyone who can press a button can forge its value, so it counts only in the team, channel and thread
of the press, and the person needs the same permission as for a reply.
"""

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.model.errors import NoSuchReply
from bot.model.lenient import string
from bot.relay import Relay
from bot.wording import actions, delivery_reports, thread_links
from handlers.askers import Asker
from handlers.failures import ignored, telling
from handlers.parse.events import Payload
from handlers.parse.interactions import parse_press, parse_send_again, parse_unlink


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to the buttons."""

    @app.action(actions.SEND_AGAIN)
    async def on_send_again(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
            return
        async with telling(Asker.of(relay, press, respond)):
            asked = parse_send_again(press)
            if asked is None:
                raise NoSuchReply(already_sent=False)
            await relay.send_again(*asked, press.thread, press.by)
            note = delivery_reports.sent_again(await relay.name(press.by))
            relay.notices.press(press.message, press.thread.channel, note)

    @app.action(actions.UNLINK)
    async def on_unlink(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
            return
        async with telling(Asker.of(relay, press, respond)):
            thread = press.thread
            session = parse_unlink(press)
            if session is None:
                raise NoSuchReply(already_sent=False)
            link = await relay.unlink(thread, press.by, session)
            by = await relay.name(press.by)
            if await relay.cards.is_at(thread, link, string(press.message, "ts")):
                named = await relay.naming.one(link.session, most=0)
                await relay.notices.say(thread, thread_links.unlinked_by(named, by))
            else:
                note = delivery_reports.unlinked_by(by)
                relay.notices.press(press.message, thread.channel, note)
