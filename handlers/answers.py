"""The buttons under what Devin asks: its options, and *Approve*."""

import re

from slack_bolt.async_app import AsyncApp

from bot.model.errors import AnsweredAlready, MovedOn
from bot.model.record import string
from bot.relay import UseCases
from bot.wording import actions
from bot.wording.mirror import notices as mirror_notices
from handlers.parse.interactions import Press, parse_answer
from handlers.presses import button_press

OPTION = re.compile(rf"{actions.ANSWER}_[0-9]")


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the buttons; those that answer nothing any more give way at once."""

    @app.action(OPTION)
    @app.action(actions.APPROVE)
    @button_press(cases)
    async def on_answer(press: Press) -> None:
        found, pressed = parse_answer(press), string(press.message, "ts")
        if found is None:
            raise MovedOn
        try:
            await cases.answers.answer(press.thread, pressed, *found, press.by)
        except AnsweredAlready as error:
            chosen = mirror_notices.chosen(error.by, error.text)
            cases.notices.press(press.message, press.channel, chosen)
            raise
        except MovedOn:
            cases.notices.press(press.message, press.channel, mirror_notices.MOVED_ON)
            raise
