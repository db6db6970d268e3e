"""App Home, published again at each choice, and prompts in the direct message beside it."""

from functools import partial

from slack_bolt.async_app import AsyncApp

from bot.model.errors import NotLinked
from bot.relay import UseCases
from bot.wording import actions, home_view
from handlers.answering import acting, caught, in_words
from handlers.parse import interactions
from handlers.parse.messages import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the tab and its menus."""

    @app.event("app_home_opened")
    async def on_home_opened(event: Payload) -> None:
        if (opened := interactions.parse_opened(event)) is not None:
            viewer, direct = opened
            home = cases.home
            cases.background.later(home.suggest(viewer, direct) if direct else home.show(viewer))

    parse, change = interactions.parse_home_choice, partial(_change, cases)
    app.action(actions.HOME_MENU)(acting(cases, "on_home_choice", parse, change))


async def _change(cases: UseCases, choice: interactions.HomeChoice) -> None:
    """Do what was chosen, and publish the view again, with the result above it.

    A failure stands there, too: nowhere else shows it.
    """

    async def tell(error: Exception) -> None:
        words = in_words(error, cases.workspace.admin)
        await cases.home.show(choice.by, words.params()["text"])

    async with caught(tell):
        try:
            note = await _do(cases, choice)
        except NotLinked:
            note = home_view.GONE
        await cases.home.show(choice.by, note)


async def _do(cases: UseCases, choice: interactions.HomeChoice) -> str:
    thread, session, by = choice.thread, choice.session, choice.by
    claim = f"{choice.action}:{thread.channel}:{thread.thread_ts}:{by}:{choice.trigger[:100]}"
    if choice.trigger and not await cases.state.claims.claim(claim):
        return ""
    if choice.action == actions.HOME_UNLINK:
        await cases.home.unlink(thread, session, by)
    else:
        muted = choice.action == actions.HOME_MUTE
        await cases.home.mute(thread, session, by, muted=muted)
    return home_view.DONE
