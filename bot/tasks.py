"""The scheduler: the only module that knows docket.

docket supplies wake-ups, delays, redelivery after a crash and periodic work. Arguments are ids
only, since docket pickles them: the mailbox is the one truth. A task that runs twice or never is
harmless, because the tasks are idempotent and the sweep finds what nobody does.
"""

import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from docket import Docket, Perpetual, Worker
from redis.exceptions import RedisError

from bot import metrics
from bot.deliveries import Deliveries
from bot.errors import StoreAway
from bot.models import SessionId
from bot.reports import ReportId, Reports
from bot.telling import Telling

log = logging.getLogger(__name__)

DOCKET_NAME = "devin-relay"

SWEEP_EVERY = timedelta(seconds=5)
SWEEP_GRACE = timedelta(seconds=5)
SWEEP_LIMIT = 500

REDELIVERY = timedelta(seconds=60)
"""Above the longest task, a delivery that meets Devin's timeouts (chrisguidry/docket#246)."""

BEAT_SECONDS = 0.25

SLOTS = 1024
"""Tasks at once. Deliveries bound themselves; docket's worker sleeps whenever it is full."""


class DocketSchedule:
    """`Schedule`, by docket."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds.

        A wake-up for now has no key: docket would drop it while an earlier one still ends, after it
        saw an empty mailbox. One for later falls on the next beat and is keyed by it, so that many
        asking is one; it never falls on the beat of the task that asks, which is past.
        """
        if not after:
            await self._add("deliver", None, datetime.now(UTC), session)
            return
        beat = math.ceil((time.time() + after) / BEAT_SECONDS)
        when = datetime.fromtimestamp(beat * BEAT_SECONDS, UTC)
        await self._add("deliver", f"deliver:{session}:{beat}", when, session)

    async def tell(self, report: ReportId, after: float = 0.0, attempt: int = 1) -> None:
        """Tell `report`, in `after` seconds."""
        when = datetime.now(UTC) + timedelta(seconds=after)
        await self._add("report", f"report:{report}:{attempt}", when, str(report), attempt)

    async def _add(self, task: str, key: str | None, when: datetime, *args: str | int) -> None:
        try:
            await self._docket.add(task, when=when, key=key)(*args)
        except (RedisError, OSError) as error:
            raise StoreAway(type(error).__name__) from error


@asynccontextmanager
async def open_docket(url: str) -> AsyncIterator[Docket]:
    """The docket in the Redis at `url`, to schedule on."""
    async with Docket(name=DOCKET_NAME, url=url, execution_ttl=timedelta(0)) as docket:
        yield docket


def register(docket: Docket, deliveries: Deliveries, telling: Telling, reports: Reports) -> None:
    """Say what the tasks do. Their names are a contract between the processes of a deploy."""
    schedule = DocketSchedule(docket)

    async def deliver(session: str) -> None:
        try:
            await deliveries.deliver(SessionId(session))
        except StoreAway as error:
            log.warning("delivery put off", extra={"session_id": session, "reason": str(error)})

    async def report(report_id: str, attempt: int = 1) -> None:
        try:
            await telling.tell(ReportId.parse(report_id), attempt)
        except StoreAway as error:
            log.warning("report put off", extra={"report": report_id, "reason": str(error)})

    async def sweep(
        _: Perpetual = Perpetual(every=SWEEP_EVERY, automatic=True),  # noqa: B008  (docket's form)
    ) -> None:
        try:
            await _sweep(schedule, reports)
        except StoreAway as error:
            log.warning("sweep put off", extra={"reason": str(error)})

    for task in (deliver, report, sweep):
        docket.register(task)


async def _sweep(schedule: DocketSchedule, reports: Reports) -> None:
    sessions, untold = await reports.overdue(SWEEP_GRACE, SWEEP_LIMIT)
    for session in sessions:
        log.warning("mail was not being delivered", extra={"session_id": session})
        await schedule.wake(session)
    for one in untold:
        log.warning("a report was not being told", extra={"report": str(one)})
        await schedule.tell(one)
    with_mail, waiting = await reports.depths()
    metrics.SESSIONS_WITH_MAIL.set(with_mail)
    metrics.REPORTS_WAITING.set(waiting)


@asynccontextmanager
async def open_worker(docket: Docket) -> AsyncIterator[Worker]:
    """A worker on `docket`; leaving ends it after the tasks that are under way."""
    async with Worker(
        docket,
        concurrency=SLOTS,
        redelivery_timeout=REDELIVERY,
        reconnection_delay=timedelta(seconds=1),
        minimum_check_interval=timedelta(seconds=1),
        scheduling_resolution=timedelta(seconds=BEAT_SECONDS),
    ) as worker:
        yield worker
