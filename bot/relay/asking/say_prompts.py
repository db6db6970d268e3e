"""`/devin-say` without arguments opens a form; with an ambiguous session, it shows a menu.

Slack may deliver an answer twice. What it says is owed under the number of its ticket, so it is
posted once, and of several answers the first counts.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from bot.model.errors import FormGone
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.relay.asking.session_choices import TITLED, SessionChoices
from bot.relay.naming import Naming
from bot.relay.saying.say import Say
from bot.relay.saying.speaking import Speaking, command_key
from bot.store.outbox import Owing
from bot.store.state import State
from bot.store.tickets import Ticket
from bot.wording import devin_say
from bot.wording.asking import say_form
from bot.wording.blocks import View
from bot.wording.message import SlackMessage

UNSENT = timedelta(minutes=30)
"""The time within which Slack lets a menu be answered (docs.slack.dev, `response_url`)."""


class SayForm(Ticket):
    """An open form for a message from `channel`."""

    kind: ClassVar[str] = "SayForm"

    channel: str


class Unsent(Ticket):
    """A message that waits until one of `sessions` is chosen for it."""

    kind: ClassVar[str] = "Unsent"

    channel: str
    text: str
    sessions: tuple[SessionId, ...]


class SayPrompts:
    """Asks for the arguments that a `/devin-say` left out."""

    def __init__(
        self, state: State, say: Say, choices: SessionChoices, naming: Naming, speaking: Speaking
    ) -> None:
        self._say = say
        self._choices = choices
        self._naming = naming
        self._tickets = state.tickets
        self._speaking = speaking

    async def form(self, channel: str, by: UserId) -> View:
        """Return the form for a message from `channel`.

        Raises:
            NotAllowed: `by` may not.
        """
        choices = await self._choices.of(channel, by)
        number = await self._tickets.issue(SayForm(by=by, channel=channel))
        return say_form.form(number, choices)

    async def submit(self, number: str, by: UserId, session: SessionId, text: str) -> None:
        """Say the form's message, once, however often the form is submitted.

        Raises:
            FormGone: the form is too old, or belongs to somebody else.
            RelayError: as for `Say.say`.
        """
        form = await self._tickets.read(SayForm, number, by)
        if form is None:
            raise FormGone
        await self._say.say(form.channel, by, session, text, number)

    async def menu(
        self, channel: str, by: UserId, sessions: Sequence[SessionId], text: str
    ) -> SlackMessage:
        """Keep `text`, and return a message for `by` alone that asks which session gets it."""
        kept = tuple(dict.fromkeys(sessions))[: say_form.MENU_LIMIT]
        ticket = Unsent(by=by, channel=channel, text=text, sessions=kept)
        number = await self._tickets.issue(ticket, UNSENT)
        named = await self._naming.of(kept, most=TITLED)
        return say_form.menu(number, [named[session] for session in kept], text)

    async def choose(
        self, number: str, index: int, by: UserId, channel: str
    ) -> SlackMessage | None:
        """Send a menu's message to the session at `index`, and return a confirmation.

        Return None if the menu was answered before, and is done with.

        Raises:
            FormGone: the message is no longer kept, or belongs to somebody else.
            RelayError: as for `Say.say`.
        """
        unsent = await self._unsent(number, by, channel)
        if not 0 <= index < len(unsent.sessions):
            raise FormGone
        session = unsent.sessions[index]
        owing = await self._say.go_on(channel, by, session, unsent.text, number)
        if owing is not Owing.NEW:
            first = await self._speaking.said(command_key(number))
            if first is None or first.session is None:
                return None
            session = first.session
        return devin_say.said_to(await self._naming.one(session), unsent.text)

    async def cancel(self, number: str, by: UserId, channel: str) -> SlackMessage | None:
        """Cancel a menu's message, and return a confirmation; None if it was answered before.

        Raises:
            FormGone: the message is no longer kept, or belongs to somebody else.
        """
        await self._unsent(number, by, channel)
        is_refused = await self._speaking.refuse(command_key(number))
        return devin_say.NOWHERE if is_refused else None

    async def _unsent(self, number: str, by: UserId, channel: str) -> Unsent:
        unsent = await self._tickets.read(Unsent, number, by)
        if unsent is None or unsent.channel != channel:
            raise FormGone
        return unsent
