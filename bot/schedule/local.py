"""Work that begins now is done in this process if it has room, and by docket otherwise.

A detour over docket costs time and, for every reply, several more Redis commands. docket's tasks
hand their work to this module too, and end at once: so docket's slots stay free for timers and the
sweep, however long a delivery waits for a slot, for Devin, or for Slack.

The mailbox makes both safe: the sweep finds whatever stays due in Redis because this process had no
room, or died before or while doing it, and a docket task that was lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from bot.delivery.deliverer import PASS_ON_SECONDS, Deliverer
from bot.model.errors import StoreAway
from bot.model.owed import ReportId
from bot.model.schedule import Schedule
from bot.model.sessions import SessionId
from bot.reporting.reporter import Reporter
from bot.runtime.intake import Intake
from bot.runtime.logs import guarded
from bot.store.outbox import GRACE, Outbox

log = logging.getLogger(__name__)

TELLING_AT_ONCE = 4
"""Slack takes a message a second in a channel, and some 50 marks a minute."""

LATE_AT_ONCE = 16
"""The same for reports that docket brings, so that a flood of first ✅ delays no notice."""

WAKING_FOR_EACH_SLOT = 4
"""Sessions that wait here for a slot; more go to docket, where a process with room takes them."""

BROUGHT_FOR_EACH_SLOT = 16
"""Sessions that wait here if docket brings them; more stay in Redis, to be looked for later."""

MOST_UNTOLD = 500
"""As many reports as wait here for their turn at Slack, ten minutes' worth of marks."""

LOOK_SECONDS = 0.1
"""Between two looks for more; a process takes less time over what one look finds."""

T = TypeVar("T")
Work = Callable[[], Awaitable[None]]


class Line(Generic[T]):
    """Work that waits for one of `slots`, in the order it came; nothing waits twice."""

    def __init__(self, intake: Intake, slots: int) -> None:
        self._intake = intake
        self._slots = slots
        self._waiting: dict[T, Work] = {}
        self._running = 0

    @property
    def is_short(self) -> bool:
        """Whether fewer wait than there are slots."""
        return len(self._waiting) < self._slots

    def has_room(self, most: int) -> bool:
        """Whether fewer than `most` wait or run."""
        return len(self._waiting) + self._running < most

    def add(self, what: T, work: Work, most: int) -> bool:
        """Do `work` when its turn comes; False without room for it, True also if `what` waits.

        Work that waits has looked at nothing yet, so it serves this caller as well. Work that runs
        may have looked too early, so `what` may wait beside it.
        """
        if what in self._waiting:
            return True
        if not self.has_room(most):
            return False
        self._waiting[what] = work
        self._begin()
        return True

    def _begin(self) -> None:
        while self._waiting and self._running < self._slots:
            what = next(iter(self._waiting))
            self._running += 1
            self._intake.spawn(self._run(self._waiting.pop(what)))

    async def _run(self, work: Work) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            self._waiting.clear()  # the process ends; nothing more may begin
            raise
        finally:
            self._running -= 1
            self._begin()


class LocalDispatch:
    """A `Schedule` that hands to another one what is for later, or too much for this process."""

    def __init__(self, schedule: Schedule, intake: Intake, concurrency: int) -> None:
        self._schedule = schedule
        self._intake = intake
        self._concurrency = concurrency
        self._sessions: Line[SessionId] = Line(intake, concurrency)
        self._marks: Line[ReportId] = Line(intake, TELLING_AT_ONCE)
        self._words: Line[ReportId] = Line(intake, TELLING_AT_ONCE)
        self._late: Line[ReportId] = Line(intake, LATE_AT_ONCE)
        self._deliveries: Deliverer | None = None
        self._telling: Reporter | None = None
        self._reports: Outbox | None = None
        self._may_be_more = False
        self._is_looking = False

    @property
    def is_full(self) -> bool:
        """Whether as many marks wait here as are kept waiting."""
        return not self._marks.has_room(MOST_UNTOLD)

    def serve(self, deliveries: Deliverer, telling: Reporter, reports: Outbox) -> None:
        """Do the work with these; until then everything goes to the other schedule."""
        self._deliveries, self._telling, self._reports = deliveries, telling, reports

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds."""
        if after or not self._take(session, WAKING_FOR_EACH_SLOT):
            await self._schedule.wake(session, after)

    async def deliver_here(self, session: SessionId) -> None:
        """Deliver the session's mail soon, as docket asks; returns at once.

        Without room for it here, its mail stays due in Redis and is looked for when there is. A
        process that is closing passes it on.

        Raises:
            StoreAway: it could not be passed on.
        """
        if self._intake.is_closing:
            await self._schedule.wake(session, PASS_ON_SECONDS)
            return
        self._take(session, BROUGHT_FOR_EACH_SLOT)
        self._may_be_more = True
        self._look_for_more()

    async def tell(
        self, report: ReportId, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Tell `report`, in `after` seconds; `is_mark`: it is a first ✅ and no more."""
        telling = self._telling
        if after or self._intake.is_closing or telling is None:
            await self._schedule.tell(report, after, attempt)
            return
        if is_mark:
            work = partial(_tell, telling.mark, report)
            if not self._marks.add(report, work, MOST_UNTOLD):
                await telling.drop(report)
            return
        work = partial(_tell, partial(telling.tell, attempt=attempt), report)
        if not self._words.add(report, work, MOST_UNTOLD):
            await telling.shed(report, attempt)

    async def tell_here(self, report: ReportId, attempt: int) -> None:
        """Tell `report` soon, as docket asks; returns at once.

        Without room for it here, the sweep brings it again. A process that is closing tells it
        first: docket would take no second task for the same attempt.
        """
        if self._telling is None:
            return
        work = partial(_tell, partial(self._telling.tell, attempt=attempt), report)
        if self._intake.is_closing:
            await work()
        else:
            self._late.add(report, work, MOST_UNTOLD)

    def _take(self, session: SessionId, for_each_slot: int) -> bool:
        """Whether the session waits here for a slot now."""
        if self._intake.is_closing or self._deliveries is None:
            return False
        work = partial(self._deliver, self._deliveries, session)
        return self._sessions.add(session, work, for_each_slot * self._concurrency)

    async def _deliver(self, deliveries: Deliverer, session: SessionId) -> None:
        try:
            await _left_to_sweep(deliveries.deliver(session), session_id=session)
        finally:
            self._look_for_more()

    def _look_for_more(self) -> None:
        """Look what else is due, if docket has brought some of it and hardly any is left here.

        The sweep wakes only some sessions at a time, and no slot should stand idle until the next.
        """
        if not self._may_be_more or self._is_looking or not self._sessions.is_short:
            return
        if self._intake.is_closing or self._reports is None:
            return
        self._may_be_more, self._is_looking = False, True
        self._intake.spawn(_left_to_sweep(self._look(self._reports)))

    async def _look(self, reports: Outbox) -> None:
        limit = WAKING_FOR_EACH_SLOT * self._concurrency
        try:
            due = await reports.abandoned(GRACE, limit)
            for session in due:
                self._take(session, BROUGHT_FOR_EACH_SLOT)
            self._may_be_more |= len(due) == limit
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._is_looking = False
            self._look_for_more()


async def _tell(tell: Callable[[ReportId], Awaitable[None]], report: ReportId) -> None:
    await _left_to_sweep(tell(report), reply_id=report.reply)


async def _left_to_sweep(work: Awaitable[None], **ids: str) -> None:
    try:
        await guarded(work, log, StoreAway, **ids)
    except StoreAway as error:
        log.warning("put off", extra=ids | {"reason": str(error)})
