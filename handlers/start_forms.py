"""Forms that start sessions: *Start a Devin session*, and *Start again* with what was chosen.

The shortcut is a global one: Slack tells neither a channel nor a `response_url` with it, nor with a
button in App Home, so whoever gets no form is told in a modal
(docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload).
"""

from contextlib import suppress

from slack_bolt.async_app import AsyncApp

from bot.features.start_forms import words
from bot.features.start_forms.use import StartForms
from bot.model.errors import SlackRefused
from bot.model.people import UserId
from bot.model.record import string
from bot.model.replies import place_of
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.relay import UseCases
from bot.wording import actions
from bot.wording.lifecycle import options, starting
from bot.wording.message import View
from handlers.feature import Feature
from handlers.modals import on_submit, opens
from handlers.parse import interactions
from handlers.parse.interactions import Press, Submission


def listen(app: AsyncApp, cases: UseCases, forms: StartForms) -> None:
    """Listen to the shortcut, the buttons and the forms."""
    opened = app.action(actions.OPEN_START_FORM), app.shortcut("start_session")

    @opens(cases, starting.FORM_TITLE, *opened, parse=interactions.parse_anywhere)
    async def on_start_shortcut(press: Press) -> View:
        return await forms.new(press.by, "" if press.thread.is_nowhere else press.channel)

    place, needed = actions.CHANNEL_FIELD, actions.PROMPT_FIELD

    @on_submit(app, cases, words.START_FORM, words.problems, needed, place=place)
    async def on_start_form(filled: Submission) -> None:
        await forms.submit(filled.number, filled.by, filled.typed.get(place, ""), filled.typed)

    @opens(cases, words.AGAIN_TITLE, app.action(actions.START_AGAIN))
    async def on_start_again(press: Press) -> View:
        (asked, number), thread = interactions.send_again_of(press), press.thread
        _, _, ts = place_of(asked)
        pressed = string(press.message, "ts")
        return await forms.again(ts, number, thread, press.by, pressed)

    blocks, problems = (actions.PROMPT_FIELD, actions.CAP_FIELD), options.problems

    @on_submit(app, cases, words.AGAIN_FORM, problems, *blocks)
    async def on_again_form(filled: Submission) -> None:
        """Start again, and let the button give way to who did it."""
        again = await forms.start_again(filled.number, filled.by, filled.typed)
        cases.background.later(_close_button(cases, *again, filled.by))


async def _close_button(cases: UseCases, thread: ThreadRef, pressed: Ts, by: UserId) -> None:
    with suppress(SlackRefused):
        if (message := await cases.workspace.threads.message(thread, pressed)) is not None:
            note = starting.started_again(await cases.workspace.people.name(by))
            cases.notices.press(message, thread.channel, note)


START_FORMS = Feature(builds=StartForms, listens=listen, new_form=StartForms.new)
