"""The buttons under a report: *Send again* and *Unlink*, which is on a thread's card as well.

The person needs the same permission as for a reply.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import NoSuchReply
from bot.model.lenient import string
from bot.relay import UseCases
from bot.wording import actions, delivery_reports, thread_links
from handlers.parse.interactions import Press, parse_send_again, parse_unlink
from handlers.presses import button_press


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the buttons."""

    @app.action(actions.SEND_AGAIN)
    @button_press(cases)
    async def on_send_again(press: Press) -> str:
        asked = parse_send_again(press)
        if asked is None:
            raise NoSuchReply(already_sent=False)
        await cases.replies.send_again(*asked, press.thread, press.by)
        return delivery_reports.sent_again(await cases.accepting.name(press.by))

    @app.action(actions.UNLINK)
    @button_press(cases)
    async def on_unlink(press: Press) -> str | None:
        thread, session = press.thread, parse_unlink(press)
        if session is None:
            raise NoSuchReply(already_sent=False)
        link = await cases.linking.unlink(thread, press.by, session)
        by = await cases.accepting.name(press.by)
        if not await cases.state.cards.is_at(thread, link, string(press.message, "ts")):
            return delivery_reports.unlinked_by(by)
        named = await cases.naming.one(link.session, most=0)
        await cases.notices.say(thread, thread_links.unlinked_by(named, by))
        return None
