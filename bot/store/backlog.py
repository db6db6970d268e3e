"""What waits in Redis: a poll lists what nobody does although it is due, `/metrics` measures it."""

import logging
import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from bot.model.errors import StoreAway
from bot.model.owed import Owed, parse_owed
from bot.model.sessions import SessionId, SessionState
from bot.redis.connection import Store, millis
from bot.runtime import metrics
from bot.store.lua import mailbox as lua

log = logging.getLogger(__name__)

MOST_HELD = 20_000
"""Most sessions under a lease that one poll skips: twenty processes at full concurrency (1,000)."""

MOST_SESSIONS = 1_000
"""Most mailboxes, sessions and entries that a measurement opens, while Redis does nothing else."""


async def list_due(
    store: Store,
    mail_grace: timedelta,
    most_sessions: int,
    entry_grace: timedelta,
    most_entries: int,
) -> tuple[Sequence[SessionId], Sequence[Owed]]:
    """List sessions without a lease, and entries, that are due for their grace, oldest first."""
    sessions, owed = await lua.list_due(
        store,
        mail_ms=millis(mail_grace),
        most_sessions=most_sessions,
        most_held=MOST_HELD,
        entry_ms=millis(entry_grace),
        most_entries=most_entries,
    )
    return sessions, [parse_owed(one) for one in owed]


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
