"""A session held by one delivery, renewed while Devin takes its time.

Who holds nothing any more, because its process was frozen, say, must send nothing.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.model.errors import StoreAway
from bot.model.sessions import SessionId
from bot.store.mailbox import LEASE, Mailbox

log = logging.getLogger(__name__)

TURN_SECONDS = 1.0
"""A session with much mail makes room for others after this time."""

RENEWALS = 3
"""As often a lease is renewed before it would expire."""


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

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew the lease while Devin takes its time."""
        loop = asyncio.get_running_loop()
        renewing: list[asyncio.Task[None]] = []

        def begin() -> None:
            renewing.append(asyncio.create_task(self._renew(), name=f"lease {self.session}"))

        # Most deliveries are over by then: a task for each would cost more than the timer.
        timer = loop.call_later(LEASE.total_seconds() / RENEWALS, begin)
        try:
            yield
        finally:
            timer.cancel()
            for task in renewing:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            began = time.monotonic()
            try:
                if await self.mailbox.renew(self.session, self.token):
                    self.extend(began)
            except StoreAway as error:
                log.warning(
                    "lease not renewed", extra={"session_id": self.session, "reason": str(error)}
                )
            await asyncio.sleep(LEASE.total_seconds() / RENEWALS)
