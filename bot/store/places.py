"""What Slack has told about channels: their new ids, and that others share them."""

from datetime import timedelta

from bot.redis.connection import Store, millis
from bot.redis.keys import came_key, moved_key, shared_key
from bot.store.lua import links as lua

SHARED = timedelta(minutes=10)
"""Longer than any process goes by what Slack said before about a channel."""


class Places:
    """The notes, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._ttl = millis(link_ttl)

    async def note_shared(self, team: str, channel: str) -> None:
        """Note for all processes that Slack told that other organizations share the channel.

        Raises:
            StoreAway: the note may not be kept.
        """
        await self._store.put(shared_key(team, channel), "1", SHARED)

    async def was_shared(self, team: str, channel: str) -> bool:
        """Return True if Slack told so within the last `SHARED`."""
        return await self._store.get(shared_key(team, channel)) is not None

    async def moved(self, team: str, channel: str, to: str) -> None:
        """Note that the channel's id is `to` from now on; the note is kept as long as a link.

        Raises:
            StoreAway: the note may not be kept.
        """
        await lua.note_move(
            self._store,
            moved=moved_key(team, channel),
            came=came_key(team, to),
            old=channel,
            new=to,
            keep_ms=self._ttl,
        )

    async def now(self, team: str, channel: str) -> str | None:
        """Return the channel's new id, if it has changed."""
        return await self._store.get(moved_key(team, channel))

    async def before(self, team: str, channel: str) -> str | None:
        """Return the channel's former id, if it has changed."""
        return await self._store.get(came_key(team, channel))
