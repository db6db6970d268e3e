"""Holds a try at an entry of the outbox for as long as it goes on."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.model.errors import StoreAway
from bot.store.leases import renewed
from bot.store.outbox import HELD, Begun, Outbox

EVERY = timedelta(seconds=3)
MARGIN = timedelta(seconds=3)
"""Nothing is posted so shortly before others may begin."""


class Hold:
    """Keeps other processes out of a try; they may begin soon after this process has died."""

    def __init__(self, outbox: Outbox, begun: Begun) -> None:
        self._outbox = outbox
        self._owed = begun.owed
        self._until = begun.until
        self._held_at = time.monotonic()
        self._is_lost = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Hold the try inside this context."""
        async with renewed(self._renew, EVERY, "hold", reply_id=self._owed.subject):
            yield

    def check(self) -> None:
        """Check that no other process tries this entry.

        Raises:
            StoreAway: another one may. The entry stays as it is: to end this try would end theirs.
        """
        held_for = time.monotonic() - self._held_at
        if self._is_lost or held_for > (HELD - MARGIN).total_seconds():
            raise StoreAway("a try was held no longer")

    async def _renew(self) -> None:
        at = time.monotonic()
        until = None if self._is_lost else await self._outbox.hold(self._owed, self._until)
        if until is None:
            self._is_lost = True
        else:
            self._until, self._held_at = until, at
