"""The scheduler: the only module that knows docket.

docket takes wake-ups to a process with room, and delays from a process that ends to one that goes
on; a process keeps its own delays (`schedule/timers.py`), and the sweep needs no task
(`schedule/sweep.py`). So docket may look rarely for what is due. A task only hands its work to
`schedule/local.py`, so it never holds a slot for long. Arguments are ids only, since docket pickles
them: the mailbox is the source of truth. A task may run twice or never, because tasks are
idempotent and the sweep finds work that is left.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

from docket import Docket, Worker
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError

from bot.model.errors import StoreAway
from bot.model.owed import Owed, parse_owed
from bot.model.schedule import BEAT_SECONDS
from bot.model.sessions import SessionId
from bot.redis.connection import COMMAND_TIMEOUT_SECONDS, Store
from bot.runtime import metrics
from bot.schedule.local import LocalDispatch
from bot.urls import is_cluster

log = logging.getLogger(__name__)

DOCKET_NAME = "devin-relay-tasks"
"""The prefix of docket's keys; on a Cluster it is in braces, as their hash tag."""

REDELIVERY = timedelta(seconds=30)
"""The time until another worker takes a dead one's task; the sweep finds its work before that.

docket advises more than a task may take (chrisguidry/docket#246); these tasks may run twice, since
a session has one lease and a report is told by one process at a time. Workers look for such tasks
four times in this period.
"""

HEARTBEAT = timedelta(minutes=1)
"""The interval of a worker's heartbeat, which takes some 20 commands; nothing here reads it."""

RESOLUTION = timedelta(seconds=2)
"""The pause between two looks for tasks that are due: what a process that ended has passed on."""

LISTEN_SECONDS = 1.0

RECONNECTION = timedelta(seconds=1)

CONNECTIONS = 512

SLOTS = 256
"""Concurrent tasks. Each hands its work over and ends; docket's worker sleeps when it is full."""


class DocketSchedule:
    """A `Schedule` that docket carries out."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds.

        An immediate wake-up has no key: docket would drop it while the task of an earlier one ends,
        whose delivery may have seen an empty mailbox. A later one falls on the next beat and is
        keyed by it, so that repeated requests are one; that is never the beat of the requesting
        task, which is past.
        """
        if not after:
            await self._add("deliver", None, datetime.now(UTC), session)
            return
        beat = math.ceil((time.time() + after) / BEAT_SECONDS)
        when = datetime.fromtimestamp(beat * BEAT_SECONDS, UTC)
        await self._add("deliver", f"deliver:{session}:{beat}", when, session)

    async def wake_overdue(self, session: SessionId) -> None:
        """Deliver mail that the sweep has found.

        The task is keyed by session, so that tasks never pile up; the next sweep repeats a dropped
        one.
        """
        await self._add("deliver", f"deliver:{session}:sweep", datetime.now(UTC), session)

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Tell an entry of the outbox, in `after` seconds."""
        when = datetime.now(UTC) + timedelta(seconds=after)
        await self._add("report", f"report:{owed}:{attempt}", when, str(owed), attempt)

    async def _add(self, task: str, key: str | None, when: datetime, *args: str | int) -> None:
        try:
            # docket waits forever for a Redis that hangs; its reads may block for a minute.
            async with asyncio.timeout(COMMAND_TIMEOUT_SECONDS):
                await self._docket.add(task, when=when, key=key)(*args)
        except (RedisError, RedisClusterException, OSError) as error:
            metrics.REDIS_ERRORS.labels(type(error).__name__).inc()
            raise StoreAway(type(error).__name__) from error


def _roomy(url: str) -> str:
    """Return `url` with a larger pool; redis-py raises when docket's default of 100 is in use.

    redis-py reads pool settings from a URL's query. A Cluster has a pool for each of its nodes.
    """
    return f"{url}{'&' if '?' in url else '?'}max_connections={CONNECTIONS}"


class _Listener:
    """A subscription that waits longer for a message than docket asks it to.

    docket 0.27's worker listens for canceled tasks, and asks ten times a second whether it is to
    stop, which takes as much CPU as everything else of an idle process. Nothing here cancels tasks,
    and a worker that stops breaks the wait.
    """

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub

    async def psubscribe(self, pattern: str) -> None:
        await self._pubsub.psubscribe(pattern)

    async def get_message(self, *, ignore_subscribe_messages: bool, timeout: float) -> object:  # noqa: ASYNC109  (docket's form)
        longer = max(timeout, LISTEN_SECONDS)
        return await self._pubsub.get_message(ignore_subscribe_messages, timeout=longer)


class _IdleDocket(Docket):
    """A docket whose worker hardly takes CPU while there is no work."""

    @asynccontextmanager
    async def _pubsub(self) -> AsyncIterator[PubSub]:
        async with super()._pubsub() as pubsub:
            yield cast("PubSub", _Listener(cast("PubSub", pubsub)))


class _ClusterDocket(Docket):
    """The same on a Cluster, whose worker also recovers from the loss of a node.

    docket 0.27 always subscribes on the node that was first when it connected, and uses the
    password as it is written in the URL, without decoding escapes. While that fails, its worker
    does not start.
    """

    @asynccontextmanager
    async def _pubsub(self) -> AsyncIterator[PubSub]:
        async with self.redis() as client, cast("RedisCluster", client).pubsub() as pubsub:
            # Unlike a subscription, a command learns which node has taken over.
            await client.exists(self.stream_key)
            yield cast("PubSub", _Listener(pubsub))


@asynccontextmanager
async def open_docket(url: str) -> AsyncIterator[Docket]:
    """Open the docket in the Redis at `url`, to schedule on."""
    kind = _ClusterDocket if is_cluster(url) else _IdleDocket
    async with kind(
        name=DOCKET_NAME,
        url=_roomy(url),
        execution_ttl=timedelta(0),
        heartbeat_interval=HEARTBEAT,
    ) as docket:
        async with docket.redis() as client:
            _mend(client)
        yield docket


def _mend(client: object) -> None:
    """Retry once on a connection that Redis closed while it was idle.

    Otherwise each pooled connection fails one docket command after a Redis restart, and each
    failure stops its worker for a moment. A Cluster's client tries ten times by default, which is
    too long when each attempt hangs until `let_go_of_dead` ends it.
    """
    retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
    if isinstance(client, Redis):
        client.connection_pool.set_retry(retry)
    elif isinstance(client, RedisCluster):
        client.set_retry(retry)


def register(
    docket: Docket, local: LocalDispatch, sweep_once: Callable[[], Awaitable[object]]
) -> None:
    """Register the tasks. Their names are a contract between the processes of a deployment.

    Nothing here schedules `sweep`. Earlier versions do, in a chain that ends where it meets this
    one; they begin it again within a minute.
    """

    async def deliver(session: str) -> None:
        try:
            await local.deliver_here(SessionId(session))
        except StoreAway as error:
            log.warning("delivery put off", extra={"session_id": session, "reason": str(error)})

    async def report(report_id: str, attempt: int = 1) -> None:
        known = parse_owed(report_id)
        if known is None:
            log.info("a report is left to a newer version")
            return
        await local.tell_here(known, attempt)

    async def sweep() -> None:
        await sweep_once()

    for task in (deliver, report, sweep):
        docket.register(task)


@asynccontextmanager
async def open_worker(docket: Docket) -> AsyncIterator[Worker]:
    """Open a worker on `docket`; leaving ends it after the tasks that are under way."""
    async with Worker(
        docket,
        concurrency=SLOTS,
        redelivery_timeout=REDELIVERY,
        reconnection_delay=RECONNECTION,
        minimum_check_interval=timedelta(seconds=1),
        scheduling_resolution=RESOLUTION,
    ) as worker:
        yield worker


async def work(worker: Worker) -> None:
    """Run `worker` until it is canceled, through any Redis outage.

    docket 0.27 waits out a `RedisError`. redis-py raises another error if no node of a Cluster
    answers, which would end the worker for good.
    """
    this = asyncio.current_task()
    while True:
        try:
            return await worker.run_forever()
        except* (RedisClusterException, RedisError) as errors:
            if this is not None and this.cancelling():
                raise
            reason = type(errors.exceptions[0]).__name__
            log.warning("the worker begins again", extra={"reason": reason})
        await asyncio.sleep(RECONNECTION.total_seconds())


async def live_workers(docket: Docket) -> Sequence[str]:
    """Return the names of the workers that run; one that was killed counts for five heartbeats.

    Raises:
        StoreAway: Redis cannot be reached.
    """
    try:
        return sorted(worker.name for worker in await docket.workers())
    except (RedisError, RedisClusterException, OSError) as error:
        raise StoreAway(type(error).__name__) from error


async def let_go_of_dead(docket: Docket, store: Store, working: asyncio.Task[None]) -> None:
    """Close a worker's connections to a Redis that does not answer, while the worker ends.

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
                elif isinstance(client, RedisCluster):
                    for node in (*client.get_nodes(), *client.startup_nodes):
                        await node.disconnect()
