"""Lists the channels with linked threads, and follows changes of their ids."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, millis
from bot.redis.keys import came_key, moved_key, places_key, shared_key, threads_key
from bot.store.lua import links as lua

SHARED = timedelta(minutes=10)
"""Longer than any process goes by what Slack said before about a channel."""


class Places:
    """The channels and their threads, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._ttl = millis(link_ttl)

    async def channels(self, team: str, limit: int) -> Sequence[tuple[str, UserId | None]]:
        """List the channels with linked threads, latest traffic first, to the hour.

        A direct message comes with the user it is with.
        """
        found = await lua.list_places(
            self._store, places=places_key(team), link_ttl_ms=self._ttl, limit=limit
        )
        parts = (place.partition("|") for place in found)
        return [(channel, UserId(by) if by else None) for channel, _, by in parts]

    async def forget(self, team: str, channel: str) -> None:
        """Remove a channel that no longer has linked threads."""
        await lua.forget_place(self._store, places=places_key(team), channel=channel)

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

    async def latest(self, team: str, channel: str, limit: int) -> Sequence[tuple[ThreadRef, int]]:
        """List the channel's threads and their last traffic (Unix ms), latest first.

        Threads whose link has been forgotten are included.
        """
        threads = threads_key(team, channel)
        found = await lua.latest_threads(self._store, threads=threads, limit=limit)
        pairs = zip(found[::2], found[1::2], strict=True)
        return [
            (ThreadRef(team=team, channel=channel, thread_ts=ts), int(float(at)))
            for ts, at in pairs
        ]
