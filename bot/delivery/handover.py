"""Hands the reply of an idle session to its sender in the step that accepts it.

ACCEPT then marks the reply as being sent, under a lease of this process, so nothing is asked of
Redis between the acknowledgement and the POST. The invariant: a reply that was handed over is sent
by this process, or put back into its mailbox because it certainly was not sent. Only if the process
dies in between is it what a crash while sending leaves: interrupted, and reconciled.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bot.delivery.lease import Lease
from bot.delivery.patience import patiently
from bot.model.errors import StoreAway
from bot.model.replies import ReplyId
from bot.model.schedule import SlotSchedule
from bot.model.sessions import SessionId
from bot.runtime.background import Background
from bot.runtime.in_flight import InFlight
from bot.store.mailbox import Mailbox
from bot.store.turn import Head

log = logging.getLogger(__name__)


class Handover:
    """The replies that are handed over in this process, by session."""

    def __init__(
        self,
        mailbox: Mailbox,
        schedule: SlotSchedule,
        in_flight: InFlight,
        background: Background,
    ) -> None:
        self._mailbox = mailbox
        self._schedule = schedule
        self._in_flight = in_flight
        self._background = background
        self._offers = 0
        self._handed: dict[SessionId, tuple[Lease, Head]] = {}

    @contextmanager
    def offered(self, session: SessionId) -> Iterator[Lease | None]:
        """Yield a lease to accept a reply under; None if it could not be sent at once here.

        A slot is left for each lease that is offered at the same time.
        """
        if self._must_wait or self._schedule.free_slots <= self._offers:
            yield None
            return
        lease = Lease(self._mailbox, session)
        lease.extend(time.monotonic())
        self._offers += 1
        try:
            yield lease
        finally:
            self._offers -= 1

    def give(self, lease: Lease, head: Head) -> None:
        """Have a handed reply sent, unless something stands against it by now."""
        if self._must_wait or not self._schedule.begin(lease.session):
            self.withdraw(lease, head.reply.id)
        else:
            # The delivery that has just begun runs in a later turn of the event loop.
            self._handed[lease.session] = lease, head

    def withdraw(self, lease: Lease, reply: ReplyId) -> None:
        """Put a reply back that is not sent here, even if it is unknown whether it was handed."""
        self._background.spawn(self._put_back(lease, reply))

    def taken(self, session: SessionId) -> tuple[Lease, Head] | None:
        """Take what was handed over for `session`."""
        return self._handed.pop(session, None)

    @property
    def _must_wait(self) -> bool:
        """True while a burst arrives that may still bring an earlier reply, or while closing."""
        return self._in_flight.is_closing or self._in_flight.is_crowded

    async def _put_back(self, lease: Lease, reply: ReplyId) -> None:
        session, token = lease.session, lease.token
        try:
            await patiently(lambda: self._mailbox.put_back(session, token, reply), self._in_flight)
            await self._schedule.wake(session)
        except StoreAway as error:
            ids = {"session_id": session, "reply_id": reply, "reason": str(error)}
            log.warning("reply not put back", extra=ids)
