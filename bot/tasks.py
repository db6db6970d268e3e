"""The scheduler: the only module that knows docket.

docket supplies wake-ups, delays, redelivery after a crash and periodic work. Arguments are ids
only, since docket pickles them: the mailbox is the one truth. A task that runs twice or never is
harmless, because the tasks are idempotent and the sweep finds what nobody does.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from docket import Docket, Perpetual, Worker
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from bot import metrics
from bot.deliveries import Deliveries
from bot.errors import StoreAway
from bot.models import SessionId
from bot.reports import ReportId, Reports
from bot.store import COMMAND_TIMEOUT_SECONDS, Store
from bot.telling import Telling

log = logging.getLogger(__name__)

DOCKET_NAME = "devin-relay"

SWEEP_EVERY = timedelta(seconds=5)
SWEEP_GRACE = timedelta(seconds=5)
SWEEP_LIMIT = 500

REDELIVERY = timedelta(seconds=6)
"""How long a dead worker's task, the sweep above all, stays undone.

docket advises more than a task may take (chrisguidry/docket#246); ours may run twice, since a
session has one holder and a report one teller.
"""

BEAT_SECONDS = 0.25

CONNECTIONS = 512

SLOTS = 256
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
            # docket waits without end for a Redis that hangs; its reads may block for a minute.
            async with asyncio.timeout(COMMAND_TIMEOUT_SECONDS):
                await self._docket.add(task, when=when, key=key)(*args)
        except (RedisError, OSError) as error:
            metrics.REDIS_ERRORS.labels(type(error).__name__).inc()
            raise StoreAway(type(error).__name__) from error


def _roomy(url: str) -> str:
    """`url` with a larger pool: redis-py raises when 100 connections are in use, docket's default.

    redis-py reads pool settings from a URL's query; a cluster has a pool for each node of its own.
    """
    if "+cluster://" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}max_connections={CONNECTIONS}"


@asynccontextmanager
async def open_docket(url: str) -> AsyncIterator[Docket]:
    """The docket in the Redis at `url`, to schedule on."""
    async with Docket(name=DOCKET_NAME, url=_roomy(url), execution_ttl=timedelta(0)) as docket:
        async with docket.redis() as client:
            _mend(client)
        yield docket


def _mend(client: object) -> None:
    """Try once more on a connection that Redis closed while it was idle.

    Without this each pooled connection fails one command of docket's after a restart of Redis, and
    each failure stops its worker for a moment.
    """
    if isinstance(client, Redis):
        retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        client.connection_pool.set_retry(retry)


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
            ids = {"reply_id": ReportId.parse(report_id).reply, "reason": str(error)}
            log.warning("report put off", extra=ids)

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
        log.warning("a report was not being told", extra={"reply_id": one.reply})
        await schedule.tell(one)


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


async def let_go_of_dead(docket: Docket, store: Store, working: asyncio.Task[None]) -> None:
    """While a worker ends: break its connections to a Redis that does not answer.

    docket reads without a timeout, so a Redis that hangs would keep the process from ending.
    """
    while not working.done():
        await asyncio.wait({working}, timeout=COMMAND_TIMEOUT_SECONDS)
        try:
            await store.ping()
        except StoreAway:
            async with docket.redis() as client:
                if isinstance(client, Redis):
                    await client.connection_pool.disconnect(inuse_connections=True)
