"""Work that goes on after Slack was answered: bounded, and finished before the process ends.

Bolt keeps no strong reference to its tasks: one could be collected while it waits.
"""

import asyncio
import logging
from collections.abc import Coroutine

from bot.model.errors import TooMuch
from bot.runtime.in_flight import InFlight
from bot.runtime.logs import guarded

log = logging.getLogger(__name__)

MOST = 1_000
"""Pieces of work that people wait for, at once in this process; most of them wait for Slack."""

SOON_SECONDS = 1.0
"""Of the 3 s for which Slack waits for an acknowledgement."""

STEP_SECONDS = 0.01


class Background:
    """The tasks of this process."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0

    @property
    def is_closing(self) -> bool:
        """Whether the process ends: nothing more is to begin."""
        return self._in_flight.is_closing

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Go on with `work`; `drain` waits for it."""
        task = asyncio.create_task(_done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        """Go on with `work` that somebody waits for, after the acknowledgement.

        While `MOST` are under way more are dropped, with a line in the log: Slack takes none now.
        """
        if self._under_way >= MOST:
            work.close()
            log.error("answer given up", extra={"reason": "too many at once"})
            return None
        self._under_way += 1
        return self.spawn(self._counted(work))

    async def soon(self, work: Coroutine[None, None, None]) -> None:
        """Go on with what a person asked for, and wait for it, a second at most.

        Slack never brings a command or an interaction again. Should this process die meanwhile,
        the person sees that it failed, instead of nothing at all.

        Raises:
            TooMuch: it is not done: Slack must not be acknowledged.
        """
        task = self.later(work)
        if task is None:
            raise TooMuch("too many at once")
        await asyncio.wait({task}, timeout=SOON_SECONDS)

    async def drain(self, seconds: float) -> None:
        """Take no more requests, and finish what was begun, for that long at most."""
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
    await guarded(work, log)
