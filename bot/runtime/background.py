"""Work that continues after the acknowledgement: bounded, and finished before the process ends.

Bolt keeps no strong reference to its tasks, so one could be collected while it waits.
"""

import asyncio
import logging
from collections.abc import Coroutine

from bot.model.errors import PassingError, TooMuch
from bot.runtime.in_flight import InFlight
from bot.runtime.logs import guarded
from bot.timing import TIMING

log = logging.getLogger(__name__)

MOST = 1_000
"""Limit on concurrent work that people wait for in this process; most of it waits for Slack."""

STEP_SECONDS = 0.01


class Background:
    """The background tasks of this process; `soon` waits `seconds` for one."""

    def __init__(self, in_flight: InFlight, seconds: float = TIMING.soon_seconds) -> None:
        self._in_flight = in_flight
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0

    @property
    def is_closing(self) -> bool:
        """True if the process is ending: no more work may begin."""
        return self._in_flight.is_closing

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work` in the background; `drain` waits for it."""
        task = asyncio.create_task(_done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        """Run `work` that somebody waits for after the acknowledgement.

        While `MOST` are in progress, further work is dropped with a line in the log: Slack accepts
        no more.
        """
        if self._under_way >= MOST:
            work.close()
            log.error("answer given up", extra={"reason": "too many at once"})
            return None
        self._under_way += 1
        return self.spawn(self._counted(work))

    async def soon(self, work: Coroutine[None, None, None]) -> None:
        """Run what a person asked for, and wait for it, but for at most a second.

        Slack never redelivers a command or an interaction. If this process dies meanwhile, the
        person sees that it failed, instead of nothing at all.

        Raises:
            TooMuch: it was not started: Slack must not be acknowledged.
        """
        task = self.later(work)
        if task is None:
            raise TooMuch("too many at once")
        await asyncio.wait({task}, timeout=self._seconds)

    async def drain(self, seconds: float) -> None:
        """Accept no more requests, and finish work in progress, for at most that long."""
        self._in_flight.is_closing = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (self._tasks or not self._in_flight.is_idle) and loop.time() < deadline:  # noqa: ASYNC110  (once, at the end)
            await asyncio.sleep(STEP_SECONDS)
        for task in list(self._tasks):
            log.error("cut off at shutdown", extra={"task": task.get_name()})
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _counted(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        finally:
            self._under_way -= 1


async def _done(work: Coroutine[None, None, None]) -> None:
    """Do it; an outage that it meets is a line in the log, and anything else has a traceback."""
    try:
        await guarded(work, log, PassingError)
    except PassingError as error:
        log.warning("background work not done", extra={"reason": str(error)})
