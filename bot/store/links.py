"""Which thread belongs to which session.

One thread has one session at most, set by whoever comes first (`SET NX`); several threads may share
a session. A link is forgotten `LINK_TTL` after its last traffic.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.errors import Outdated
from bot.model.outcomes import Outcome
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import (
    changed_key,
    heard_key,
    last_key,
    link_key,
    places_key,
    recent_key,
    threads_key,
)
from bot.redis.scripts import Script
from bot.store.checkpoints import CATCH_UP, named
from bot.store.places import PLACE
from bot.store.scripts import TRAFFIC

KEEP_CHANGED = timedelta(days=2)
"""Longer than Slack's Delayed Events retry (24 h)."""

ACTIVE_LIMIT = 1_000
"""As many threads of one channel as are asked for; each `/devin-say` with a session makes one."""

# What Slack brings late must not undo what was asked for after it. What acted last may run again,
# after a crash, say, and then gives the same answer. A press or a form is not late: it comes after
# whatever Slack has told by then, which is `since`.
_IN_TIME = """
local function is_outdated(changed, at)
  local last = redis.call('GET', changed)
  return last and at ~= '' and tonumber(string.match(last, '^%d+')) > tonumber(at)
end

local function change(changed, at, since, keep_s, was)
  local last = string.match(redis.call('GET', changed) or '0', '^%d+')
  if at == '' then at = tonumber(last) > tonumber(since) and last or since end
  redis.call('SET', changed, was and at .. ' ' .. was or at, 'EX', keep_s)
  return at
end

local function fall_silent(heard, raw, at, keep_s)
  local is_json, link = pcall(cjson.decode, raw)
  if not is_json or type(link) ~= 'table' or link.muted then return end
  local since = string.format('%.0f', (tonumber(link.since) or 0) * 1000)
  redis.call('SET', heard, since .. ' ' .. at, 'EX', keep_s)
end
"""

# KEYS: link, threads, recent, places, changed
# ARGV: JSON, TTL s, ts, since in us, catch-up ms, channel:thread_ts, channel, by, at in us, keep s
_CREATE = Script(
    TRAFFIC
    + PLACE
    + _IN_TIME
    + """
local link = redis.call('GET', KEYS[1])
if link then return link end
if is_outdated(KEYS[5], ARGV[9]) then return 'outdated' end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
change(KEYS[5], ARGV[9], ARGV[4], ARGV[10])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2] * 1000)
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
traffic(KEYS[3], ARGV[5], ARGV[4], ARGV[6])
place(KEYS[4], now, ARGV[7], ARGV[8], ARGV[2])
return false
"""
)

# KEYS: link, threads, recent, changed, heard
# ARGV: ts, channel:thread_ts, at in us, keep s, since in us
_REMOVE = Script(
    _IN_TIME
    + """
if is_outdated(KEYS[4], ARGV[3]) then return 'outdated' end
local link = redis.call('GETDEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[2])
if not link then
  local at, was = string.match(redis.call('GET', KEYS[4]) or '', '^(%d+) (.+)$')
  return at == ARGV[3] and was or false
end
local at = change(KEYS[4], ARGV[3], ARGV[5], ARGV[4], link)
fall_silent(KEYS[5], link, at, ARGV[4])
return link
"""
)

# KEYS: link, recent, changed, heard
# ARGV: 1 to mute, catch-up ms, channel:thread_ts, at in us, keep s, since in us
_MUTE = Script(
    TRAFFIC
    + _IN_TIME
    + """
local raw = redis.call('GET', KEYS[1])
local is_json, link = pcall(cjson.decode, raw or '')
if not is_json or type(link) ~= 'table' or link.v ~= 1 then return false end
if is_outdated(KEYS[3], ARGV[4]) then return 'outdated' end
if link.muted and ARGV[1] == '0' then
  link.since = math.max(link.since or 0, math.ceil(ARGV[6] / 1000))
  traffic(KEYS[2], ARGV[2], ARGV[6], ARGV[3])
end
link.muted = ARGV[1] == '1'
local at = change(KEYS[3], ARGV[4], ARGV[6], ARGV[5])
if link.muted then fall_silent(KEYS[4], raw, at, ARGV[5]) end
raw = cjson.encode(link)
redis.call('SET', KEYS[1], raw, 'KEEPTTL')
return raw
"""
)

# KEYS: link
# ARGV: since in ms
_HEAR_FROM = Script("""
local raw = redis.call('GET', KEYS[1])
local is_json, link = pcall(cjson.decode, raw or '')
if not is_json or type(link) ~= 'table' or link.v ~= 1 then return 0 end
link.since = math.max(link.since or 0, tonumber(ARGV[1]))
return redis.call('SET', KEYS[1], cjson.encode(link), 'KEEPTTL')
""")

_ACTIVE = Script("""
local time = redis.call('TIME')
local since = time[1] * 1000 - ARGV[1]
return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', since, 'LIMIT', 0, ARGV[2])
""")


# KEYS: threads
# ARGV: limit
_OLDEST = Script("return redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)")


class Links:
    """The links, in Redis."""

    def __init__(self, store: Store, ttl: timedelta, catch_up: timedelta = CATCH_UP) -> None:
        self._store = store
        self._catch_up = millis(catch_up)
        self.ttl = ttl

    async def get(self, thread: ThreadRef) -> Link | None:
        """The link of `thread`; None when there is none, or one that this version cannot read."""
        return Link.parse(await self._store.get(link_key(thread)))

    async def create(self, thread: ThreadRef, link: Link, at: int | None = None) -> Link | None:
        """Link `thread`, unless it is linked: then that other link is returned, unchanged.

        `at` is the `ts` of the message that asks for it, in microseconds, here and below; None for
        what Slack never brings late.

        Raises:
            Outdated: the thread was unlinked by somebody who asked later.
        """
        raw = await self._store.run(
            _CREATE,
            [
                link_key(thread),
                threads_key(thread.team, thread.channel),
                recent_key(thread.team),
                places_key(thread.team),
                changed_key(thread),
            ],
            [
                *(link.to_json(), seconds(self.ttl), thread.thread_ts, link.hears_from),
                *(self._catch_up, named(thread), thread.channel, link.by),
                *(_or_nothing(at), seconds(KEEP_CHANGED)),
            ],
        )
        return _changed(raw)

    async def remove(self, thread: ThreadRef, at: int | None = None, since: int = 0) -> Link | None:
        """Forget the link of `thread` and return what it was; asked again with that `at`, the same.

        Without an `at` it counts as asked for at `since`, a `ts` as well, here and below.

        Raises:
            Outdated: the link was made, muted or unmuted by somebody who asked later.
        """
        raw = await self._store.run(
            _REMOVE,
            [
                link_key(thread),
                threads_key(thread.team, thread.channel),
                recent_key(thread.team),
                changed_key(thread),
                heard_key(thread),
            ],
            [thread.thread_ts, named(thread), _or_nothing(at), seconds(KEEP_CHANGED), since],
        )
        return _changed(raw)

    async def mute(
        self, thread: ThreadRef, at: int | None = None, since: int = 0, *, muted: bool
    ) -> Link | None:
        """Mute the link of `thread` or not, keeping its TTL; None when there is none.

        Unmuted, its replies are for Devin again from then on.

        Raises:
            Outdated: as `remove`.
        """
        raw = await self._store.run(
            _MUTE,
            [link_key(thread), recent_key(thread.team), changed_key(thread), heard_key(thread)],
            [
                *(int(muted), self._catch_up, named(thread), _or_nothing(at)),
                *(seconds(KEEP_CHANGED), since if at is None else at),
            ],
        )
        return _changed(raw)

    async def was_heard(self, thread: ThreadRef, ts: int) -> bool:
        """Whether what was written at `ts` (in us) was for Devin until `thread` fell silent.

        It is known for two days, and of the last time that it was unlinked or muted.
        """
        raw = await self._store.get(heard_key(thread))
        since, _, until = (raw or "0 0").partition(" ")
        return int(since) < ts <= int(until)

    async def hear_from(self, thread: ThreadRef, since: int) -> None:
        """What was written in `thread` until `since` (Unix milliseconds) is not for Devin."""
        await self._store.run(_HEAR_FROM, [link_key(thread)], [since])

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

    async def of_channel(self, team: str, channel: str, limit: int) -> Sequence[ThreadRef]:
        """Threads of the channel that are linked, or were; none once all are removed."""
        found = await self._store.run(_OLDEST, [threads_key(team, channel)], [limit])
        return [ThreadRef(team=team, channel=channel, thread_ts=ts) for ts in found]

    async def of(self, threads: Sequence[ThreadRef]) -> Sequence[Link | None]:
        """The link of each of `threads`, in their order."""
        if not threads:
            return []
        found = await self._store.get_all([link_key(one) for one in threads])
        return [Link.parse(raw) for raw in found]

    async def last_outcome(self, thread: ThreadRef) -> Outcome | None:
        """How the thread's latest finished reply ended; None as for a link."""
        return (await self.last_outcomes([thread]))[0]

    async def last_outcomes(self, threads: Sequence[ThreadRef]) -> Sequence[Outcome | None]:
        """The same of each of `threads`, in their order."""
        if not threads:
            return []
        found = await self._store.get_all([last_key(one) for one in threads])
        return [Outcome.parse(raw) for raw in found]


def _or_nothing(at: int | None) -> str | int:
    return "" if at is None else at


def _changed(raw: str | None) -> Link | None:
    if raw == "outdated":
        raise Outdated
    return Link.parse(raw)
