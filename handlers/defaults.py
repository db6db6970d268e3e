"""*Change* below a channel's defaults, and the form that it opens."""

from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.relay import UseCases
from bot.wording import actions, forms
from bot.wording.lifecycle import defaults, form
from bot.wording.message import View
from handlers.answering import Asker, ours
from handlers.modals import Note, Opening, answer, show
from handlers.parse.events import Payload
from handlers.parse.interactions import Press, parse_press, parse_submission


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to both."""

    @app.action(actions.CHANGE_DEFAULTS)
    async def on_change_defaults(ack: AsyncAck, body: Payload) -> None:
        await ack()
        press = ours(parse_press, body, cases)
        if press is not None:
            asker = Asker(cases, press.response_url, press.by, press.thread)
            opening = Opening(defaults.TITLE, press.trigger, asker)
            await cases.background.soon(show(opening, partial(_form, cases, press)))

    @app.view(actions.DEFAULTS_FORM)
    async def on_defaults_form(ack: AsyncAck, body: Payload) -> None:
        filled = ours(parse_submission, body, cases)
        if filled is None:
            await ack()
        elif problems := form.problems(filled.typed):
            await ack(response_action="errors", errors=problems)
        else:
            work = cases.defaults.submit(filled.number, filled.by, filled.typed)
            await answer(cases, ack, actions.TAGS_FIELD, work, typed=filled.typed)


async def _form(cases: UseCases, press: Press) -> View | Note:
    """Return the form; none for a press that is delivered another time."""
    if not await cases.state.claims.claim(f"defaults:{press.by}:{press.trigger[:100]}"):
        return Note(forms.ONE_MOMENT, is_seen=True)
    return await cases.defaults.form(press.thread, press.by)
