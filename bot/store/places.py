"""What Slack has told about channels that other organizations share: that they do, and a new id."""

from datetime import timedelta

from bot.redis.connection import Store
from bot.redis.keys import shared_key

SHARED = timedelta(minutes=10)
"""Longer than any process goes by what Slack said before about a channel."""

SAME_ID = "1"


class Places:
    """The notes, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._ttl = link_ttl

    async def note_shared(self, channel: str) -> None:
        """Note for all processes that Slack told that other organizations share the channel.

        Raises:
            StoreAway: the note may not be kept.
        """
        await self._store.put(shared_key(channel), SAME_ID, SHARED)

    async def was_shared(self, channel: str) -> bool:
        """Return True if Slack told so within the last `SHARED`."""
        return await self._store.get(shared_key(channel)) is not None

    async def moved(self, channel: str, to: str) -> None:
        """Note that the shared channel's id is `to` from now on; it is kept as long as a link.

        Raises:
            StoreAway: the note may not be kept.
        """
        await self._store.put(shared_key(channel), to, self._ttl)

    async def now(self, channel: str) -> str | None:
        """Return the channel's new id, if it has changed."""
        noted = await self._store.get(shared_key(channel))
        return None if noted == SAME_ID else noted
