"""App Home, published again at each choice, and prompts in the direct message beside it."""

from contextlib import AbstractAsyncContextManager
from functools import partial

from slack_bolt.async_app import AsyncApp

from bot.features.home import words
from bot.model.errors import NotLinked
from bot.model.people import UserId
from bot.relay import UseCases
from bot.slack.api import call
from bot.wording import actions
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

    async def choose(choice: interactions.HomeChoice) -> None:
        work = _confirm if choice.action == actions.HOME_UNLINK else _change
        await work(cases, choice)

    parse, change = interactions.parse_home_choice, partial(_change, cases)
    app.action(actions.HOME_MENU)(acting(cases, "on_home_choice", parse, choose))
    app.view(actions.HOME_UNLINK_FORM)(acting(cases, "on_home_unlink", parse, change))


def _telling(cases: UseCases, by: UserId) -> AbstractAsyncContextManager[None]:
    """Publish the view again with a failure above it: nowhere else shows it."""

    async def tell(error: Exception) -> None:
        said = in_words(error, cases.workspace.admin, by)
        await cases.home.show(by, said.params()["text"])

    return caught(tell)


async def _confirm(cases: UseCases, choice: interactions.HomeChoice) -> None:
    """Ask before a thread is unlinked; Slack's menus ask for each of their options or for none."""
    async with _telling(cases, choice.by):
        address = cases.workspace.address(choice.thread)
        view = words.confirm_unlink(choice.thread, choice.session, address)
        client = cases.workspace.client
        await call(client, "views.open", trigger_id=choice.trigger, view=view)


async def _change(cases: UseCases, choice: interactions.HomeChoice) -> None:
    """Do what was chosen, and publish the view again, with the result above it."""
    async with _telling(cases, choice.by):
        try:
            note = await _do(cases, choice)
        except NotLinked:
            note = words.GONE
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
    return words.DONE
