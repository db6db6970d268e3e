"""The sessions that a person starts within an hour, counted for all processes together.

Each start has a name, under which it is counted once, however often it is asked for again.
"""

from datetime import timedelta

from bot.model.people import UserId
from bot.redis.connection import Store, millis
from bot.redis.keys import calls_key
from bot.redis.lua.budgets import spend_call

SPAN = timedelta(hours=1)


class Starts:
    """The starts, in Redis, of which a person has at most `most` within `SPAN`; 0: no limit."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self.most = most

    async def count(self, by: UserId, start: str) -> timedelta | None:
        """Count a start and return None, or return how long `by` must wait for the next.

        Raises:
            StoreAway: it may not have been counted.
        """
        if not self.most:
            return None
        wait_ms = await spend_call(
            self._store,
            calls=calls_key(f"start:{by}"),
            name=start,
            span_ms=millis(SPAN),
            most=self.most,
            after_ms=0,
            pause_ms=0,
        )
        return timedelta(milliseconds=wait_ms) if wait_ms else None
