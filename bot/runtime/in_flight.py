"""The requests that this process is answering, work that continues after that, and rate limits.

A failure of work that nobody awaits ends in the log, under a reference (`guarded`).

Slack may deliver a crowd in any order. Steady load is a crowd that never ends, and in order.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from bot.model.errors import PassingError, RelayError, TooMuch
from bot.model.times import Micros
from bot.timing import TIMING

log = logging.getLogger(__name__)

T = TypeVar("T")

CONCURRENCY = 100
CROWD = 4
"""Most requests at once in ordinary conversation."""

CROWD_SECONDS = 0.1
"""The time for which a crowd counts as one after its size has fallen."""

ORDERLY = 20
"""Consecutive replies of a crowd, each written after the one before, that prove order."""

MOST_AWAITED = 1_000
"""Limit on concurrent work that people wait for in this process; most of it waits for Slack."""

LOOK_SECONDS = 0.01


class InFlight:
    """The requests being answered."""

    def __init__(
        self, concurrency: int = CONCURRENCY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._room = asyncio.Semaphore(concurrency)
        self._entered = 0
        self._clock = clock
        self._crowd_ends = 0.0
        self._latest, self._in_order = Micros(0), 0
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

    def replied(self, written: Micros) -> None:
        """Note a fresh reply that was `written` at that time."""
        self._in_order = self._in_order + 1 if written >= self._latest else 0
        self._latest = max(self._latest, written)

    async def enter(self) -> None:
        """Count a request, which must `leave`, and wait while too many are being answered."""
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


@dataclass(frozen=True, slots=True)
class Unforeseen:
    """A failure that nobody foresaw, with the reference under which it is logged."""

    reference: str


def unforeseen(log: logging.Logger, error: Exception, **ids: object) -> Unforeseen:
    """Log `error`, with its traceback, under a new reference."""
    reference = secrets.token_hex(4)
    what = str(error) if isinstance(error, RelayError) else type(error).__name__
    log.error("unforeseen: %s", what, extra={**ids, "reference": reference}, exc_info=error)
    return Unforeseen(reference)


async def guarded(
    work: Awaitable[T], log: logging.Logger, *foreseen: type[Exception], **ids: object
) -> T | Unforeseen:
    """Return the result of `work`; a failure of it is raised if `foreseen`, or else logged."""
    try:
        return await work
    except foreseen:
        raise
    except Exception as error:  # noqa: BLE001  (nobody else would hear of it)
        return unforeseen(log, error, **ids)


class Background:
    """The background tasks of this process; `soon` waits `seconds` for one."""

    def __init__(self, in_flight: InFlight, seconds: float = TIMING.soon_seconds) -> None:
        self._in_flight = in_flight
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._awaited: set[asyncio.Task[None]] = set()

    @property
    def is_closing(self) -> bool:
        """True if the process is ending: no more work may begin."""
        return self._in_flight.is_closing

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work`; `drain` waits for it."""
        task = asyncio.create_task(_done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        """Run `work` that somebody waits for; beyond `MOST_AWAITED`, it is dropped and logged."""
        if len(self._awaited) >= MOST_AWAITED:
            work.close()
            log.error("answer given up", extra={"reason": "too many at once"})
            return None
        task = self.spawn(work)
        self._awaited.add(task)
        task.add_done_callback(self._awaited.discard)
        return task

    async def soon(self, work: Coroutine[None, None, None]) -> None:
        """Run what a person asked for, and wait for it, but not for long.

        Slack never redelivers a command or an interaction. If this process dies meanwhile, the
        person sees that it failed, as after `TooMuch`: Slack must not be acknowledged then.
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
            await asyncio.sleep(LOOK_SECONDS)
        for task in list(self._tasks):
            log.error("cut off at shutdown", extra={"task": task.get_name()})
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _done(work: Coroutine[None, None, None]) -> None:
    """Do it; an outage that it meets is a line in the log, and anything else has a traceback."""
    try:
        await guarded(work, log, PassingError)
    except PassingError as error:
        log.warning("background work not done", extra={"reason": str(error)})


SHORTEST_SECONDS = 0.5
"""The length of a limit for an answer that asks for less, or says nothing."""

LONGEST_LINE = 60.0
"""The most seconds that a call waits for others after a limit: some of those never come back."""


@dataclass(slots=True)
class Limit:
    """A limit that was imposed; `step` is the time in seconds between two calls after it."""

    step: float
    until: float = 0.0
    next_free: float = 0.0
    is_tried: bool = False

    @property
    def is_in_force(self) -> bool:
        """Whether calls must wait: until its end, and then for the one that tries."""
        return self.is_tried or time.monotonic() < self.until

    def extend(self, seconds: float) -> None:
        """Let the limit last for `seconds` from now, at least."""
        self.until = max(self.until, time.monotonic() + max(SHORTEST_SECONDS, seconds))
        self.is_tried = False

    @property
    def backlog(self) -> float:
        """The seconds until those who wait have called, or got later times; a step at least."""
        return max(self.step, self.next_free - time.monotonic())

    def reserve(self) -> float:
        """Give away the next time for a call, in seconds from now."""
        now = time.monotonic()
        free = max(self.until, now + self.step if self.is_tried else now)
        at = min(max(self.next_free, free), free + LONGEST_LINE)
        self.next_free = at + self.step
        return at - now
