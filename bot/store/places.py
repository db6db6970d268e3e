"""In which channels there are linked threads, and which of these have got another id."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, millis
from bot.redis.keys import came_key, moved_key, places_key, threads_key
from bot.redis.scripts import Script

# A direct message is kept with whom it is with. The hour makes this one read a reply; for that, an
# entry lives an hour longer than its threads.
PLACE = """
local function place(places, now, channel, by, ttl)
  if string.sub(channel, 1, 1) == 'D' then channel = channel .. '|' .. by end
  local seen = redis.call('ZSCORE', places, channel)
  if seen and now - seen < 3600000 then return end
  redis.call('ZADD', places, now, channel)
  redis.call('EXPIRE', places, ttl + 3600)
end
"""

# KEYS: places
# ARGV: link TTL ms, limit
_PLACES = Script("""
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', (time[1] - 3600) * 1000 - ARGV[1])
return redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)
""")

# KEYS: places
# ARGV: channel
_FORGET = Script("return redis.call('ZREM', KEYS[1], ARGV[1])")

# KEYS: moved, came
# ARGV: the old id, the new id, keep ms
_MOVED = Script("""
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
""")

# KEYS: threads
# ARGV: limit
_LATEST = Script("return redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')")


class Places:
    """The channels and their threads, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._ttl = millis(link_ttl)

    async def channels(self, team: str, limit: int) -> Sequence[tuple[str, UserId | None]]:
        """The channels with linked threads, latest traffic first, to an hour.

        Of a direct message, with whom it is.
        """
        found = await self._store.run(_PLACES, [places_key(team)], [self._ttl, limit])
        parts = (place.partition("|") for place in found)
        return [(channel, UserId(by) if by else None) for channel, _, by in parts]

    async def forget(self, team: str, channel: str) -> None:
        """There are none in that channel any more."""
        await self._store.run(_FORGET, [places_key(team)], [channel])

    async def moved(self, team: str, channel: str, to: str) -> None:
        """The channel's id is `to` from now on; it is known for as long as a link would be.

        Raises:
            StoreAway: it is not known to be kept.
        """
        keys = [moved_key(team, channel), came_key(team, to)]
        await self._store.run(_MOVED, keys, [channel, to, self._ttl])

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
        found = await self._store.run(_LATEST, [threads_key(team, channel)], [limit])
        pairs = zip(found[::2], found[1::2], strict=True)
        return [
            (ThreadRef(team=team, channel=channel, thread_ts=ts), int(float(at)))
            for ts, at in pairs
        ]
