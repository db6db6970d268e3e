"""The Slack requests that this process is answering: bounded, and a crowd if there are many.

Bolt puts no limit on its tasks, so all envelopes of a burst would run at once. Slack may deliver a
crowd in any order. Steady load is a crowd that never ends, and in order.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

CONCURRENCY = 100
CROWD = 4
"""Most requests at once in ordinary conversation."""

CROWD_SECONDS = 0.1
"""The time for which a crowd counts as one after its size has fallen."""

ORDERLY = 20
"""Consecutive replies of a crowd, each written after the one before, that prove order."""


class InFlight:
    """The requests being answered."""

    def __init__(
        self, concurrency: int = CONCURRENCY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._room = asyncio.Semaphore(concurrency)
        self._entered = 0
        self._clock = clock
        self._crowd_ends = 0.0
        self._latest = self._in_order = 0
        self.is_closing = False

    @property
    def is_idle(self) -> bool:
        """True if no request is being answered or waits for room."""
        return not self._entered

    @property
    def is_crowd(self) -> bool:
        """True if more requests are being answered than people write, or were a moment ago."""
        return self._entered > CROWD or self._clock() < self._crowd_ends

    @property
    def may_be_disordered(self) -> bool:
        """True if there is a crowd that has not proved to be in order."""
        return self.is_crowd and self._in_order < ORDERLY

    def replied(self, written: int) -> None:
        """Note a fresh reply that was written at `written` (its `ts` in microseconds)."""
        self._in_order = self._in_order + 1 if written >= self._latest else 0
        self._latest = max(self._latest, written)

    async def enter(self) -> None:
        """Count a request from Slack, and wait while too many are being answered.

        A caller that entered must `leave`; one that was canceled while waiting has not entered.
        """
        if not self.is_crowd:
            self._in_order = 0
        self._entered += 1
        try:
            await self._room.acquire()
        except asyncio.CancelledError:
            self._entered -= 1
            raise

    def leave(self) -> None:
        """Note that a request has been answered."""
        if self._entered > CROWD:
            self._crowd_ends = self._clock() + CROWD_SECONDS
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
