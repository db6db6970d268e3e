"""Work that begins now is done in this process if it has room, and by docket otherwise.

A detour over docket costs time and, for every reply, several more Redis commands. The
mailbox makes the short way safe: what is due in Redis and nobody does, because this process died
before or while doing it, is found by the sweep, just like a docket task that was lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from bot.deliveries import Deliveries
from bot.errors import StoreAway
from bot.intake import Intake
from bot.models import SessionId
from bot.reports import ReportId
from bot.schedule import Schedule
from bot.telling import Telling

log = logging.getLogger(__name__)

TELLING_AT_ONCE = 4
"""Slack takes a message a second in a channel, and some 50 marks a minute."""

WAKING_FOR_EACH_SLOT = 4
"""Sessions that wait here for a slot; more go to docket, where a process with room takes them."""

MOST_UNTOLD = 500
"""As many reports as wait here for their turn at Slack, ten minutes' worth of marks."""


class Nearby:
    """A `Schedule` that hands to another one what is for later, or too much for this process."""

    def __init__(self, schedule: Schedule, intake: Intake, concurrency: int) -> None:
        self._schedule = schedule
        self._intake = intake
        self._most_waking = WAKING_FOR_EACH_SLOT * concurrency
        self._waking = 0
        self._deliveries: Deliveries | None = None
        self._telling: Telling | None = None
        self._slots = asyncio.Semaphore(TELLING_AT_ONCE)
        self._untold = 0

    @property
    def is_full(self) -> bool:
        """Whether as many reports wait here as are kept waiting."""
        return self._untold >= MOST_UNTOLD

    def serve(self, deliveries: Deliveries, telling: Telling) -> None:
        """Do the work with these; until then everything goes to the other schedule."""
        self._deliveries, self._telling = deliveries, telling

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds."""
        deliveries = self._deliveries
        is_full = self._waking >= self._most_waking
        if after or self._intake.is_closing or deliveries is None or is_full:
            await self._schedule.wake(session, after)
            return
        self._waking += 1
        self._intake.spawn(self._deliver(deliveries, session))

    async def tell(
        self, report: ReportId, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Tell `report`, in `after` seconds; `is_mark`: it is a first ✅ and no more."""
        telling = self._telling
        if after or self._intake.is_closing or telling is None:
            await self._schedule.tell(report, after, attempt)
            return
        if self.is_full:
            await (telling.drop(report) if is_mark else telling.shed(report, attempt))
            return
        self._untold += 1
        tell = telling.mark if is_mark else partial(telling.tell, attempt=attempt)
        self._intake.spawn(self._tell(tell, report))

    async def _deliver(self, deliveries: Deliveries, session: SessionId) -> None:
        try:
            await _left_to_sweep(deliveries.deliver(session), session_id=session)
        finally:
            self._waking -= 1

    async def _tell(self, tell: Callable[[ReportId], Awaitable[None]], report: ReportId) -> None:
        try:
            async with self._slots:
                await _left_to_sweep(tell(report), reply_id=report.reply)
        finally:
            self._untold -= 1


async def _left_to_sweep(work: Awaitable[None], **ids: str) -> None:
    try:
        await work
    except StoreAway as error:
        log.warning("put off", extra=ids | {"reason": str(error)})
