"""*Follow* and *Unfollow* on a thread's card, which shows the result."""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import NoSuchReply
from bot.model.mirror import Follow
from bot.relay import UseCases
from bot.wording import actions
from handlers.parse.interactions import Press, parse_unlink
from handlers.presses import button_press


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the buttons."""

    @app.action(actions.FOLLOW)
    @button_press(cases)
    async def on_follow(press: Press) -> None:
        await follow(press, Follow.ALL)

    @app.action(actions.UNFOLLOW)
    @button_press(cases)
    async def on_unfollow(press: Press) -> None:
        await follow(press, Follow.OFF)

    async def follow(press: Press, how: Follow) -> None:
        session = parse_unlink(press)
        if session is None:
            raise NoSuchReply(already_sent=False)
        await cases.linking.follow(press.thread, press.by, how, session)
