"""The buttons under what Devin asks: its options, and *Approve*."""

import re

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.model.errors import AnsweredAlready, MovedOn
from bot.model.lenient import string
from bot.relay import Relay
from bot.wording import actions
from bot.wording.mirror import notices as mirror_notices
from handlers.askers import Asker
from handlers.failures import ignored, telling
from handlers.parse.events import Payload
from handlers.parse.interactions import Press, parse_answer, parse_press

OPTION = re.compile(rf"{actions.ANSWER}_[0-9]")


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to the buttons."""

    @app.action(OPTION)
    @app.action(actions.APPROVE)
    async def on_answer(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
        else:
            await relay.background.soon(_answer(relay, press, respond))


async def _answer(relay: Relay, press: Press, respond: AsyncRespond) -> None:
    """Have the answer sent; buttons that answer nothing any more give way at once."""

    def replace(note: str) -> None:
        relay.notices.press(press.message, press.thread.channel, note)

    thread = press.thread
    asker = Asker.of(relay, press, respond)
    async with telling(asker):
        found = parse_answer(press)
        if found is None:
            raise MovedOn
        try:
            await relay.answers.answer(thread, string(press.message, "ts"), *found, press.by)
        except AnsweredAlready as error:
            replace(mirror_notices.chosen(error.by, error.text))
            raise
        except MovedOn:
            replace(mirror_notices.MOVED_ON)
            raise
