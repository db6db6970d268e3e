"""Finds the sessions whose mail is due but is not being delivered."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.sessions import SessionId
from bot.redis.connection import Store, millis
from bot.store.lua import mailbox as lua

MOST_HELD = 20_000
"""Most sessions under a lease that one look skips: twenty processes at full concurrency (1,000)."""


class DueMail:
    """The mailboxes whose first reply is due, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def abandoned(self, grace: timedelta, limit: int) -> Sequence[SessionId]:
        """List up to `limit` sessions without a lease, due for at least `grace`, oldest first."""
        return await lua.list_abandoned(
            self._store,
            grace_ms=millis(grace),
            limit=limit,
            most=limit + MOST_HELD,
        )
