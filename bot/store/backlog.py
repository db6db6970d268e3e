"""Each process measures the backlog and the watch when it is asked for its `/metrics`."""

import logging
import math
from collections import Counter

from bot.model.errors import StoreAway
from bot.model.sessions import SessionState
from bot.redis.connection import Store
from bot.runtime import metrics
from bot.store.lua import mailbox as lua
from bot.store.lua import mirror

log = logging.getLogger(__name__)

MOST_SESSIONS = 1_000
"""Most mailboxes, or sessions, that a measurement opens, those due first; Redis does nothing else
meanwhile."""


async def measure(store: Store, most: int = MOST_SESSIONS) -> None:
    """Set the gauges of the backlog, to NaN while Redis cannot be reached."""
    try:
        replies, oldest_ms, sessions, reports = await lua.backlog(store, most=most)
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
        late_ms, sessions, states, words, oldest_ms = await mirror.measure_watch(store, most=most)
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
