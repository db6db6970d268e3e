"""What people are asked before something is linked, started, run or sent; they press for it.

What a press needs is in a ticket of the person who was asked, never in Slack. Slack may deliver a
press twice; a second run with the number of its ticket finds the first one's work.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.model import errors
from bot.model.people import Act, Standing, UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId, find_session
from bot.model.threads import ThreadRef
from bot.model.times import Ts, ts_micros
from bot.redis.keep import OFFERED
from bot.relay.accept import Accepting
from bot.relay.lifecycle.starting import Start, Starting
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.slack.app.workspace import Workspace
from bot.store.claims import Ticket
from bot.store.state import State
from bot.text.to_devin import is_empty, strip_mention, to_markdown
from bot.wording import forms, refusals, thread_links
from bot.wording.message import SlackMessage, View

ReadAgain = Callable[[Reply], Awaitable[Reply | None]]


class LinkOffered(Ticket, kind="LinkOffered"):
    """An offer to link a thread to a session."""

    thread: ThreadRef
    session: SessionId


class SessionAsked(Ticket, kind="SessionAsked"):
    """A form that asks for a thread's session; `message` is then sent to it."""

    thread: ThreadRef
    message: Reply | None = None


class WordsAsked(Ticket, kind="WordsAsked"):
    """A message to the bot, and the command that it may mean, if any."""

    message: Reply
    verb: str = ""
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks by forms and offers, and carries out what is pressed under them."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    starting: Starting
    notices: Notices

    async def send(self, message: Reply, by: UserId) -> Change | View:
        """Accept `message` for its thread's session, or return a form that asks for the session.

        `by` vouches for its author. Raises `EmptyMessage`, `CannotPost`, `IsMuted` and `NotLinked`.
        """
        await self.accepting.check(by, message.thread.channel)
        if is_empty(message):
            raise errors.EmptyMessage
        if by != message.author:
            message = message.model_copy(update={"sent_by": by})
        link = await self.state.links.get(message.thread)
        if link is None:
            return await self._form(by, message.thread, message, message)
        await self.workspace.channels.check_in(message.thread.channel)
        return await self._accept(message, link.session)

    async def form(self, thread: ThreadRef, by: UserId, near: Reply | None) -> View:
        """Return a form that asks for the session of `thread`, or a modal that tells it."""
        await self.accepting.check(by, thread.channel)
        link = await self.state.links.get(thread)
        if link is not None and not await self.accepting.gives_way(thread, link):
            words = refusals.sorry(
                errors.LinkedElsewhere(*await self.naming.linked(link, thread.channel))
            )
            return forms.tell(forms.LINK_TITLE, words)
        return await self._form(by, thread, None, near)

    async def answer(
        self,
        number: str,
        by: UserId,
        session: SessionId,
        read_again: ReadAgain,
    ) -> None:
        """Carry out the form with the ticket `number`, for `session`. Idempotent.

        `read_again` returns the message as it is now, or None if it is gone. Raises `Expired`,
        `MessageGone`, `EmptyMessage`, `CannotPost` and `LinkedElsewhere`; after `IsMuted`, the
        thread has this session.
        """
        asked = await self.state.tickets.read(SessionAsked, number, by)
        await self.accepting.check(by, asked.thread.channel, Act.START)
        session = await self.naming.whole(session, asked.thread.channel, by)
        message = asked.message
        if message is not None:
            message = await _as_now(message, read_again)
        await self._link(number, by, asked.thread, session, message)

    async def offer_link(self, thread: ThreadRef, to: UserId, session: SessionId, ts: str) -> bool:
        """Offer `to`, who wrote the message `ts`, a link of `thread`; return False if it can't be.

        One who may not link it gets none, and a thread gets it for one message in 30 days.
        """
        if await self.state.links.get(thread) is not None:
            return False
        try:
            standing = await self.workspace.permissions.may(Act.START, to, thread.channel)
        except errors.NotIdentified:
            return False
        if standing is not Standing.ALLOWED:
            return False
        number = await self.state.tickets.issue(LinkOffered(by=to, thread=thread, session=session))
        if not await self.state.claims.claim(f"offered:{thread.name}", OFFERED, ts):
            return False
        # Slack may send the message as two events, and each of them again.
        words = thread_links.offer(await self.naming.one(session, thread.channel, to), number)
        await self.notices.whisper(thread, to, words, once="offer", at=ts)
        return True

    async def take_up(self, number: str, by: UserId, channel: str) -> None:
        """Link the thread of an offer made to `by` in `channel`, once."""
        offered = await self.state.tickets.read(LinkOffered, number, by)
        if offered.thread.channel != channel:
            raise errors.Expired
        await self._link(number, by, offered.thread, offered.session)

    async def _link(
        self,
        number: str,
        by: UserId,
        thread: ThreadRef,
        session: SessionId,
        message: Reply | None = None,
    ) -> None:
        """Link `thread` to `session` from now on, and send `message` there, once per `number`."""
        await self.accepting.check(by, thread.channel, Act.START)
        await self.workspace.channels.check_in(thread.channel)
        claim = f"linking:{number}"
        if await self.state.claims.is_claimed(claim):
            return
        now = self.workspace.clock.now
        link, is_new = await self.accepting.link(thread, by, session, now, near=message)
        await self.naming.check(link, session, thread.channel)
        if message is None and not is_new:
            words = thread_links.linked_already(*await self.naming.linked(link, thread.channel))
            await self.notices.whisper(thread, by, words, once=claim)
        elif message is not None and await self._accept(message, session) is Change.REPEATED:
            told, once = refusals.sorry(errors.AlreadyDone()), f"before:{number}"
            await self.notices.whisper(thread, by, told, once=once, at=message.ts)
        await self.state.claims.claim(claim)

    async def _accept(self, message: Reply, session: SessionId) -> Change:
        change = await self.accepting.accept(message, session)
        if change in {Change.MUTED, Change.UNLINKED}:
            raise errors.IsMuted if change is Change.MUTED else errors.NotLinked
        return change

    async def _form(
        self, by: UserId, thread: ThreadRef, message: Reply | None, near: Reply | None
    ) -> View:
        await self.accepting.check(by, thread.channel, Act.START)
        named, choices = await asyncio.gather(
            self._named_in(thread, near), self.naming.offered(thread.channel, by)
        )
        ticket = SessionAsked(by=by, thread=thread, message=message)
        number = await self.state.tickets.issue(ticket)
        return forms.ask_session(number, replace(choices, meant=named), message)

    async def _named_in(self, thread: ThreadRef, near: Reply | None) -> SessionId | None:
        """Return the session that `near` names, or the thread's first message, if that is shown."""
        named = None if near is None else find_session(to_markdown(near.text, near.blocks))
        if named is not None or (near is not None and near.begins_thread):
            return named
        root = await self.workspace.root(thread)
        return find_session(str(root.get("text") or ""))

    async def offer(self, message: Reply) -> None:
        """Tell the author of `message` that no session got it, and offer what can be done."""
        if await self.state.mailbox.is_known(message.id):
            return
        link = await self.state.links.get(message.thread)
        if link is None and await self.accepting.is_starting(message.thread):
            words = refusals.sorry(errors.BeingStarted())
        elif link is None:
            number = await self._asked(message, Act.START)
            words = thread_links.not_linked(number)
        elif not link.takes_replies:
            words = refusals.sorry(errors.IsMuted())
        elif ts_micros(message.ts) > link.since:
            return  # the link was made just now: its thread is read from its request on
        else:
            words = thread_links.not_sent(await self._asked(message))
        await self._tell(message, words)

    async def ask_session(self, message: Reply) -> None:
        """Ask the author of `message` which session its thread is to be linked to."""
        await self._tell(message, thread_links.which_session(await self._asked(message, Act.START)))

    async def ask_command(self, message: Reply, verb: str, argument: str) -> None:
        """Ask the author of `message` whether they meant the command."""
        number = await self._asked(message, verb=verb, argument=argument)
        is_linked = await self.state.links.get(message.thread) is not None
        words = thread_links.did_you_mean(verb, argument, number, is_linked=is_linked)
        await self._tell(message, words)

    async def read(self, number: str, by: UserId, channel: str) -> WordsAsked:
        """Return what `by` was asked about in `channel`; raises `Expired`."""
        asked = await self.state.tickets.read(WordsAsked, number, by)
        if asked.message.thread.channel != channel:
            raise errors.Expired
        return asked

    async def start(self, number: str, by: UserId, channel: str, at: Ts) -> None:
        """Start a session with the message, from the press at `at` on, as a `start` does."""
        message = (await self.read(number, by, channel)).message
        said = strip_mention(message.text, self.workspace.identity.user)
        prompt = message.text if said is None else said
        message = message.model_copy(update={"text": prompt, "blocks": ()})
        start = Start(message=message, reads_thread=True, is_talk=True, pressed=at)
        await self.starting.start(start)

    async def send_asked(
        self, number: str, by: UserId, channel: str, read_again: ReadAgain
    ) -> Change:
        """Send the message after all, as it is now, once.

        For `read_again`, see `answer`. Raises `Expired`, `MessageGone`, and what `send` does.
        """
        message = (await self.read(number, by, channel)).message
        sent = await self.send(await _as_now(message, read_again), by)
        if not isinstance(sent, Change):
            raise errors.NotLinked
        return sent

    async def _asked(self, message: Reply, act: Act = Act.MESSAGE, **more: str) -> str:
        by, channel = message.author, message.thread.channel
        try:
            await self.accepting.check(by, channel, act, reply_id=message.id)
        except errors.NotIdentified as error:
            # Slack would bring it again, but in a minute, or never: they have an answer now.
            raise errors.NotAllowed(Standing.UNKNOWN) from error
        return await self.state.tickets.issue(WordsAsked(by=by, message=message, **more))

    async def _tell(self, message: Reply, words: SlackMessage) -> None:
        # Slack may send the message as two events, and each of them again.
        once = f"asked:{message.ts}"
        await self.notices.whisper(message.thread, message.author, words, once=once, at=message.ts)


async def _as_now(message: Reply, read_again: ReadAgain) -> Reply:
    """Return what a press is to send: the thread no longer shows what was read before."""
    now = await read_again(message)
    if now is None or is_empty(now):
        raise errors.MessageGone if now is None else errors.EmptyMessage
    return now.model_copy(update={"sent_by": message.sent_by})
