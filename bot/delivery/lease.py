"""The lease of one delivery on a session, renewed while Devin answers.

A process that may have lost its lease, for instance because it was frozen, must not send.
"""

import secrets
import time
from contextlib import AbstractAsyncContextManager

from bot.model.sessions import SessionId
from bot.redis.keep import LEASE
from bot.store.leases import renewed
from bot.store.mailbox import Mailbox

TURN_SECONDS = 1.0
"""The time after which a session with much mail makes room for others."""

RENEWALS = 3
"""The number of times a lease is renewed before it would expire."""


class Lease:
    """A lease on a session, with the time until which this process is certain to have it."""

    def __init__(self, mailbox: Mailbox, session: SessionId) -> None:
        self.mailbox = mailbox
        self.session = session
        self.token = secrets.token_hex(8)
        self.turn_ends = time.monotonic() + TURN_SECONDS
        self._until = 0.0

    @property
    def is_certain(self) -> bool:
        """True until the lease may have expired; after that, nothing may be sent."""
        return time.monotonic() < self._until

    def extend(self, since: float) -> None:
        """Note that the lease was confirmed by a command that began at `since`."""
        self._until = since + LEASE.total_seconds() * 0.8

    def kept(self) -> AbstractAsyncContextManager[None]:
        """Renew the lease inside this context."""
        return renewed(self._renew, LEASE / RENEWALS, "lease", session_id=self.session)

    async def _renew(self) -> None:
        began = time.monotonic()
        if await self.mailbox.renew(self.session, self.token):
            self.extend(began)
