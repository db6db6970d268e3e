"""In which channels there are linked threads, and which of these have got another id."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, millis
from bot.redis.keys import came_key, moved_key, places_key, threads_key
from bot.store.lua import links as lua


class Places:
    """The channels and their threads, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._ttl = millis(link_ttl)

    async def channels(self, team: str, limit: int) -> Sequence[tuple[str, UserId | None]]:
        """The channels with linked threads, latest traffic first, to an hour.

        Of a direct message, with whom it is.
        """
        found = await lua.list_places(
            self._store, places=places_key(team), link_ttl_ms=self._ttl, limit=limit
        )
        parts = (place.partition("|") for place in found)
        return [(channel, UserId(by) if by else None) for channel, _, by in parts]

    async def forget(self, team: str, channel: str) -> None:
        """There are none in that channel any more."""
        await lua.forget_place(self._store, places=places_key(team), channel=channel)

    async def moved(self, team: str, channel: str, to: str) -> None:
        """The channel's id is `to` from now on; it is known for as long as a link would be.

        Raises:
            StoreAway: it is not known to be kept.
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
        """The id that a channel has been given, if it has changed."""
        return await self._store.get(moved_key(team, channel))

    async def before(self, team: str, channel: str) -> str | None:
        """The id that a channel had before this one, if it has changed."""
        return await self._store.get(came_key(team, channel))

    async def latest(self, team: str, channel: str, limit: int) -> Sequence[tuple[ThreadRef, int]]:
        """The channel's threads and their last traffic (Unix ms), latest first.

        Also those whose link is forgotten.
        """
        threads = threads_key(team, channel)
        found = await lua.latest_threads(self._store, threads=threads, limit=limit)
        pairs = zip(found[::2], found[1::2], strict=True)
        return [
            (ThreadRef(team=team, channel=channel, thread_ts=ts), int(float(at)))
            for ts, at in pairs
        ]
