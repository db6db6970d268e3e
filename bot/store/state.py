"""All that a workspace keeps in Redis: its repositories, which are stateless over one store."""

import secrets
from dataclasses import dataclass
from typing import Self

from bot.redis.budget import Starts
from bot.redis.connection import Store
from bot.settings import Settings
from bot.store.checkpoints import CATCH_UP, Checkpoints
from bot.store.claims import Claims, Tickets
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.mirror.cards import Cards
from bot.store.mirror.polls import Ledger, Reads
from bot.store.mirror.watches import SessionNames, Watches
from bot.store.outbox import Outbox, Words
from bot.store.profiles import Profiles
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
