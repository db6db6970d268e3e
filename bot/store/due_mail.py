"""Sessions whose mail is due and that nobody delivers."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.sessions import SessionId
from bot.redis.connection import Store, millis
from bot.redis.keys import DUE_KEY, lease_key
from bot.store.lua import mailbox as lua

MOST_HELD = 20_000
"""Sessions one look passes over: twenty processes hold no more, each at its largest concurrency."""


class DueMail:
    """The mailboxes that wait to be delivered, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def abandoned(self, grace: timedelta, limit: int) -> Sequence[SessionId]:
        """Up to `limit` sessions that nobody holds, due for at least `grace`, longest due first."""
        return await lua.list_abandoned(
            self._store,
            due=DUE_KEY,
            grace_ms=millis(grace),
            limit=limit,
            lease_prefix=lease_key(SessionId("")),
            most=limit + MOST_HELD,
        )
