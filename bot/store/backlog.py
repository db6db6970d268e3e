"""Each process measures the backlog and the watch for its own `/metrics`.

The sweep runs in one process at a time, so it could not do this for all: the other processes would
go on showing the values from their own last sweep.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.model.errors import StoreAway
from bot.model.sessions import SessionId, SessionState
from bot.redis.connection import Store
from bot.redis.keys import (
    DUE_KEY,
    GISTS_KEY,
    OUTBOX_KEY,
    REPLY_PREFIX,
    WATCH_KEY,
    mail_key,
    watched_key,
)
from bot.runtime import metrics
from bot.runtime.health import Health
from bot.store.lua import mailbox as lua
from bot.store.lua import mirror

log = logging.getLogger(__name__)

MEASURE_SECONDS = 5.0
MOST_SESSIONS = 1_000
"""Most mailboxes, or sessions, that a measurement opens, those due first; Redis does nothing else
meanwhile."""


async def measure(store: Store, most: int = MOST_SESSIONS) -> None:
    """Set the gauges of the backlog, to NaN while Redis cannot be reached."""
    try:
        replies, oldest_ms, sessions, reports = await lua.backlog(
            store,
            due=DUE_KEY,
            outbox=OUTBOX_KEY,
            most=most,
            mail_prefix=mail_key(SessionId("")),
            reply_prefix=REPLY_PREFIX,
        )
    except StoreAway as error:
        log.warning("backlog not measured", extra={"reason": str(error)})
        replies = oldest_ms = sessions = reports = math.nan
    metrics.MAIL_WAITING.set(replies)
    metrics.MAIL_OLDEST_SECONDS.set(oldest_ms / 1000)
    metrics.SESSIONS_WITH_MAIL.set(sessions)
    metrics.REPORTS_WAITING.set(reports)


async def measure_watch(store: Store, most: int = MOST_SESSIONS) -> None:
    """Set the gauges of the watch and of what it found, to NaN while Redis cannot be reached."""
    try:
        late_ms, sessions, states, words, oldest_ms = await mirror.measure_watch(
            store,
            watch=WATCH_KEY,
            outbox=OUTBOX_KEY,
            gists=GISTS_KEY,
            most=most,
            watched_prefix=watched_key(SessionId("")),
            subject_prefix=REPLY_PREFIX,
        )
    except StoreAway as error:
        log.warning("watch not measured", extra={"reason": str(error)})
        for gauge in (
            *(metrics.SESSIONS_WATCHED.labels(one) for one in (*SessionState, metrics.OTHER)),
            *(metrics.WATCH_LATE_SECONDS, metrics.WORDS_WAITING, metrics.WORDS_OLDEST_SECONDS),
        ):
            gauge.set(math.nan)
        return
    known = Counter(one if one in set(SessionState) else SessionState.UNKNOWN for one in states)
    for state in SessionState:
        metrics.SESSIONS_WATCHED.labels(state).set(known[state])
    metrics.SESSIONS_WATCHED.labels(metrics.OTHER).set(sessions - known.total())
    metrics.WATCH_LATE_SECONDS.set(late_ms / 1000)
    metrics.WORDS_WAITING.set(words)
    metrics.WORDS_OLDEST_SECONDS.set(oldest_ms / 1000)


@asynccontextmanager
async def measured(store: Store, health: Health) -> AsyncIterator[None]:
    """Measure the backlog and readiness now and every few seconds inside this context."""
    measuring = asyncio.create_task(_measure(store, health), name="backlog")
    try:
        yield
    finally:
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)


async def _measure(store: Store, health: Health) -> None:
    while True:
        await measure(store)
        await measure_watch(store)
        metrics.READY.set(not await health.problems())
        await asyncio.sleep(MEASURE_SECONDS)
