"""Links made by a button or a form; the card in the thread tells who made each of them.

Nothing is linked without a press. The author of a message with a session's address in an unlinked
thread is offered a link, and only they can press.

Slack may deliver a press twice, and a person whose form was not answered in time presses again. So
each carries the number of its ticket, and a second run with that number finds the first one's work.
"""

from dataclasses import dataclass
from typing import ClassVar

from bot.model.errors import IsMuted, LinkedElsewhere, NotIdentified, NotLinked, TicketGone
from bot.model.people import Act, Standing, UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link, ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.store.tickets import Ticket
from bot.wording import forms, thread_links


class LinkOffered(Ticket):
    """An offer to link a thread to a session."""

    kind: ClassVar[str] = "LinkOffered"

    thread: ThreadRef
    session: SessionId


@dataclass(frozen=True, slots=True)
class LinkForm:
    """Links threads at a press or a form, where no message in the thread asked for it."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    notices: Notices

    async def link(
        self,
        number: str,
        by: UserId,
        thread: ThreadRef,
        session: SessionId,
        message: Reply | None = None,
        *,
        since: int = 0,
    ) -> None:
        """Link `thread` to `session` and send `message` there, once per `number`.

        A message that was sent to Devin before is not sent again, and `by` is told. Messages
        written before `since` (a `ts` in microseconds), or before now, do not go to Devin.

        Raises:
            CannotPost: the bot could not post in the thread.
            LinkedElsewhere: the thread has another session.
            IsMuted: the thread has this session, but is muted; the message was not sent.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        await self.workspace.threads.check_in(thread.channel)
        claim = f"linking:{number}"
        if await self.state.claims.is_claimed(claim):
            await self._check_link(await self.state.links.get(thread), session)
            return
        root = message if message is not None and message.ts == thread.thread_ts else None
        since = self.accepting.now(since)
        link, is_new = await self.accepting.link(thread, by, session, since, root=root)
        await self._check_link(link, session)
        change = None if message is None else await self.send(message, session)
        if change is Change.REPEATED:
            once, at = f"before:{number}", "" if message is None else message.ts
            await self.notices.whisper(thread, by, forms.SENT_BEFORE, once=once, at=at)
        if not is_new and message is None:
            words = thread_links.linked_already(*await self.naming.linked(link))
            await self.notices.whisper(thread, by, words, once=claim)
        await self.state.claims.claim(claim)

    async def offer(self, thread: ThreadRef, to: UserId, session: SessionId, ts: str) -> bool:
        """Offer `to`, who wrote the message `ts`, to link `thread` to `session`, and return True.

        Return False without an offer if the thread is linked, if `to` may not link it or Slack
        cannot identify `to` now, or if another message brought an offer into this thread in the
        last 30 days.

        Raises:
            StoreAway: no offer was made.
        """
        if await self.state.links.get(thread) is not None:
            return False
        try:
            standing = await self.workspace.permissions.may(Act.START, to, thread.channel)
        except NotIdentified:
            return False
        if standing is not Standing.ALLOWED:
            return False
        ticket = LinkOffered(by=to, thread=thread, session=session)
        number = await self.state.tickets.issue(ticket)
        if not await self.state.claims.offer(thread, ts):
            return False
        # Slack may send the message as two events, and each of them again.
        words = thread_links.offer(await self.naming.one(session), number)
        await self.notices.whisper(thread, to, words, once="offer", at=ts)
        return True

    async def take_up(self, number: str, by: UserId, channel: str) -> NamedSession:
        """Link the thread of an offer that was made to `by` in `channel`; return its session.

        Idempotent.

        Raises:
            TicketGone: the offer does not exist or has expired.
            PersonError: as for `link`.
        """
        offered = await self.state.tickets.read(LinkOffered, number, by)
        if offered is None or offered.thread.channel != channel:
            raise TicketGone
        await self.link(number, by, offered.thread, offered.session)
        return await self.naming.one(offered.session)

    async def send(self, message: Reply, session: SessionId) -> Change:
        """Accept `message` for the `session` of its thread.

        Raises:
            IsMuted: the thread sends nothing to Devin.
            NotLinked: its link was changed meanwhile.
        """
        change = await self.accepting.accept(message, session)
        if change is Change.MUTED:
            raise IsMuted
        if change is Change.UNLINKED:
            raise NotLinked
        return change

    async def _check_link(self, link: Link | None, session: SessionId) -> None:
        if link is not None and link.session != session:
            raise LinkedElsewhere(*await self.naming.linked(link))
