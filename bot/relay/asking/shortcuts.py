"""Message shortcuts send any message to its thread's session, and link any thread to one.

If a thread has no session yet, a form asks for it. The form's context is kept in its ticket, never
in Slack.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from bot.model.errors import (
    EmptyMessage,
    MessageGone,
    NotLinked,
    SlackAway,
    SlackRefused,
    TicketGone,
)
from bot.model.people import Act, UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId, find_session
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.link_form import LinkForm
from bot.relay.naming import Naming
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.store.tickets import Ticket
from bot.text.to_devin import is_empty, to_markdown
from bot.wording import forms, thread_links
from bot.wording.message import View

log = logging.getLogger(__name__)


class SessionAsked(Ticket):
    """A form that asks for a thread's session; `message` is then sent to it.

    `at` is Slack's time when the form was opened, in microseconds: a submission carries no `ts`.
    """

    kind: ClassVar[str] = "SessionAsked"

    thread: ThreadRef
    message: Reply | None = None
    at: int = 0


ReadAgain = Callable[[Reply], Awaitable[Reply | None]]
"""Returns a message as it is now; None if it is gone."""


@dataclass(frozen=True, slots=True)
class MessageShortcuts:
    """Carries out the message shortcuts."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    choices: SessionChoices
    link_form: LinkForm

    async def send(self, message: Reply, by: UserId) -> Change | View:
        """Accept `message` for its thread's session, or return a form that asks for the session.

        `by` vouches for it: the author's permissions are not checked.

        Raises:
            EmptyMessage: it contains nothing to send.
            CannotPost: the bot could not post the outcome in the thread.
            IsMuted: the thread sends nothing to Devin.
        """
        await self.accepting.check(by, message.thread.channel)
        if is_empty(message):
            raise EmptyMessage
        if by != message.author:
            message = message.model_copy(update={"sent_by": by})
        while True:
            link = await self.state.links.get(message.thread)
            if link is None:
                return await self._ask(by, message.thread, message, message)
            await self.workspace.threads.check_in(message.thread.channel)
            try:
                return await self.link_form.send(message, link.session)
            except NotLinked:
                continue  # unlinked or relinked at this moment

    async def ask(self, thread: ThreadRef, by: UserId, near: Reply | None) -> View:
        """Return a form that asks for the session of `thread`, which `near` may name.

        If the thread has one that has not ended, return a modal that says so.
        """
        await self.accepting.check(by, thread.channel)
        link = await self.state.links.get(thread)
        if link is not None and not await self.accepting.has_ended(link):
            words = thread_links.linked_before(*await self.naming.linked(link))
            return forms.tell(forms.LINK_TITLE, words)
        return await self._ask(by, thread, None, near)

    async def answer(
        self, number: str, by: UserId, session: SessionId, read_again: ReadAgain
    ) -> None:
        """Carry out the form with the ticket `number`, for `session`. Idempotent.

        The message may have been edited or deleted while the form was open, so it is read again.

        Raises:
            TicketGone: the form is too old, or was not opened for `by`.
            MessageGone: the message was deleted.
            EmptyMessage: it contains nothing to send any more.
            PersonError: as for `LinkForm.link`.
        """
        asked = await self.state.tickets.read(SessionAsked, number, by)
        if asked is None:
            raise TicketGone
        await self.accepting.check(by, asked.thread.channel, Act.START)
        session = await self.choices.whole(session, asked.thread.channel, by)
        message = asked.message and await _as_it_is(asked.message, read_again)
        await self.link_form.link(number, by, asked.thread, session, message, since=asked.at)

    async def _ask(
        self, by: UserId, thread: ThreadRef, message: Reply | None, near: Reply | None
    ) -> View:
        await self.accepting.check(by, thread.channel, Act.START)
        named, choices = await asyncio.gather(
            self._named_in(thread, near), self.choices.of(thread.channel, by)
        )
        ticket = SessionAsked(by=by, thread=thread, message=message, at=self.workspace.clock.now)
        number = await self.state.tickets.issue(ticket)
        return forms.ask_session(number, replace(choices, meant=named), message)

    async def _named_in(self, thread: ThreadRef, near: Reply | None) -> SessionId | None:
        """Return the session that `near` names, or the first message of `thread`."""
        named = None if near is None else find_session(to_markdown(near.text, near.blocks))
        if named is None and (near is None or near.ts != thread.thread_ts):
            named = await self._look_at_root(thread)
        return named

    async def _look_at_root(self, thread: ThreadRef) -> SessionId | None:
        """Return the session that the thread's first message names, if Slack shows it in time."""
        try:
            async with asyncio.timeout(self.workspace.timing.root_seconds):
                root = await self.workspace.threads.root(thread)
        except (SlackAway, SlackRefused, TimeoutError) as error:
            reason = type(error).__name__
            log.info("thread not looked at", extra=thread.log_fields | {"reason": reason})
            return None
        return find_session(str(root.get("text") or ""))


async def _as_it_is(message: Reply, read_again: ReadAgain) -> Reply:
    now = await read_again(message)
    if now is None:
        raise MessageGone
    if is_empty(now):
        raise EmptyMessage
    return now.model_copy(update={"sent_by": message.sent_by})
