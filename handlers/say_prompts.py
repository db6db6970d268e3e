"""What people answer when `/devin-say` asks back: its form, and its menu of sessions."""

from collections.abc import Coroutine
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.model.sessions import parse_session
from bot.relay.relay import Relay
from bot.text.to_slack import escape
from bot.wording import actions, say_form
from bot.wording.button_values import parse_choice_value
from bot.wording.message import SlackMessage
from handlers.askers import Asker
from handlers.failures import ignored, telling
from handlers.modals import answer
from handlers.parse.events import Payload
from handlers.parse.interactions import parse_submission, parse_ticket_press


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to the form, and to both parts of the menu."""

    @app.view(actions.SAY_FORM)
    async def on_say_form(ack: AsyncAck, body: Payload) -> None:
        form = parse_submission(body, relay.workspace.team)
        if form is None:
            ignored(body)
            await ack()
            return
        chosen, typed = (
            form.typed.get(actions.SESSION_FIELD, ""),
            form.typed.get(actions.TYPED_FIELD, ""),
        )
        text = form.typed.get(actions.MESSAGE_FIELD, "").strip()
        session = parse_session(chosen or typed)
        problems = say_form.problems(chosen, typed.strip(), text)
        if problems or session is None:
            await ack(response_action="errors", errors=problems)
            return
        work = relay.say_prompts.submit(form.number, form.by, session, escape(text))
        await answer(relay, ack, actions.MESSAGE_FIELD, work)

    @app.action(actions.SAY_CHOSEN)
    async def on_say_chosen(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_ticket_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
            return
        number, index = parse_choice_value(press.number) or ("", 0)
        work = relay.say_prompts.choose(number, index, press.by, press.channel)
        asker = Asker(relay, respond, press.by, press.channel, press.thread_ts)
        await relay.background.soon(_replace(asker, work))

    @app.action(actions.SAY_CANCELLED)
    async def on_say_cancelled(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        press = parse_ticket_press(body, relay.workspace.team)
        if press is None:
            ignored(body)
            return
        work = relay.say_prompts.cancel(press.number, press.by, press.channel)
        asker = Asker(relay, respond, press.by, press.channel, press.thread_ts)
        await relay.background.soon(_replace(asker, work))


async def _replace(asker: Asker, work: Coroutine[Any, Any, SlackMessage | None]) -> None:
    """Put what `work` tells into the place of the menu; of a second answer, nothing."""
    async with telling(asker):
        words = await work
        if words is not None:
            await asker.tell(words, replaces=True)
