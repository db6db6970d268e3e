"""App Home, published again at each choice, and prompts in the direct message beside it."""

from contextlib import AbstractAsyncContextManager

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import NotLinked
from bot.relay import UseCases
from bot.wording import actions, home_view
from handlers.answering import caught, in_words, ours
from handlers.modals import open_modal
from handlers.parse import interactions
from handlers.parse.messages import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the tab, its menus and its buttons."""

    @app.event("app_home_opened")
    async def on_home_opened(event: Payload) -> None:
        if (opened := interactions.parse_opened(event)) is not None:
            viewer, direct = opened
            home = cases.home
            cases.background.later(home.suggest(viewer, direct) if direct else home.show(viewer))

    @app.action(actions.HOME_EARLIER)
    @app.action(actions.HOME_LATER)
    async def on_home_turned(ack: AsyncAck, body: Payload) -> None:
        await ack()
        if (turned := ours(interactions.parse_home_page, body, cases)) is not None:
            cases.background.later(cases.home.show(*turned))

    @app.view(actions.HOME_UNLINK_FORM)
    async def on_home_unlink(ack: AsyncAck, body: Payload) -> None:
        await ack()
        if (press := ours(interactions.parse_home_unlink, body, cases)) is not None:
            await cases.background.soon(_change(cases, press))

    @app.action(actions.HOME_MENU)
    async def on_home_pressed(ack: AsyncAck, body: Payload) -> None:
        await ack()
        if (press := ours(interactions.parse_home_press, body, cases)) is not None:
            work = _confirm if press.action == actions.HOME_UNLINK else _change
            await cases.background.soon(work(cases, press))


def _telling(cases: UseCases, press: interactions.HomePress) -> AbstractAsyncContextManager[None]:
    """Publish the page again with a failure above it: nowhere else shows it."""

    async def tell(error: Exception) -> None:
        words = in_words(error, cases.workspace.admin)
        await cases.home.show(press.by, press.page, words.params()["text"])

    return caught(tell)


async def _confirm(cases: UseCases, press: interactions.HomePress) -> None:
    """Ask before a thread is unlinked; Slack's menus ask for each of their options or for none."""
    async with _telling(cases, press):
        address = cases.workspace.address(press.thread)
        view = home_view.confirm_unlink(press.thread, press.session, press.page, address)
        await open_modal(cases, press.trigger, view)


async def _change(cases: UseCases, press: interactions.HomePress) -> None:
    """Do what was chosen, and publish the page again, with the result above it."""
    async with _telling(cases, press):
        try:
            note = await _do(cases, press)
        except NotLinked:
            note = home_view.GONE
        await cases.home.show(press.by, press.page, note)


async def _do(cases: UseCases, press: interactions.HomePress) -> str:
    thread, session, by = press.thread, press.session, press.by
    claim = f"{press.action}:{thread.channel}:{thread.thread_ts}:{by}:{press.trigger[:100]}"
    if press.trigger and not await cases.state.claims.claim(claim):
        return ""
    if press.action == actions.HOME_UNLINK:
        await cases.home.unlink(thread, session, by)
    else:
        muted = press.action == actions.HOME_MUTE
        await cases.home.mute(thread, session, by, muted=muted)
    return home_view.DONE
