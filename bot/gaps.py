"""Which threads have to be read, because something written there may be missing, and since when.

Each process vouches for itself: it notes up to which `ts` it has kept all that Slack brought it. A
process that starts, or lost its connection, reads from the earliest of these on; one that refused
an event reads that event's thread. So a reply that was accepted vouches for no other.

What is noted here stays until the thread has been read, by whichever process lives to do it.
Sessions with such threads are *behind*: their mail waits, so that what is missing can come first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.batches import Script
from bot.models import SessionId, ThreadRef
from bot.store import (
    BEHIND_KEY,
    CATCHING_UP_KEY,
    DUE_KEY,
    GAP_KEY,
    Store,
    link_prefix,
    listeners_key,
    mail_key,
    millis,
    read_key,
    recent_key,
    unread_key,
)

CATCH_UP = timedelta(hours=24)

OVERLAP = timedelta(minutes=5)
"""Read again before a process' mark: events come in any order, and some were on their way."""

HOLD = timedelta(seconds=20)
"""How long who reads may go without a sign of life before another takes over."""

DEAD = timedelta(seconds=30)
"""A process that has not said for so long up to when it kept everything is gone."""

KEEP_READ = timedelta(hours=25)
"""Slack's Delayed Events bring a message for 24 h; what was gone by then is not taken as it was."""

MOST_AT_ONCE = 500
"""Threads that one script notes; Redis does nothing else meanwhile."""

# Notes that a thread may miss something since then, and that its session is behind.
_MISS = """
local function miss(unread, behind, prefix, name, from)
  local is_json, link = pcall(cjson.decode, redis.call('GET', prefix .. name) or '')
  if not is_json or type(link) ~= 'table' or not link.session or link.muted then return false end
  from = math.max(from, (link.since or 0) * 1000)
  local was = redis.call('ZSCORE', unread, name)
  if not was or from < tonumber(was) then redis.call('ZADD', unread, from, name) end
  redis.call('ZADD', behind, 'NX', 0, link.session)
  return true
end

local function begin_gap(gap, unread, behind, within_ms)
  local time = redis.call('TIME')
  redis.call('SET', gap, time[1] * 1000000 + time[2], 'PX', within_ms)
  redis.call('PEXPIRE', unread, within_ms)
  redis.call('PEXPIRE', behind, within_ms)
end
"""

# A process that begins while another one reads has missed nothing that the other has not.
# Without a process that vouches, as after an upgrade, each thread's own latest traffic does.
#
# KEYS: gap, catching up, recent, unread, behind, listeners
# ARGV: token, since when in us, or nothing for a process that begins, catch-up ms, overlap us,
#       dead after ms, link prefix
_NOTE_ALL = Script(
    _MISS
    + """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('GET', KEYS[2])
if ARGV[2] == '' and holder and holder ~= ARGV[1] then return 0 end
local since = tonumber(ARGV[2])
local said = redis.call('HGETALL', KEYS[6])
for place = 1, #said, 2 do
  local kept, at = string.match(said[place + 1], '(%d+):(%d+)')
  since = math.min(since or math.huge, tonumber(kept))
  if now - at > tonumber(ARGV[5]) and said[place] ~= ARGV[1] then
    redis.call('HDEL', KEYS[6], said[place])
  end
end
local threads = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
for place = 1, #threads, 2 do
  local from = (since or tonumber(threads[place + 1])) - ARGV[4]
  miss(KEYS[4], KEYS[5], ARGV[6], threads[place], from)
end
begin_gap(KEYS[1], KEYS[4], KEYS[5], ARGV[3])
return 1
"""
)

# KEYS: gap, unread, behind
# ARGV: catch-up ms, link prefix, then for each thread: channel:thread_ts, since when in us, 1 if
#       somebody asked for something there, which is told also where there is no link
_NOTE = Script(
    _MISS
    + """
local noted = 0
for place = 3, #ARGV, 3 do
  local name, from = ARGV[place], tonumber(ARGV[place + 1])
  local is_missed = miss(KEYS[2], KEYS[3], ARGV[2], name, from)
  if not is_missed and ARGV[place + 2] == '1' then
    redis.call('ZADD', KEYS[2], 'LT', from, name)
    is_missed = true
  end
  if is_missed then noted = noted + 1 end
end
if noted > 0 then begin_gap(KEYS[1], KEYS[2], KEYS[3], ARGV[1]) end
return noted
"""
)

# KEYS: listeners
# ARGV: token, up to when all was kept in us, catch-up ms
_VOUCH = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. now)
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
""")

# Whoever lives hears what Slack would have brought to who leaves; the last one leaves its mark.
#
# KEYS: listeners
# ARGV: token, dead after ms
_LEAVE = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local said = redis.call('HGETALL', KEYS[1])
for place = 1, #said, 2 do
  local at = string.match(said[place + 1], ':(%d+)')
  if said[place] ~= ARGV[1] and now - at <= tonumber(ARGV[2]) then
    return redis.call('HDEL', KEYS[1], ARGV[1])
  end
end
return 0
""")

# KEYS: gap, catching up
# ARGV: token, hold ms
# Returns: the gap, 'none', or 'held'.
_CLAIM = Script("""
local gap = redis.call('GET', KEYS[1])
if not gap then return 'none' end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return 'held' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return gap
""")

# KEYS: catching up
# ARGV: token, hold ms
_RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# What was not read is read after the next start; nobody's mail waits for that.
#
# KEYS: gap, catching up, behind
# ARGV: token, the gap that was read, or nothing
_LET_GO = Script("""
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1], KEYS[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return redis.call('GET', KEYS[1]) and 1 or 0
""")

# KEYS: gap, unread, recent
# Returns: the gap, the threads to read, since when each, and those with traffic, latest first.
_UNREAD = Script("""
return {redis.call('GET', KEYS[1]) or '', redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'),
        redis.call('ZRANGE', KEYS[3], 0, -1, 'REV')}
""")

# KEYS: behind
# ARGV: limit
_AWAITED = Script("""
return redis.call('ZRANGE', KEYS[1], 1, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[1])
""")

# KEYS: gap, unread, read, behind, due, mail
# ARGV: the gap, session, until when in us, keep s, then for each thread: channel:thread_ts, since
# Returns: 1 where the session's mail has waited for that.
_READ = Script("""
for place = 5, #ARGV, 2 do
  local since = redis.call('ZSCORE', KEYS[2], ARGV[place])
  if since and tonumber(since) == tonumber(ARGV[place + 1]) then
    redis.call('ZREM', KEYS[2], ARGV[place])
  end
  redis.call('ZADD', KEYS[3], 'GT', ARGV[3], ARGV[place])
end
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -5001)
redis.call('EXPIRE', KEYS[3], ARGV[4])
-- Something else of this session may have been noted since; it is in the next plan.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local waits = redis.call('ZSCORE', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[2])
if not waits or waits == '0' or redis.call('ZCARD', KEYS[6]) == 0 then return 0 end
local due = redis.call('ZSCORE', KEYS[5], ARGV[2])
if due and tonumber(due) <= tonumber(waits) then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[5], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[2])
  return 1
end
return 0
""")


def named(thread: ThreadRef) -> str:
    """A thread's name among those of its team."""
    return f"{thread.channel}:{thread.thread_ts}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A thread in which something may be missing that was written `after` (a `ts` in us)."""

    thread: ThreadRef
    after: int


@dataclass(frozen=True, slots=True)
class Missed:
    """An event that was refused: written in `thread` at `ts` (microseconds).

    `is_command`: somebody asked for something there.
    """

    thread: ThreadRef
    ts: int
    is_command: bool = False


class Gaps:
    """What has to be read, in Redis; `token` names this process."""

    def __init__(self, store: Store, team: str, within: timedelta, token: str) -> None:
        self._store = store
        self._team = team
        self._within = millis(within)
        self._token = token

    async def note_all(self, since: int | None = None) -> None:
        """Something may be missing in any thread, since then (a `ts` in us), or since any process.

        Without `since`, as at a start, nothing changes while another process reads.
        """
        keys = [GAP_KEY, CATCHING_UP_KEY, recent_key(self._team), unread_key(self._team)]
        keys += [BEHIND_KEY, listeners_key(self._team)]
        begun = "" if since is None else str(since)
        args: list[str | int] = [self._token, begun, self._within, millis(OVERLAP) * 1000]
        args += [millis(DEAD), link_prefix(self._team)]
        await self._store.run(_NOTE_ALL, keys, args)

    async def note(self, missed: Sequence[Missed]) -> None:
        """These were refused. Of a thread without a link, or muted, only commands count."""
        for begin in range(0, len(missed), MOST_AT_ONCE):
            args: list[str | int] = [self._within, link_prefix(self._team)]
            for one in missed[begin : begin + MOST_AT_ONCE]:
                # Reading goes on after a message, so it begins before this one.
                args += [named(one.thread), one.ts - 1, int(one.is_command)]
            keys = [GAP_KEY, unread_key(self._team), BEHIND_KEY]
            await self._store.run(_NOTE, keys, args)

    async def vouch(self, until: int) -> None:
        """This process has kept all that Slack brought it until then (a `ts` in us)."""
        keys = [listeners_key(self._team)]
        await self._store.run(_VOUCH, keys, [self._token, until, self._within])

    async def leave(self) -> None:
        """This process listens no more."""
        await self._store.run(_LEAVE, [listeners_key(self._team)], [self._token, millis(DEAD)])

    async def claim(self) -> str | None:
        """The gap that is ours to read, if there is one; an empty word while another reads it."""
        answer = await self._store.run(
            _CLAIM, [GAP_KEY, CATCHING_UP_KEY], [self._token, millis(HOLD)]
        )
        return None if answer == "none" else "" if answer == "held" else str(answer)

    async def renew(self) -> None:
        """Go on being the one who reads."""
        await self._store.run(_RENEW, [CATCHING_UP_KEY], [self._token, millis(HOLD)])

    async def let_go(self, gap: str = "") -> bool:
        """Read no more; True while something is wanted since `gap`, which was read."""
        keys = [GAP_KEY, CATCHING_UP_KEY, BEHIND_KEY]
        return bool(await self._store.run(_LET_GO, keys, [self._token, gap]))

    async def unread(self) -> tuple[str, Sequence[Unread]]:
        """The gap as it is now, and the threads to read, those with the latest traffic first."""
        gap, found, recent = await self._store.run(
            _UNREAD, [GAP_KEY, unread_key(self._team), recent_key(self._team)], []
        )
        place = {name: number for number, name in enumerate(recent)}
        since = dict(zip(found[::2], found[1::2], strict=True))
        names = sorted(since, key=lambda name: place.get(name, len(place)))
        return gap, [Unread(self._thread(name), int(float(since[name]))) for name in names]

    async def awaited(self, limit: int = 20) -> Sequence[SessionId]:
        """Sessions whose mail waits for their threads, the longest first."""
        found = await self._store.run(_AWAITED, [BEHIND_KEY], [limit])
        return [SessionId(one) for one in found]

    async def read(
        self, gap: str, session: SessionId, threads: Sequence[Unread], until: int
    ) -> bool:
        """These threads of `session` were read, up to then; True if its mail waited for that."""
        args: list[str | int] = [gap, session, until, millis(KEEP_READ) // 1000]
        for one in threads:
            args += [named(one.thread), one.after]
        keys = [GAP_KEY, unread_key(self._team), read_key(self._team), BEHIND_KEY]
        return bool(await self._store.run(_READ, [*keys, DUE_KEY, mail_key(session)], args))

    def _thread(self, name: str) -> ThreadRef:
        channel, _, thread_ts = name.partition(":")
        return ThreadRef(team=self._team, channel=channel, thread_ts=thread_ts)
