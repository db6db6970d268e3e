"""What this process is doing for Slack right now: bounded, counted, and finished before it ends.

Bolt keeps no strong reference to its tasks and puts no limit on them: a burst of envelopes would
all run at once, and a task could be collected while it waits.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from bot.runtime.logs import guarded
from bot.runtime.reordering import CROWD, ReorderingWindow

log = logging.getLogger(__name__)

CONCURRENCY = 100
STEP_SECONDS = 0.01


class Ear(Protocol):
    """Hears of all that comes from Slack. A payload may be anything; nothing here raises."""

    def brought(self, payload: Mapping[str, Any]) -> None:
        """It came; what becomes of it is told later."""

    def ended(self, payload: Mapping[str, Any], *, is_kept: bool) -> None:
        """It was acknowledged; or not, so that Slack brings it again for some minutes at most."""

    def missed(self) -> None:
        """For a while Slack could bring nothing."""


class Intake:
    """The requests of Slack that are being answered, and the work that goes on after an answer."""

    def __init__(
        self, concurrency: int = CONCURRENCY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._room = asyncio.Semaphore(concurrency)
        self._entered = 0
        self._clock = clock
        self._bursts = ReorderingWindow(clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_closing = False

    async def enter(self) -> None:
        """Count a request from Slack, and wait while too many are being answered.

        Who entered must `leave`; who was cancelled while waiting has not entered.
        """
        self._entered += 1
        if self._entered > CROWD:
            self._bursts.crowded()
        try:
            await self._room.acquire()
        except asyncio.CancelledError:
            self._entered -= 1
            raise

    def leave(self) -> None:
        """The request is answered."""
        self._room.release()
        self._entered -= 1

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """`enter`, and `leave` in the end."""
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    def replied(self, written: int) -> None:
        """Count a reply that was taken, and written at `written` (its `ts` in microseconds)."""
        self._bursts.replied(written)

    async def calm(self) -> None:
        """Wait while a burst comes in that may be out of order. Ordinary talk never waits here."""
        while self.is_crowded:
            awake = self._clock() + STEP_SECONDS
            await asyncio.sleep(STEP_SECONDS)
            self._bursts.stood_still(awake)

    @property
    def is_crowded(self) -> bool:
        """Whether such a burst is coming in."""
        # What has come in and is not kept yet belongs to it, however slowly it is worked off.
        return self._bursts.is_on(is_crowded=self._entered > CROWD)

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Go on with `work` after the request is answered; `drain` waits for it."""
        task = asyncio.create_task(_done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, seconds: float) -> None:
        """Take no more, and finish what was begun, for that long at most."""
        self.is_closing = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (self._entered or self._tasks) and loop.time() < deadline:  # noqa: ASYNC110  (once, at the end)
            await asyncio.sleep(STEP_SECONDS)
        for task in list(self._tasks):
            log.error("cut off at shutdown", extra={"task": task.get_name()})
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _done(work: Coroutine[None, None, None]) -> None:
    await guarded(work, log)
