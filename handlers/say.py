"""`/devin-say`: a message for Devin from a channel, and the form that asks for what is missing."""

from dataclasses import replace
from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import BadSession, ChooseSession
from bot.model.record import string
from bot.relay import UseCases
from bot.text.mrkdwn import as_typed
from bot.wording import actions, commands, forms, refusals
from bot.wording.lifecycle.starting import FORM_TITLE
from bot.wording.message import SlackMessage
from handlers.answering import Asker, caught, in_words, ours
from handlers.modals import on_submit, show
from handlers.parse.commands import takes_mention
from handlers.parse.interactions import SayCommand, Submission, parse_say
from handlers.parse.messages import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to `/devin-say`, and to its form."""

    @app.command("/devin-say")
    async def on_say(ack: AsyncAck, command: Payload) -> None:
        say = ours(parse_say, command, cases)
        if say is None:
            await ack()
        elif say.session_word is not None and say.session is None:
            typed = as_typed(string(command, "text"))
            await ack(**replace(refusals.sorry(BadSession(say.session_word)), quote=typed).params())
        elif (say.session is not None and not say.text) or (
            say.session is None and not say.starts and say.text.lower() == "help"
        ):
            await ack(text=commands.say_helped(cases.say_helps).text)
        else:
            await ack()
            place = cases.workspace.place(say.channel)
            asker = Asker(cases, string(command, "response_url"), say.by, place)
            is_said = say.text or (say.starts and cases.new_form is None)
            await cases.background.soon((_say if is_said else _ask)(cases, say, asker))

    @on_submit(app, cases, actions.SAY_FORM, forms.say_problems, actions.MESSAGE_FIELD)
    async def on_say_form(form: Submission) -> None:
        text, session = form.typed[actions.MESSAGE_FIELD].strip(), forms.picked(form.typed)
        await cases.say.submit(form.number, form.by, session, text)


async def _ask(cases: UseCases, say: SayCommand, asker: Asker) -> None:
    title, work = forms.SAY_TITLE, partial(cases.say.form, say.channel, say.by)
    if say.starts and cases.new_form is not None:
        title, work = FORM_TITLE, partial(cases.new_form, say.by, say.channel)
    await show(asker, title, say.trigger, work)


async def _say(cases: UseCases, say: SayCommand, asker: Asker) -> None:
    async def refuse(error: Exception) -> None:
        """Say why, with what was typed: Slack has cleared the field, and shows it nowhere else."""
        words = in_words(error, cases.workspace.admin, say.by)
        await asker.tell(replace(words, quote=words.quote or as_typed(say.text)))

    async with caught(refuse):
        # A redelivery has the same trigger.
        claim = f"said:{say.by}:{say.trigger[:100]}"
        if say.trigger and not await cases.state.claims.claim(claim):
            return
        if say.starts:
            await cases.starting.say(say.channel, say.by, say.text)
        elif say.session is None and (told := await _told(cases, say)) is not None:
            await asker.tell(told)
        else:
            try:
                await cases.say.say(say.channel, say.by, say.session, say.text)
            except ChooseSession as error:
                if not error.links or len(say.text) > forms.MESSAGE_LIMIT:
                    raise
                work = partial(cases.say.form, say.channel, say.by, say.text)
                await show(asker, forms.SAY_TITLE, say.trigger, work)


async def _told(cases: UseCases, say: SayCommand) -> SlackMessage | None:
    """Return the answer to a command that is no message; None for any other text."""
    if (tell := cases.says.get(say.text.lower())) is not None:
        return await tell(say.channel, say.by)
    verb = takes_mention(say.text, cases.workspace.identity.verbs)
    return commands.by_mention(verb) if verb else None
