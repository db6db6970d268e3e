"""What this process is doing for Slack right now: bounded, counted, and finished before it ends.

Bolt keeps no strong reference to its tasks and puts no limit on them: a burst of envelopes would
all run at once, and a task could be collected while it waits.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

CONCURRENCY = 100
CROWD = 4
"""As many requests at once, or replies within `CROWD_SECONDS`, as ordinary talk makes."""

CROWD_SECONDS = 0.02
QUIET_SECONDS = 0.05
BURST_LIMIT_SECONDS = 3.0
"""The longest that a burst puts off deliveries; steady load pays this once, at its beginning."""

STEP_SECONDS = 0.01


class Intake:
    """The requests of Slack that are being answered, and the work that goes on after an answer."""

    def __init__(self, concurrency: int = CONCURRENCY) -> None:
        self._room = asyncio.Semaphore(concurrency)
        self._entered = 0
        self._replied: deque[float] = deque(maxlen=CROWD)
        self._crowded_since = 0.0
        self._crowded_last = -QUIET_SECONDS
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_closing = False

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Count a request from Slack, and wait while too many are being answered."""
        self._entered += 1
        if self._entered > CROWD:
            self._crowded()
        try:
            async with self._room:
                yield
        finally:
            self._entered -= 1

    def replied(self) -> None:
        """Count a reply that was taken."""
        now = time.monotonic()
        self._replied.append(now)
        if len(self._replied) == CROWD and now - self._replied[0] < CROWD_SECONDS:
            self._crowded()

    async def calm(self) -> None:
        """Wait while a burst is coming in.

        Slack may deliver a burst in any order; what is kept before the first delivery can still be
        put in the order it was written. Ordinary traffic never waits here.
        """
        while self.is_crowded:  # noqa: ASYNC110  (rare, and its end is a silence)
            await asyncio.sleep(STEP_SECONDS)

    @property
    def is_crowded(self) -> bool:
        """Whether a burst is coming in, and no longer than `BURST_LIMIT_SECONDS` yet."""
        now = time.monotonic()
        # What has come in and is not kept yet belongs to it, however slowly it is worked off.
        goes_on = self._entered > CROWD or now - self._crowded_last < QUIET_SECONDS
        return goes_on and now - self._crowded_since < BURST_LIMIT_SECONDS

    def _crowded(self) -> None:
        now = time.monotonic()
        if now - self._crowded_last > QUIET_SECONDS:
            self._crowded_since = now
        self._crowded_last = now

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Go on with `work` after the request is answered; `drain` waits for it."""
        task = asyncio.create_task(self._logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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

    async def _logged(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("work after an answer failed")
