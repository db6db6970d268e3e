"""The buttons with which `end` and `archive` ask back, in the thread of the session.

The person needs the same permission as for a reply.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import NotLinked
from bot.model.record import string
from bot.model.sessions import Closing
from bot.relay import UseCases
from bot.wording import actions
from bot.wording.lifecycle import ending
from handlers.parse.interactions import Press, parse_unlink
from handlers.presses import button_press


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the buttons."""

    @app.action(actions.END_SESSION)
    @button_press(cases)
    async def on_end(press: Press) -> str | None:
        return await close(press, Closing.END)

    @app.action(actions.ARCHIVE_SESSION)
    @button_press(cases)
    async def on_archive(press: Press) -> str | None:
        return await close(press, Closing.ARCHIVE)

    @app.action(actions.KEEP_SESSION)
    @button_press(cases)
    async def on_keep(press: Press) -> str:
        await cases.accepting.check(press.by, press.channel)
        return ending.kept_by(await cases.accepting.name(press.by))

    async def close(press: Press, how: Closing) -> str | None:
        session, thread = parse_unlink(press), press.thread
        if session is None:
            raise NotLinked
        asked = string(press.message, "ts")
        failure = await cases.ending.close(how, thread, session, press.by, asked)
        if failure is None:
            return ending.closed_by(how, await cases.accepting.name(press.by))
        await cases.notices.say(thread, failure)
        return None
