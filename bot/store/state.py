"""All that a workspace keeps in Redis, by repositories that are stateless, and what of it waits."""

import logging
import math
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bot.model.errors import StoreAway
from bot.model.sessions import SessionState
from bot.redis.connection import Store
from bot.runtime import metrics
from bot.settings import Settings
from bot.store.cards import Cards
from bot.store.checkpoints import CATCH_UP, Checkpoints
from bot.store.claims import Claims, Reads, Starts, Tickets
from bot.store.links import Links
from bot.store.lua import scripts
from bot.store.mailbox import Mailbox
from bot.store.outbox import Outbox, Teller
from bot.store.profiles import Profiles
from bot.store.revisions import Revisions
from bot.store.threads import SessionNames
from bot.store.watches import Watches
from bot.store.words import Words


class State:
    """The repositories, one per kind, of the workspace whose `store` this is."""

    def __init__(self, store: Store, settings: Settings) -> None:
        ttl, within = settings.link_ttl, settings.catch_up
        self.store = store
        self.cards = Cards(store)
        self.checkpoints = Checkpoints(store, within or CATCH_UP, secrets.token_hex(8))
        self.claims = Claims(store, store.timing.claim_seconds)
        self.links = Links(store, ttl)
        self.mailbox = Mailbox(store, ttl)
        self.names = SessionNames(store, ttl)
        self.outbox = Outbox(store)
        self.profiles = Profiles(store)
        self.reads = Reads(store, settings.devin_reads)
        self.revisions = Revisions(store)
        self.starts = Starts(store, settings.starts_per_hour, settings.starts_per_hour_all)
        self.tickets = Tickets(store)
        self.watches = Watches(store, ttl)
        self.words = Words(store)


log = logging.getLogger(__name__)

MOST_SESSIONS = 1_000
"""Most mailboxes, sessions and entries that a measurement opens, while Redis does nothing else."""


class Backlog(NamedTuple):
    """What waits, what is watched, and in which states, in the order of `measure.lua`."""

    replies: float = math.nan
    oldest_ms: float = math.nan
    with_mail: float = math.nan
    reports: float = math.nan
    late_ms: float = math.nan
    watched: float = math.nan
    states: Sequence[str] | None = None
    words: float = math.nan
    words_ms: float = math.nan


async def backlog(store: Store, most: int = MOST_SESSIONS) -> Backlog:
    """Measure the backlog, without `Teller.is_later_work`."""
    later = {one.kind for one in Teller.__subclasses__() if one.is_later_work}
    return Backlog(*await scripts.measure(store, most=most, later=f" {' '.join(later)} "))


async def measure(store: Store, most: int = MOST_SESSIONS) -> None:
    """Set the gauges of the backlog, the watch and what it found; to NaN while Redis is away."""
    try:
        found = await backlog(store, most)
    except StoreAway as error:
        log.warning("backlog not measured", extra={"reason": str(error)})
        found = Backlog()
    states = found.states
    metrics.MAIL_WAITING.set(found.replies)
    metrics.MAIL_OLDEST_SECONDS.set(found.oldest_ms / 1000)
    metrics.SESSIONS_WITH_MAIL.set(found.with_mail)
    metrics.REPORTS_WAITING.set(found.reports)
    known = Counter(
        one if one in set(SessionState) else SessionState.UNKNOWN for one in states or ()
    )
    for state in SessionState:
        metrics.SESSIONS_WATCHED.labels(state).set(math.nan if states is None else known[state])
    metrics.SESSIONS_WATCHED.labels(metrics.OTHER).set(found.watched - known.total())
    metrics.WATCH_LATE_SECONDS.set(found.late_ms / 1000)
    metrics.WORDS_WAITING.set(found.words)
    metrics.WORDS_OLDEST_SECONDS.set(found.words_ms / 1000)
