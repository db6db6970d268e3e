"""The Slack requests that this process is answering: bounded, and watched for bursts.

Bolt puts no limit on its tasks, so all envelopes of a burst would run at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.runtime.reordering import CROWD, ReorderingWindow

CONCURRENCY = 100
STEP_SECONDS = 0.01


class InFlight:
    """The requests being answered."""

    def __init__(
        self, concurrency: int = CONCURRENCY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._room = asyncio.Semaphore(concurrency)
        self._entered = 0
        self._clock = clock
        self._window = ReorderingWindow(clock)
        self.is_closing = False

    @property
    def is_idle(self) -> bool:
        """True if no request is being answered or waits for room."""
        return not self._entered

    @property
    def is_crowd(self) -> bool:
        """True if more requests are being answered than people write."""
        return self._entered > CROWD

    async def enter(self) -> None:
        """Count a request from Slack, and wait while too many are being answered.

        A caller that entered must `leave`; one that was canceled while waiting has not entered.
        """
        self._entered += 1
        if self.is_crowd:
            self._window.crowded()
        try:
            await self._room.acquire()
        except asyncio.CancelledError:
            self._entered -= 1
            raise

    def leave(self) -> None:
        """Note that a request has been answered."""
        self._room.release()
        self._entered -= 1

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Call `enter`, and `leave` on exit."""
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    def replied(self, written: int) -> None:
        """Count an accepted reply that was written at `written` (its `ts` in microseconds)."""
        self._window.replied(written)

    async def calm(self) -> None:
        """Wait while a burst arrives that may be out of order; ordinary messages never wait."""
        while self.is_crowded:
            awake = self._clock() + STEP_SECONDS
            await asyncio.sleep(STEP_SECONDS)
            self._window.stood_still(awake)

    @property
    def is_crowded(self) -> bool:
        """True if such a burst is arriving."""
        # Requests that have arrived and are not kept yet belong to it, however slowly they are
        # handled.
        return self._window.is_on(is_crowded=self.is_crowd)
