"""`/devin-say` without arguments opens a form; with an ambiguous session, it shows a menu.

Slack may deliver an answer twice. Each is claimed by its ticket, so a message is posted only once;
an attempt that fails releases the claim, so that the person can try again. While the result of the
first attempt is unknown, a second one is told so, and its text is not lost.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar

from bot.model.errors import FormGone, RelayError, StillSaying
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.relay.asking.session_choices import TITLED, SessionChoices
from bot.relay.naming import Naming
from bot.relay.say import Say
from bot.store.claims import Claims
from bot.store.tickets import Ticket, Tickets
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
        self,
        *,
        say: Say,
        choices: SessionChoices,
        naming: Naming,
        tickets: Tickets,
        claims: Claims,
    ) -> None:
        self._say = say
        self._choices = choices
        self._naming = naming
        self._tickets = tickets
        self._claims = claims

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
            StillSaying: it was submitted before, and may not be posted yet.
            RelayError: as for `Say.say`.
        """
        form = await self._tickets.read(SayForm, number, by)
        if form is None:
            raise FormGone
        async with once(self._claims, number) as is_first:
            if is_first:
                await self._say.say(form.channel, by, session, text)

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

        Return None if the menu was answered before.

        Raises:
            FormGone: the message is no longer kept, or belongs to somebody else.
            StillSaying: it was answered before, and may not be posted yet.
            RelayError: as for `Say.say`.
        """
        unsent = await self._unsent(number, by, channel)
        if not 0 <= index < len(unsent.sessions):
            raise FormGone
        session = unsent.sessions[index]
        async with once(self._claims, number) as is_first:
            if is_first:
                await self._say.go_on(channel, by, session, unsent.text)
        if not is_first:
            return None
        return devin_say.said_to(await self._naming.one(session), unsent.text)

    async def cancel(self, number: str, by: UserId, channel: str) -> SlackMessage | None:
        """Cancel a menu's message, and return a confirmation; None if it was answered before.

        Raises:
            FormGone: the message is no longer kept, or belongs to somebody else.
            StillSaying: as for `choose`.
        """
        await self._unsent(number, by, channel)
        async with once(self._claims, number) as is_first:
            return devin_say.NOWHERE if is_first else None

    async def _unsent(self, number: str, by: UserId, channel: str) -> Unsent:
        unsent = await self._tickets.read(Unsent, number, by)
        if unsent is None or unsent.channel != channel:
            raise FormGone
        return unsent


@asynccontextmanager
async def once(claims: Claims, number: str) -> AsyncIterator[bool]:
    """Let the first caller of `number` act: it gets True. A failure lets the next one be the first.

    Raises:
        StillSaying: the first one is not done yet, or died.
    """
    claim, done = f"say:{number}", f"say-done:{number}"
    is_first = await claims.claim(claim)
    if not is_first and not await claims.is_claimed(done):
        raise StillSaying
    try:
        yield is_first
    except RelayError:
        if is_first:
            await claims.disclaim(claim)
        raise
    if is_first:
        await claims.claim(done)
