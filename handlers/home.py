"""App Home, published again at each choice, and prompts in the direct message beside it.

`@Devin Relay sessions` lists the same threads.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

from slack_bolt.async_app import AsyncApp

from bot.features.home import words
from bot.features.home.use import Home
from bot.model.errors import NotLinked
from bot.model.people import UserId
from bot.model.record import first_of, mapping, string
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, is_direct, is_id
from bot.model.verbs import Verb
from bot.relay import UseCases
from bot.slack.api import call
from bot.slack.app.workspace import Identity
from handlers.answering import acting, caught, in_words
from handlers.feature import Feature
from handlers.parse.interactions import person_of, value_of
from handlers.parse.messages import Payload

CHOICES = (words.HOME_MUTE, words.HOME_UNMUTE, words.HOME_UNLINK)


@dataclass(frozen=True, slots=True)
class HomeChoice:
    """A choice of App Home; `trigger` is the same when Slack delivers the press again."""

    action: str
    trigger: str
    by: UserId
    thread: ThreadRef
    session: SessionId


def parse_opened(event: Payload) -> tuple[UserId, str] | None:
    """Parse who opened the Home tab, or the app's direct message, and that, which is "" for Home.

    None for another tab (docs.slack.dev, `app_home_opened`).
    """
    user, tab, direct = string(event, "user"), string(event, "tab"), string(event, "channel")
    is_talk = tab == "messages" and is_direct(direct) and is_id(direct)
    if not is_id(user) or not (is_talk or tab == "home"):
        return None
    return UserId(user), direct if is_talk else ""


def parse_home_choice(body: Payload, ours: Identity) -> HomeChoice | None:
    """Parse a choice beside a thread of App Home, or in the modal that asks about it."""
    by, view = person_of(body, ours), mapping(body.get("view"))
    is_home, carried = string(view, "type") == "home", string(view, "private_metadata")
    pressed = value_of(first_of(body.get("actions"))) if is_home else carried
    found = words.parse_home_value(pressed)
    if by is None or found is None:
        return None
    action, thread, session = found
    if thread.team != ours.tenant or action not in CHOICES:
        return None
    return HomeChoice(action, string(body, "trigger_id"), by, thread, session)


def listen(app: AsyncApp, cases: UseCases, home: Home) -> None:
    """Listen to the tab and its menus."""

    @app.event("app_home_opened")
    async def on_home_opened(event: Payload) -> None:
        if (opened := parse_opened(event)) is not None:
            viewer, direct = opened
            cases.background.later(home.suggest(viewer, direct) if direct else home.show(viewer))

    async def choose(choice: HomeChoice) -> None:
        await (_confirm if choice.action == words.HOME_UNLINK else _change)(home, choice)

    parse, change = parse_home_choice, partial(_change, home)
    app.action(words.HOME_MENU)(acting(cases, "on_home_choice", parse, choose))
    app.view(words.HOME_UNLINK_FORM)(acting(cases, "on_home_unlink", parse, change))


def _telling(home: Home, by: UserId) -> AbstractAsyncContextManager[None]:
    """Publish the view again with a failure above it: nowhere else shows it."""

    async def tell(error: Exception) -> None:
        await home.show(by, in_words(error, home.workspace.admin, by).params()["text"])

    return caught(tell)


async def _confirm(home: Home, choice: HomeChoice) -> None:
    """Ask before a thread is unlinked; Slack's menus ask for each of their options or for none."""
    async with _telling(home, choice.by):
        space = home.workspace
        view = words.confirm_unlink(choice.thread, choice.session, space.address(choice.thread))
        await call(space.client, "views.open", trigger_id=choice.trigger, view=view)


async def _change(home: Home, choice: HomeChoice) -> None:
    """Do what was chosen, and publish the view again, with the result above it."""
    async with _telling(home, choice.by):
        try:
            note = await _do(home, choice)
        except NotLinked:
            note = words.GONE
        await home.show(choice.by, note)


async def _do(home: Home, choice: HomeChoice) -> str:
    thread, session, by = choice.thread, choice.session, choice.by
    claim = f"{choice.action}:{thread.channel}:{thread.thread_ts}:{by}:{choice.trigger[:100]}"
    if choice.trigger and not await home.state.claims.claim(claim):
        return ""
    if choice.action == words.HOME_UNLINK:
        await home.unlink(thread, session, by)
    else:
        await home.mute(thread, session, by, muted=choice.action == words.HOME_MUTE)
    return words.DONE


HOME = Feature(
    builds=Home.of,
    listens=listen,
    verbs={"sessions": Verb(may_be_talk=True, is_private=True)},
    obeys={"sessions": lambda home, asked: home.listed(asked.by, asked.thread.channel)},
    help=words.HELP,
    say_help=words.SAY_HELP,
)
