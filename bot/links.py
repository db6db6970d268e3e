"""Which thread belongs to which session.

One thread has one session at most, set by whoever comes first (`SET NX`); several threads may share
a session. A link is forgotten `LINK_TTL` after its last traffic.
"""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError

from bot.batches import Script
from bot.gaps import CATCH_UP, named
from bot.models import Link, Outcome, ThreadRef
from bot.places import PLACE
from bot.scripts import TRAFFIC
from bot.store import (
    GAP_KEY,
    Store,
    last_key,
    link_key,
    millis,
    places_key,
    recent_key,
    seconds,
    threads_key,
)

ACTIVE_LIMIT = 1_000
"""As many threads of one channel as are asked for; each `/devin-say` with a session makes one."""

# KEYS: link, threads, recent, gap, places
# ARGV: JSON, TTL s, ts, since, catch-up ms, channel:thread_ts, channel, by
_CREATE = Script(
    TRAFFIC
    + PLACE
    + """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  return redis.call('GET', KEYS[1])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2] * 1000)
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
traffic(KEYS[3], KEYS[4], now, ARGV[5], ARGV[4], ARGV[6])
place(KEYS[5], now, ARGV[7], ARGV[8], ARGV[2])
return false
"""
)

_REMOVE = Script("""
local link = redis.call('GETDEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[2])
return link
""")

# KEYS: link, recent, gap
# ARGV: 1 to mute, catch-up ms, channel:thread_ts
_MUTE = Script(
    TRAFFIC
    + """
local raw = redis.call('GET', KEYS[1])
local is_json, link = pcall(cjson.decode, raw or '')
if not is_json or type(link) ~= 'table' or link.v ~= 1 then return false end
if link.muted and ARGV[1] == '0' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.ceil(time[2] / 1000)
  link.since = now
  traffic(KEYS[2], KEYS[3], now, ARGV[2], now * 1000, ARGV[3])
end
link.muted = ARGV[1] == '1'
raw = cjson.encode(link)
redis.call('SET', KEYS[1], raw, 'KEEPTTL')
return raw
"""
)

_HEAR_FROM_NOW = Script("""
local raw = redis.call('GET', KEYS[1])
local is_json, link = pcall(cjson.decode, raw or '')
if not is_json or type(link) ~= 'table' or link.v ~= 1 then return 0 end
local time = redis.call('TIME')
link.since = time[1] * 1000 + math.ceil(time[2] / 1000)
return redis.call('SET', KEYS[1], cjson.encode(link), 'KEEPTTL')
""")

_ACTIVE = Script("""
local time = redis.call('TIME')
local since = time[1] * 1000 - ARGV[1]
return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', since, 'LIMIT', 0, ARGV[2])
""")


class Links:
    """The links, in Redis."""

    def __init__(self, store: Store, ttl: timedelta, catch_up: timedelta = CATCH_UP) -> None:
        self._store = store
        self._catch_up = millis(catch_up)
        self.ttl = ttl

    async def get(self, thread: ThreadRef) -> Link | None:
        """The link of `thread`; None when there is none, or one that this version cannot read."""
        return _read(await self._store.get(link_key(thread)))

    async def create(self, thread: ThreadRef, link: Link) -> Link | None:
        """Link `thread`, unless it is linked: then that other link is returned, unchanged."""
        raw = await self._store.run(
            _CREATE,
            [
                link_key(thread),
                threads_key(thread.team, thread.channel),
                recent_key(thread.team),
                GAP_KEY,
                places_key(thread.team),
            ],
            [
                link.to_json(),
                seconds(self.ttl),
                thread.thread_ts,
                link.hears_from,
                self._catch_up,
                named(thread),
                thread.channel,
                link.by,
            ],
        )
        return _read(raw)

    async def remove(self, thread: ThreadRef) -> Link | None:
        """Forget the link of `thread` and return what it was."""
        raw = await self._store.run(
            _REMOVE,
            [
                link_key(thread),
                threads_key(thread.team, thread.channel),
                recent_key(thread.team),
            ],
            [thread.thread_ts, named(thread)],
        )
        return _read(raw)

    async def mute(self, thread: ThreadRef, *, muted: bool) -> Link | None:
        """Mute the link of `thread` or not, keeping its TTL; None when there is none."""
        raw = await self._store.run(
            _MUTE,
            [link_key(thread), recent_key(thread.team), GAP_KEY],
            [int(muted), self._catch_up, named(thread)],
        )
        return _read(raw)

    async def hear_from_now(self, thread: ThreadRef) -> None:
        """What was written in `thread` until now is not for Devin."""
        await self._store.run(_HEAR_FROM_NOW, [link_key(thread)], [])

    async def active(
        self, team: str, channel: str, within: timedelta, limit: int = ACTIVE_LIMIT
    ) -> Sequence[tuple[ThreadRef, Link]]:
        """The channel's links with traffic `within` that time, latest first."""
        found = await self._store.run(
            _ACTIVE, [threads_key(team, channel)], [seconds(within) * 1000, limit]
        )
        threads = [ThreadRef(team=team, channel=channel, thread_ts=ts) for ts in found]
        pairs = zip(threads, await self.of(threads), strict=True)
        return [(thread, link) for thread, link in pairs if link is not None]

    async def of(self, threads: Sequence[ThreadRef]) -> Sequence[Link | None]:
        """The link of each of `threads`, in their order."""
        if not threads:
            return []
        return [_read(raw) for raw in await self._store.get_all([link_key(one) for one in threads])]

    async def last_outcome(self, thread: ThreadRef) -> Outcome | None:
        """How the thread's latest finished reply ended; None as for a link."""
        return (await self.last_outcomes([thread]))[0]

    async def last_outcomes(self, threads: Sequence[ThreadRef]) -> Sequence[Outcome | None]:
        """The same of each of `threads`, in their order."""
        if not threads:
            return []
        found = await self._store.get_all([last_key(one) for one in threads])
        return [_outcome(raw) for raw in found]


def _read(raw: str | None) -> Link | None:
    if not raw:
        return None
    try:
        return Link.model_validate_json(raw)
    except ValidationError:
        return None


def _outcome(raw: str | None) -> Outcome | None:
    try:
        return Outcome.model_validate_json(raw) if raw else None
    except ValidationError:
        return None
