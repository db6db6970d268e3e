"""How sessions are started by buttons.

*Start with it* and *Start without it* answer whether what others wrote is passed on. *Start a new
session* follows a session that has ended, and *Continue in a new session* one that has stopped at
its cap. The menus of forms that features have search in what Devin lists.
"""

from collections.abc import Sequence
from contextlib import suppress

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import Expired, RelayError
from bot.model.people import Act
from bot.model.record import string
from bot.model.replies import Reply, place_of
from bot.relay import UseCases
from bot.relay.lifecycle.starting import Start
from bot.wording import actions
from bot.wording.lifecycle import starting
from bot.wording.message import Block
from handlers.answering import on_press, ours
from handlers.parse import interactions
from handlers.parse.interactions import Press
from handlers.parse.messages import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to all of them."""

    @app.options(actions.REPO_FIELD)
    @app.options(actions.PLAYBOOK_FIELD)
    async def on_typing(ack: AsyncAck, body: Payload) -> None:
        typing = ours(interactions.parse_typing, body, cases)
        found: Sequence[Block] = ()
        if typing is not None:
            with suppress(RelayError):  # without an option, Slack says that there is none
                by, field, typed = typing
                await cases.accepting.check(by, None, Act.START)
                found = await cases.prompts.choosing.suggest(field, typed)
        await ack(options=[dict(one) for one in found])

    _register_choices(app, cases)
    _register_new(app, cases)


def _register_choices(app: AsyncApp, cases: UseCases) -> None:

    @on_press(app, cases, actions.START_WITH, actions.START_WITHOUT)
    async def on_choice(press: Press) -> str:
        (asked, number), thread = interactions.send_again_of(press), press.thread
        _, _, ts = place_of(asked)
        quotes_all = press.button == actions.START_WITH
        await cases.starting.choose(thread, ts, number, press.by, quotes_all=quotes_all)
        return starting.CHOSEN[press.button](await cases.workspace.people.name(press.by))


def _register_new(app: AsyncApp, cases: UseCases) -> None:

    @on_press(app, cases, actions.START_NEW)
    async def on_start_new(press: Press) -> str:
        if not interactions.session_of(press) or not press.ts:
            raise Expired
        prompt = Reply(thread=press.thread, ts=press.ts, author=press.by, text="")
        await cases.starting.start(Start(message=prompt, reads_thread=True, by_button=True))
        return starting.started_new(await cases.workspace.people.name(press.by))

    @on_press(app, cases, actions.CONTINUE_SESSION)
    async def on_continue(press: Press) -> str | None:
        session, thread = interactions.session_of(press), press.thread
        if not press.ts:
            raise Expired
        link = await cases.starting.go_on(thread, session, press.by, press.ts)
        if link and await cases.state.cards.is_at(thread, link, string(press.message, "ts")):
            return None
        return starting.continued(await cases.workspace.people.name(press.by))
