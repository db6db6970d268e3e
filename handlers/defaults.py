"""*Change* below a channel's defaults, and the form that it opens."""

from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.relay import UseCases
from bot.wording import actions
from bot.wording.lifecycle import defaults, form
from handlers.answering import Asker, ours
from handlers.modals import Opening, on_submit, show
from handlers.parse.events import Payload
from handlers.parse.interactions import Submission, parse_press


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to both."""

    @app.action(actions.CHANGE_DEFAULTS)
    async def on_change_defaults(ack: AsyncAck, body: Payload) -> None:
        await ack()
        press = ours(parse_press, body, cases)
        if press is not None:
            asker = Asker(cases, press.response_url, press.by, press.thread)
            opening = Opening(defaults.TITLE, press.trigger, asker)
            once, work = (
                f"defaults:{press.by}",
                partial(cases.defaults.form, press.thread, press.by),
            )
            await cases.background.soon(show(opening, once, work))

    @on_submit(app, cases, actions.DEFAULTS_FORM, form.problems, actions.TAGS_FIELD)
    async def on_defaults_form(filled: Submission) -> None:
        await cases.defaults.submit(filled.number, filled.by, filled.typed)
