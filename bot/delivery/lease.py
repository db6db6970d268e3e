"""A session held by one delivery, renewed while Devin takes its time.

A process that may have lost its lease, because it was frozen, say, must send nothing.
"""

import secrets
import time
from contextlib import AbstractAsyncContextManager

from bot.model.sessions import SessionId
from bot.store.leases import renewed
from bot.store.mailbox import LEASE, Mailbox

TURN_SECONDS = 1.0
"""A session with much mail makes room for others after this time."""

RENEWALS = 3
"""The number of times a lease is renewed before it would expire."""


class Lease:
    """A session held by this run, with the moment until which that is certain."""

    def __init__(self, mailbox: Mailbox, session: SessionId) -> None:
        self.mailbox = mailbox
        self.session = session
        self.token = secrets.token_hex(8)
        self.turn_ends = time.monotonic() + TURN_SECONDS
        self._until = 0.0

    @property
    def is_certain(self) -> bool:
        """False once the lease may have expired: a process that was frozen must not send."""
        return time.monotonic() < self._until

    def extend(self, since: float) -> None:
        """The lease was confirmed by a command that began at `since`."""
        self._until = since + LEASE.total_seconds() * 0.8

    def kept(self) -> AbstractAsyncContextManager[None]:
        """Renew the lease while Devin takes its time."""
        return renewed(self._renew, LEASE / RENEWALS, "lease", session_id=self.session)

    async def _renew(self) -> None:
        began = time.monotonic()
        if await self.mailbox.renew(self.session, self.token):
            self.extend(began)
