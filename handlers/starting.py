"""The form of *Start a Devin session*, which a shortcut and a button open, and reports' buttons.

*Start again* opens it for a start that failed, with what was chosen; *Start a new session* follows
a session that has ended, and *Continue in a new session* one that has stopped at its cap. The menus
of the form ask for what fits to what is typed into them.

The shortcut is a global one: Slack tells neither a channel nor a `response_url` with it
(docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload).
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import RelayError, SlackRefused, StartGone
from bot.model.people import UserId
from bot.model.record import string
from bot.model.replies import Reply, place_of
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.wording import actions, forms
from bot.wording.lifecycle import form, starting
from bot.wording.message import Block, View
from handlers.answering import Asker, in_words, on_press, ours
from handlers.modals import Opening, on_submit, show
from handlers.parse.events import Payload
from handlers.parse.interactions import (
    Press,
    Submission,
    parse_opener,
    parse_press,
    parse_send_again,
    parse_typing,
    parse_unlink,
)

log = logging.getLogger(__name__)


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to all of them."""

    @app.action(actions.OPEN_START_FORM)
    @app.shortcut({"type": "shortcut", "callback_id": "start_session"})
    async def on_start_shortcut(ack: AsyncAck, body: Payload) -> None:
        await ack()
        opener = ours(parse_opener, body, cases)
        if opener is not None:
            await cases.background.soon(_open(cases, *opener))

    place, problems = actions.CHANNEL_FIELD, partial(form.problems, is_new=True)

    @on_submit(app, cases, actions.START_FORM, problems, actions.PROMPT_FIELD, place=place)
    async def on_start_form(filled: Submission) -> None:
        channel = filled.typed.get(place, "")
        await cases.start_forms.submit(filled.number, filled.by, channel, filled.typed)

    @app.options(actions.REPO_FIELD)
    @app.options(actions.PLAYBOOK_FIELD)
    async def on_typing(ack: AsyncAck, body: Payload) -> None:
        typing = ours(parse_typing, body, cases)
        found: Sequence[Block] = ()
        if typing is not None:
            with suppress(RelayError):  # without an option, Slack says that there is none
                found = await cases.start_forms.suggest(*typing)
        await ack(options=[dict(one) for one in found])

    _register_again(app, cases)
    _register_new(app, cases)


def _register_again(app: AsyncApp, cases: UseCases) -> None:
    """Listen to *Start again*, and to the form that it opens."""

    @app.action(actions.START_AGAIN)
    async def on_start_again(ack: AsyncAck, body: Payload) -> None:
        await ack()
        press = ours(parse_press, body, cases)
        if press is None:
            return
        asker = Asker(cases, press.response_url, press.by, press.thread)
        opening = Opening(form.AGAIN_TITLE, press.trigger, asker)
        once, work = f"again:{press.by}", partial(_again, cases, press)
        await cases.background.soon(show(opening, once, work))

    blocks, problems = (actions.PROMPT_FIELD, actions.CAP_FIELD), form.problems

    @on_submit(app, cases, actions.AGAIN_FORM, problems, *blocks)
    async def on_again_form(filled: Submission) -> None:
        """Start again, and let the button give way to who did it."""
        again = await cases.start_forms.start_again(filled.number, filled.by, filled.typed)
        cases.background.later(_close_button(cases, *again, filled.by))


async def _again(cases: UseCases, press: Press) -> View:
    asked, thread = parse_send_again(press), press.thread
    if asked is None or place_of(asked[0])[1] != thread.channel:
        raise StartGone
    ts, pressed = place_of(asked[0])[2], string(press.message, "ts")
    return await cases.start_forms.again(ts, asked[1], thread, press.by, pressed)


async def _close_button(cases: UseCases, thread: ThreadRef, pressed: str, by: UserId) -> None:
    with suppress(SlackRefused):
        message = await cases.workspace.threads.message(thread, pressed)
        if message is not None:
            note = starting.started_again(await cases.workspace.people.name(by))
            cases.notices.press(message, thread.channel, note)


def _register_new(app: AsyncApp, cases: UseCases) -> None:
    """Listen to *Start a new session*."""

    @on_press(app, cases, actions.START_NEW)
    async def on_start_new(press: Press) -> str:
        if parse_unlink(press) is None or not press.ts:
            raise StartGone
        prompt = Reply(thread=press.thread, ts=press.ts, author=press.by, text="")
        await cases.starting.start(prompt, by_button=True)
        return starting.started_new(await cases.workspace.people.name(press.by))

    @on_press(app, cases, actions.CONTINUE_SESSION)
    async def on_continue(press: Press) -> str | None:
        session, thread = parse_unlink(press), press.thread
        if session is None or not press.ts:
            raise StartGone
        link = await cases.state.links.get(thread)
        is_new = await cases.starting.go_on(thread, session, press.by, press.ts)
        posted = string(press.message, "ts")
        if link is not None and await cases.state.cards.is_at(thread, link, posted):
            return None
        by = await cases.workspace.people.name(press.by)
        return starting.continued(by) if is_new else starting.CONTINUED_ALREADY


async def _open(cases: UseCases, by: UserId, trigger: str, channel: str) -> None:
    """Open the form, or a modal that says why there is none; a repeat opens nothing."""
    try:
        if not await cases.state.claims.claim(f"shortcut_start:{trigger[:100]}"):
            return
        view = await cases.start_forms.new(by, channel)
    except RelayError as error:
        view = forms.tell(form.TITLE, in_words(error, cases.workspace.admin))
    try:
        await cases.workspace.views.open(trigger, view)
    except RelayError as error:
        log.warning("form not opened", extra={"user": by, "reason": str(error)})
