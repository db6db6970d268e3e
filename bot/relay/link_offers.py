"""The author of a message with a session's address in an unlinked thread is offered a link.

Nothing is linked without a press, and only the author can press.
"""

from typing import ClassVar

from bot.model.errors import NotIdentified, TicketGone
from bot.model.people import Standing, UserId
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.relay.link_form import LinkForm
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.store.tickets import Ticket
from bot.wording import thread_links


class LinkOffered(Ticket):
    """An offer to link a thread to a session."""

    kind: ClassVar[str] = "LinkOffered"

    thread: ThreadRef
    session: SessionId


class LinkOffers:
    """Makes the offers, and links a thread when its offer is accepted."""

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        link_form: LinkForm,
        naming: Naming,
        notices: Notices,
    ) -> None:
        self._permissions = workspace.permissions
        self._link_form = link_form
        self._naming = naming
        self._links = state.links
        self._tickets = state.tickets
        self._notices = notices
        self._claims = state.claims

    async def make(self, thread: ThreadRef, to: UserId, session: SessionId, ts: str) -> bool:
        """Offer `to`, who wrote the message `ts`, to link `thread` to `session`, and return True.

        Return False without an offer if the thread is linked, if `to` may not steer Devin there or
        Slack cannot identify `to` now, or if another message brought an offer into this thread in
        the last 30 days.

        Raises:
            StoreAway: no offer was made.
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
        words = thread_links.offer(await self._naming.one(session), number)
        await self._notices.whisper(thread, to, words, once="offer", at=ts)
        return True

    async def take_up(self, number: str, by: UserId, channel: str) -> NamedSession:
        """Link the thread of an offer that was made to `by` in `channel`; return its session.

        Idempotent.

        Raises:
            TicketGone: the offer does not exist or has expired.
            PersonError: as for `LinkForm.link`.
        """
        offered = await self._tickets.read(LinkOffered, number, by)
        if offered is None or offered.thread.channel != channel:
            raise TicketGone
        await self._link_form.link(number, by, offered.thread, offered.session)
        return await self._naming.one(offered.session)
