"""Answers to the prompts of `/devin-say`: its form, and its menu of sessions."""

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.relay import UseCases
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.asking import say_form, session_picker
from bot.wording.button_values import parse_choice_value
from bot.wording.message import SlackMessage
from handlers.failures import ours
from handlers.modals import answer
from handlers.parse.events import Payload
from handlers.parse.interactions import TicketPress, parse_submission
from handlers.presses import ticket_press


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the form, and to both parts of the menu."""

    @app.view(actions.SAY_FORM)
    async def on_say_form(ack: AsyncAck, body: Payload) -> None:
        form = ours(parse_submission, body, cases)
        if form is None:
            await ack()
            return
        session = session_picker.picked(form.typed)
        problems = say_form.problems(form.typed)
        if problems or session is None:
            await ack(response_action="errors", errors=problems)
            return
        text = form.typed[actions.MESSAGE_FIELD].strip()
        work = cases.say.submit(form.number, form.by, session, escape(text))
        await answer(cases, ack, actions.MESSAGE_FIELD, work)

    @app.action(actions.SAY_CHOSEN)
    @ticket_press(cases)
    async def on_say_chosen(press: TicketPress) -> SlackMessage | None:
        number, index = parse_choice_value(press.number) or ("", 0)
        return await cases.say.choose(number, index, press.by, press.channel)

    @app.action(actions.SAY_CANCELLED)
    @ticket_press(cases)
    async def on_say_cancelled(press: TicketPress) -> SlackMessage | None:
        return await cases.say.cancel(press.number, press.by, press.channel)
