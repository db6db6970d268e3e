"""The form of *Start a Devin session*, which a shortcut and a button open, and reports' buttons.

*Start again* repeats a start that failed; *Start a new session* follows a session that has ended.

The shortcut is a global one: Slack tells neither a channel nor a `response_url` with it
(docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload).
"""

import logging

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import RelayError, StartGone
from bot.model.people import UserId
from bot.model.replies import Reply, place_of
from bot.relay import UseCases
from bot.text.to_slack import escape
from bot.wording import actions, forms
from bot.wording.lifecycle import form, starting
from handlers.failures import in_words, ours
from handlers.modals import answer
from handlers.parse.events import Payload
from handlers.parse.interactions import (
    Press,
    parse_opener,
    parse_send_again,
    parse_submission,
    parse_unlink,
)
from handlers.presses import button_press

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

    @app.view(actions.START_FORM)
    async def on_start_form(ack: AsyncAck, body: Payload) -> None:
        filled = ours(parse_submission, body, cases)
        if filled is None:
            await ack()
            return
        channel = filled.typed.get(actions.CHANNEL_FIELD, "")
        prompt = filled.typed.get(actions.PROMPT_FIELD, "").strip()
        if problems := form.problems(channel, prompt):
            await ack(response_action="errors", errors=problems)
            return
        work = cases.starting.submit(filled.number, filled.by, channel, escape(prompt))
        await answer(cases, ack, actions.PROMPT_FIELD, work, place=actions.CHANNEL_FIELD)

    _register_buttons(app, cases)


def _register_buttons(app: AsyncApp, cases: UseCases) -> None:
    @app.action(actions.START_AGAIN)
    @button_press(cases)
    async def on_start_again(press: Press) -> str:
        asked, thread = parse_send_again(press), press.thread
        if asked is None:
            raise StartGone
        _, channel, ts = place_of(asked[0])
        if channel != thread.channel:
            raise StartGone
        await cases.starting.again(ts, asked[1], thread, press.by)
        return starting.started_again(await cases.accepting.name(press.by))

    @app.action(actions.START_NEW)
    @button_press(cases)
    async def on_start_new(press: Press) -> str:
        if parse_unlink(press) is None or not press.ts:
            raise StartGone
        prompt = Reply(thread=press.thread, ts=press.ts, author=press.by, text="")
        await cases.starting.start(prompt, by_button=True)
        return starting.started_new(await cases.accepting.name(press.by))


async def _open(cases: UseCases, by: UserId, trigger: str) -> None:
    """Open the form, or a modal that says why there is none; a repeat opens nothing."""
    try:
        if not await cases.state.claims.claim(f"shortcut_start:{trigger[:100]}"):
            return
        view = await cases.starting.form(by)
    except RelayError as error:
        view = forms.tell(form.TITLE, in_words(error, cases.workspace.admin))
    try:
        await cases.workspace.views.open(trigger, view)
    except RelayError as error:
        log.warning("form not opened", extra={"user": by, "reason": str(error)})
