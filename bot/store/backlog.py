"""What waits in Redis, as `/metrics` shows it."""

import logging
import math
from collections import Counter

from bot.model.errors import StoreAway
from bot.model.sessions import SessionState
from bot.redis.connection import Store
from bot.runtime import metrics
from bot.store.lua import mailbox as lua

log = logging.getLogger(__name__)

MOST_SESSIONS = 1_000
"""Most mailboxes, sessions and entries that a measurement opens, while Redis does nothing else."""


async def measure(store: Store, most: int = MOST_SESSIONS) -> None:
    """Set the gauges of the backlog, the watch and what it found; to NaN while Redis is away."""
    try:
        found = await lua.measure(store, most=most)
    except StoreAway as error:
        log.warning("backlog not measured", extra={"reason": str(error)})
        nan = math.nan
        found = nan, nan, nan, nan, nan, nan, None, nan, nan
    replies, oldest_ms, with_mail, reports, late_ms, watched, states, words, words_ms = found
    metrics.MAIL_WAITING.set(replies)
    metrics.MAIL_OLDEST_SECONDS.set(oldest_ms / 1000)
    metrics.SESSIONS_WITH_MAIL.set(with_mail)
    metrics.REPORTS_WAITING.set(reports)
    known = Counter(
        one if one in set(SessionState) else SessionState.UNKNOWN for one in states or ()
    )
    for state in SessionState:
        metrics.SESSIONS_WATCHED.labels(state).set(math.nan if states is None else known[state])
    metrics.SESSIONS_WATCHED.labels(metrics.OTHER).set(watched - known.total())
    metrics.WATCH_LATE_SECONDS.set(late_ms / 1000)
    metrics.WORDS_WAITING.set(words)
    metrics.WORDS_OLDEST_SECONDS.set(words_ms / 1000)
