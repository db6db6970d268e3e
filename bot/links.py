"""Which thread belongs to which session.

One thread has one session at most, set by whoever comes first (`SET NX`); several threads may share
a session. A link is forgotten `LINK_TTL` after its last traffic.
"""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError

from bot.batches import Script
from bot.models import Link, Outcome, ThreadRef
from bot.store import Store, last_key, link_key, seconds, threads_key

_CREATE = Script("""
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  return redis.call('GET', KEYS[1])
end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return false
""")

_REMOVE = Script("""
local link = redis.call('GETDEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return link
""")

_REPLACE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
""")

_ACTIVE = Script("""
local time = redis.call('TIME')
local since = time[1] * 1000 - ARGV[1]
return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', since, 'LIMIT', 0, ARGV[2])
""")


class Links:
    """The links, in Redis."""

    def __init__(self, store: Store, ttl: timedelta) -> None:
        self._store = store
        self.ttl = ttl

    async def get(self, thread: ThreadRef) -> Link | None:
        """The link of `thread`; None when there is none, or one that this version cannot read."""
        return _read(await self._store.get(link_key(thread)))

    async def create(self, thread: ThreadRef, link: Link) -> Link | None:
        """Link `thread`, unless it is linked: then that other link is returned, unchanged."""
        raw = await self._store.run(
            _CREATE,
            [link_key(thread), threads_key(thread.team, thread.channel)],
            [link.to_json(), seconds(self.ttl), thread.thread_ts],
        )
        return _read(raw)

    async def remove(self, thread: ThreadRef) -> Link | None:
        """Forget the link of `thread` and return what it was."""
        raw = await self._store.run(
            _REMOVE,
            [link_key(thread), threads_key(thread.team, thread.channel)],
            [thread.thread_ts],
        )
        return _read(raw)

    async def replace(self, thread: ThreadRef, old: Link, new: Link) -> bool:
        """Put `new` for `old`, keeping its TTL; False when the link is no longer `old`."""
        return bool(
            await self._store.run(_REPLACE, [link_key(thread)], [old.to_json(), new.to_json()])
        )

    async def active(
        self, team: str, channel: str, within: timedelta, limit: int = 20
    ) -> Sequence[tuple[ThreadRef, Link]]:
        """The channel's links with traffic `within` that time, latest first."""
        found = await self._store.run(
            _ACTIVE, [threads_key(team, channel)], [seconds(within) * 1000, limit]
        )
        threads = [ThreadRef(team=team, channel=channel, thread_ts=ts) for ts in found]
        if not threads:
            return []
        raws = await self._store.get_all([link_key(thread) for thread in threads])
        pairs = zip(threads, map(_read, raws), strict=True)
        return [(thread, link) for thread, link in pairs if link is not None]

    async def last_outcome(self, thread: ThreadRef) -> Outcome | None:
        """How the thread's latest finished reply ended."""
        raw = await self._store.get(last_key(thread))
        return Outcome.model_validate_json(raw) if raw else None


def _read(raw: str | None) -> Link | None:
    if not raw:
        return None
    try:
        return Link.model_validate_json(raw)
    except ValidationError:
        return None
