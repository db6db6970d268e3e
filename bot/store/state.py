"""All that a workspace keeps in Redis, by repositories that are stateless, and what of it waits."""

import logging
import math
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Self

from bot.model.errors import StoreAway
from bot.model.sessions import SessionState
from bot.redis.budget import Starts
from bot.redis.connection import Store
from bot.runtime import metrics
from bot.settings import Settings
from bot.store.checkpoints import CATCH_UP, Checkpoints
from bot.store.claims import Claims, Tickets
from bot.store.links import Cards, Links, Profiles
from bot.store.lua import mailbox as lua
from bot.store.mailbox import Mailbox
from bot.store.mirror.watches import Ledger, Reads, SessionNames, Watches
from bot.store.outbox import Outbox, Words
from bot.store.revisions import Revisions


@dataclass(frozen=True, slots=True)
class State:
    """The repositories, one per kind."""

    store: Store
    cards: Cards
    checkpoints: Checkpoints
    claims: Claims
    ledger: Ledger
    links: Links
    mailbox: Mailbox
    names: SessionNames
    outbox: Outbox
    profiles: Profiles
    reads: Reads
    revisions: Revisions
    starts: Starts
    tickets: Tickets
    watches: Watches
    words: Words

    @classmethod
    def of(cls, store: Store, settings: Settings) -> Self:
        """Return the state of the workspace whose `store` this is."""
        ttl, within = settings.link_ttl, settings.catch_up
        return cls(
            store=store,
            cards=Cards(store),
            checkpoints=Checkpoints(store, within or CATCH_UP, secrets.token_hex(8)),
            claims=Claims(store, store.timing.claim_seconds),
            ledger=Ledger(store),
            links=Links(store, ttl),
            mailbox=Mailbox(store, ttl),
            names=SessionNames(store, ttl),
            outbox=Outbox(store),
            profiles=Profiles(store),
            reads=Reads(store, settings.devin_reads),
            revisions=Revisions(store),
            starts=Starts(store, settings.starts_per_hour),
            tickets=Tickets(store),
            watches=Watches(store, ttl),
            words=Words(store),
        )


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
