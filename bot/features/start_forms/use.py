"""The forms that start sessions: for a new one, and for one whose start failed.

What is chosen in a form becomes words before its prompt, as if its person had typed them.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bot.delivery.compose import markdown_of
from bot.features.start_forms import words
from bot.model import errors
from bot.model.options import BadOptions, Options
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.threads import ThreadRef, is_channel, is_direct
from bot.model.times import Ts
from bot.relay import UseCases
from bot.relay.lifecycle.prompts import with_prompt
from bot.relay.lifecycle.starting import Start, subject_of
from bot.slack.threads import NO_SUCH_CHANNEL
from bot.store.claims import Ticket
from bot.store.outbox import Owing
from bot.text.content import section
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording import actions
from bot.wording.lifecycle.options import beside, written
from bot.wording.message import View


class StartForm(Ticket, kind="StartForm"):
    """An open form for a new session; `direct` is the direct message in which it was opened."""

    direct: str = ""


class AgainForm(Ticket, kind="AgainForm"):
    """An open form to start again what the message `ts` of `thread` asked for the `number`th time.

    The message at `pressed` has the button. The prompt's field has `shown`, a digest, of which the
    words `beside` have no field of their own.
    """

    thread: ThreadRef
    ts: str
    number: int
    pressed: Ts
    shown: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class StartForms:
    """Opens forms, and starts what they ask for."""

    core: UseCases

    async def new(self, by: UserId, channel: str = "") -> View:
        """Return the form for a new session, opened in `channel`, unless another one is chosen."""
        await self.core.accepting.check(by, None, Act.START)
        form = StartForm(by=by, direct=channel if is_direct(channel) else "")
        number, offer = await asyncio.gather(
            self.core.state.tickets.issue(form), self.core.prompts.choosing.offer()
        )
        chosen = channel if is_channel(channel) else ""
        return words.form(number, chosen, offer, is_direct=bool(form.direct))

    async def submit(self, number: str, by: UserId, channel: str, typed: Mapping[str, str]) -> None:
        """Start the form's session, once; raises `Expired`, and what `Starting.say` does.

        The form offers channels that the person can see; a request may name any place.
        """
        ticket = await self.core.state.tickets.read(StartForm, number, by)
        person, channels = await self.core.workspace.people.person(by), self.core.workspace.channels
        if not channel and ticket.direct:
            channel = ticket.direct
        elif not (is_channel(channel) and await channels.includes(person, channel)):
            raise errors.CannotPost(NO_SUCH_CHANNEL)
        prompt = typed.get(actions.PROMPT_FIELD, "").strip()
        await self.core.starting.say(channel, by, escape(_joined(written(typed), prompt)), number)

    async def again(self, ts: str, number: int, thread: ThreadRef, by: UserId, pressed: Ts) -> View:
        """Return the form to start again what the message `ts` asked for; raises `Expired`."""
        await self.core.accepting.check(by, thread.channel, Act.START)
        ticket = AgainForm(by=by, thread=thread, ts=ts, number=number, pressed=pressed)
        (_, message), offer = await asyncio.gather(
            self._repeated(ticket), self.core.prompts.choosing.offer()
        )
        options, rest = _parted(message)
        more = beside(options, offer).written()
        typed = _joined(more, await markdown_of(rest, self.core.workspace.people))
        shown = {"shown": _digest(typed), "beside": more}
        made = await self.core.state.tickets.issue(ticket.model_copy(update=shown))
        return words.again(made, typed, options, offer)

    async def start_again(
        self, number: str, by: UserId, typed: Mapping[str, str]
    ) -> tuple[ThreadRef, str]:
        """Start again what the form asks for, once, and return the place of the button.

        Raises `Expired`, `AlreadyDone` also if another form was first, and what `ask` does.
        """
        ticket = await self.core.state.tickets.read(AgainForm, number, by)
        await self.core.accepting.check(by, ticket.thread.channel, Act.START)
        start, message = await self._repeated(ticket)
        again = start.again(_changed(message, ticket, typed))
        if await self.core.starting.ask(again, by) is not Owing.NEW:
            raise errors.AlreadyDone
        return ticket.thread, ticket.pressed

    async def _repeated(self, ticket: AgainForm) -> tuple[Start, Reply]:
        """Return the start that a form repeats, and its message as it is now."""
        thread = ticket.thread
        subject = subject_of(thread, ticket.ts, ticket.number)
        start = Start.parse(await self.core.state.outbox.content(subject))
        if start is None or start.thread != thread:
            raise errors.Expired
        try:
            message = await self.core.prompts.asked(start)
        except errors.SlackRefused as error:
            raise errors.Expired from error
        if message is None:
            raise errors.Expired
        if start.is_reaction:  # what it says chooses no options: it's below those of the form
            below = {}, *(message.blocks or section(message.text))
            message = message.model_copy(update={"text": "", "blocks": below})
        return start, message


def _parted(message: Reply) -> tuple[Options, Reply]:
    """Return the options of a message, and the rest of it; all of it, if they can't be read."""
    try:
        options, rest = parse_options(message.text)
    except BadOptions:
        return Options(), message
    return options, with_prompt(message, rest)


def _changed(message: Reply, ticket: AgainForm, typed: Mapping[str, str]) -> Reply:
    """Return the message with what the form has in place of its prompt and its options.

    Who changes the prompt becomes its author; who doesn't sends what its author wrote.
    """
    chosen, prompt = written(typed), typed.get(actions.PROMPT_FIELD)
    if prompt is None or _digest(prompt) == ticket.shown:
        _, rest = _parted(message)
        options = escape(_joined(chosen, ticket.beside))
        sender = None if ticket.by == message.author else ticket.by
        kept = with_prompt(message, _joined(options, rest.text))
        return kept.model_copy(update={"sent_by": sender})
    text = escape(_joined(chosen, prompt.strip()))
    by_them = {"author": ticket.by, "bots": (), "home": "", "sent_by": None}
    return message.model_copy(update={"text": text, "blocks": (), **by_them})


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _digest(text: str) -> str:
    """Return a digest of a text, whatever blanks Slack's client makes of those in it."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
