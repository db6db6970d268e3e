"""The buttons under a report and on a thread's card: *Send again*, *Unlink*, *Follow*, *Unfollow*.

The person needs the same permission as for a reply.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import NoSuchReply
from bot.model.mirror import Follow
from bot.model.record import string
from bot.model.sessions import SessionId
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
        thread = press.thread
        link = await cases.linking.unlink(thread, press.by, _session_of(press))
        by = await cases.accepting.name(press.by)
        if not await cases.state.cards.is_at(thread, link, string(press.message, "ts")):
            return delivery_reports.unlinked_by(by)
        named = await cases.naming.one(link.session, most=0)
        await cases.notices.say(thread, thread_links.unlinked_by(named, by))
        return None

    @app.action(actions.FOLLOW)
    @button_press(cases)
    async def on_follow(press: Press) -> None:
        await cases.linking.follow(press.thread, press.by, Follow.ALL, _session_of(press))

    @app.action(actions.UNFOLLOW)
    @button_press(cases)
    async def on_unfollow(press: Press) -> None:
        await cases.linking.follow(press.thread, press.by, Follow.OFF, _session_of(press))


def _session_of(press: Press) -> SessionId:
    """Return the session that the button's link leads to."""
    session = parse_unlink(press)
    if session is None:
        raise NoSuchReply(already_sent=False)
    return session
