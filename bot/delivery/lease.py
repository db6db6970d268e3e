"""The lease of one delivery on a session, renewed while Devin answers.

A process that may have lost its lease, for instance because it was frozen, must not send. Its
steps in the mailbox are repeated while Redis may come back.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from bot.model.errors import StoreAway
from bot.model.sessions import SessionId
from bot.redis.keep import LEASE
from bot.runtime.in_flight import InFlight
from bot.store.claims import renewed
from bot.store.mailbox import Mailbox

log = logging.getLogger(__name__)

T = TypeVar("T")

TURN_SECONDS = 1.0
"""The time after which a session with much mail makes room for others."""

RENEWALS = 3
"""The number of times a lease is renewed before it would expire."""

RETRY_SECONDS = 60.0
"""The time for which a step that Redis does not accept is retried; then a poll finds it."""

LAST_RETRY_SECONDS = 5.0
"""The same limit while the process is closing."""

RETRY_PAUSE = 0.5


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


async def retried(step: Callable[[], Awaitable[T]], in_flight: InFlight) -> T:
    """Make one step in the mailbox, and repeat it while Redis may come back.

    By the lease's token, a step that was made although its answer was lost is recognized.

    Raises:
        StoreAway: Redis did not come back in time.
    """
    began = time.monotonic()
    while True:
        try:
            return await step()
        except StoreAway as error:
            patience = LAST_RETRY_SECONDS if in_flight.is_closing else RETRY_SECONDS
            if time.monotonic() - began > patience:
                raise
            log.warning("Redis is waited for", extra={"reason": str(error)})
            await asyncio.sleep(RETRY_PAUSE)
