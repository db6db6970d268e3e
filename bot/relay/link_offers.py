"""A session's address in a thread without a link: who wrote it is offered to link the thread.

Nothing is linked without a press, and nobody but who wrote it can press.
"""

from typing import ClassVar

from bot.model.errors import NotIdentified, TicketGone
from bot.model.people import Standing, UserId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.relay.link_form import Linking
from bot.relay.workspace import Workspace
from bot.reporting.notices import Notices
from bot.store.claims import Claims
from bot.store.links import Links
from bot.store.tickets import Ticket, Tickets
from bot.wording import thread_links


class LinkOffered(Ticket):
    """An offer to link a thread to a session."""

    kind: ClassVar[str] = "LinkOffered"

    thread: ThreadRef
    session: SessionId


class LinkOffers:
    """Makes the offers, and does what was offered."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        linking: Linking,
        links: Links,
        tickets: Tickets,
        notices: Notices,
        claims: Claims,
    ) -> None:
        self._permissions = workspace.permissions
        self._linking = linking
        self._links = links
        self._tickets = tickets
        self._notices = notices
        self._claims = claims

    async def make(self, thread: ThreadRef, to: UserId, session: SessionId, ts: str) -> bool:
        """Offer `to`, who wrote the message `ts`, to link `thread` to `session`, and return True.

        False where no offer is to be made: the thread is linked, `to` may not steer Devin there or
        Slack does not say now who that is, or another message brought an offer into this thread in
        the last 30 days.

        Raises:
            StoreAway: nothing was offered.
        """
        if await self._links.get(thread) is not None:
            return False
        try:
            standing = await self._permissions.of(to, thread.channel)
        except NotIdentified:
            return False
        if standing is not Standing.ALLOWED:
            return False
        ticket = LinkOffered(by=to, thread=thread, session=session)
        number = await self._tickets.issue(ticket)
        if not await self._claims.offer(thread, ts):
            return False
        # Slack may send the message as two events, and each of them again.
        await self._notices.whisper(thread, to, thread_links.offer(session, number), once="offer")
        return True

    async def take_up(self, number: str, by: UserId, channel: str) -> SessionId:
        """Link the thread of an offer that was made to `by` in `channel`. Harmless when repeated.

        Raises:
            TicketGone: there is no such offer, or no longer.
            PersonError: as `Linking.link`.
        """
        offered = await self._tickets.read(LinkOffered, number, by)
        if offered is None or offered.thread.channel != channel:
            raise TicketGone
        await self._linking.link(number, by, offered.thread, offered.session)
        return offered.session
