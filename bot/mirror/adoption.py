"""Has threads follow whose links are older than the watch, or were made by an older process.

What their sessions said before that stays out of them. The links that were used last come first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.model.errors import StoreAway
from bot.model.threads import Link, ThreadRef
from bot.runtime.logs import guarded
from bot.store.links import Links
from bot.store.mirror.watches import Watches

log = logging.getLogger(__name__)

EVERY_SECONDS = 120.0
"""The interval: an older process may link threads for as long as a rolling deploy takes."""

MOST_THREADS = 10_000
MOST_SINCE = 1_000
"""The same after the first time: in `EVERY_SECONDS`, Slack sends an app that many events."""

AT_ONCE = 100
"""Links that are read together: memory that they take for a moment stays with the process."""


class Adoption:
    """Looks through the links of a workspace."""

    def __init__(self, *, links: Links, watches: Watches, reads: int) -> None:
        self._links = links
        self._watches = watches
        # Half of the budget: those who speak must not wait for those who are only looked at.
        self._apart = timedelta(minutes=2) / reads
        self._seen = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look through the links now, and again at intervals, inside this context."""
        running = asyncio.create_task(self._run(), name="adoption")
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def adopt(self) -> int:
        """Adopt the links that the watch does not know yet; return how many there were.

        All of them are looked through at first, later those with traffic since then.

        Raises:
            StoreAway: some may not be adopted yet.
        """
        adopted = 0
        latest = await self._links.latest(MOST_SINCE if self._seen else MOST_THREADS)
        threads = [thread for thread, at in latest if at >= self._seen]
        for first in range(0, len(threads), AT_ONCE):
            linked = await self._linked(threads[first : first + AT_ONCE])
            if linked:
                adopted += await self._watches.adopt(linked, self._apart, adopted * self._apart)
        if latest:
            self._seen = latest[0][1]
        return adopted

    async def _linked(self, threads: Sequence[ThreadRef]) -> Sequence[tuple[ThreadRef, Link]]:
        found = await self._links.of(threads)
        return [
            (thread, link) for thread, link in zip(threads, found, strict=True) if link is not None
        ]

    async def _run(self) -> None:
        while True:
            try:
                adopted = await guarded(self.adopt(), log, StoreAway)
                if adopted:
                    log.info("links adopted", extra={"threads": adopted})
            except StoreAway as error:
                log.warning("links not adopted", extra={"reason": str(error)})
            await asyncio.sleep(EVERY_SECONDS)
