"""When nobody listened to Slack, and in which threads replies may be missing since.

A gap is noted before events come in again and struck off when its threads have been read. While it
is noted, no accepted reply moves the mark of its thread (`TRAFFIC` in `scripts.py`), so a process
that dies in between leaves everything to the next one. A thread that was read carries a mark beyond
the gap, so that no other reads it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.batches import Script
from bot.models import ThreadRef
from bot.store import CATCHING_UP_KEY, GAP_KEY, Store, millis, recent_key

CATCH_UP = timedelta(hours=24)

OVERLAP = timedelta(minutes=5)
"""Read again before a thread's mark: of two replies at once, a crash may have cost the first."""

HOLD = timedelta(seconds=20)
"""How long who reads may go without a sign of life before another takes over."""

# Somebody who reads is also listening: what this caller missed, that one heard.
#
# KEYS: gap, catching up
# ARGV: token, catch-up ms
_NOTE = Script("""
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('SET', KEYS[1], time[1] * 1000000 + time[2], 'PX', ARGV[2])
return 1
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

# KEYS: gap, catching up
# ARGV: token, the gap that was read, or nothing
_LET_GO = Script("""
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
""")

# KEYS: recent
# ARGV: gap, catch-up ms, limit
# Returns: how many threads were not read since the gap, the limit's latest of them with their
# marks, and since when they count.
_UNREAD = Script("""
local time = redis.call('TIME')
local since = time[1] * 1000000 - ARGV[2] * 1000
local before = '(' .. ARGV[1]
local found = redis.call('ZRANGE', KEYS[1], before, since, 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[3],
                         'WITHSCORES')
return {redis.call('ZCOUNT', KEYS[1], since, before), found, since}
""")

# KEYS: recent
# ARGV: mark, channel:thread_ts
_MARK = Script("return redis.call('ZADD', KEYS[1], 'XX', 'GT', ARGV[1], ARGV[2])")


def named(thread: ThreadRef) -> str:
    """A thread's name among those of its team."""
    return f"{thread.channel}:{thread.thread_ts}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A thread in which replies may be missing that were written `after` (Unix microseconds)."""

    thread: ThreadRef
    after: int


class Gaps:
    """The gap, in Redis; `token` names this process."""

    def __init__(self, store: Store, team: str, within: timedelta, token: str) -> None:
        self._store = store
        self._team = team
        self._within = millis(within)
        self._token = token

    async def note(self) -> None:
        """Nobody may have listened until now; nothing changes while another process reads."""
        await self._store.run(_NOTE, [GAP_KEY, CATCHING_UP_KEY], [self._token, self._within])

    async def claim(self) -> str | None:
        """The gap that is ours to read, if there is one; an empty word while another reads it."""
        answer = await self._store.run(
            _CLAIM, [GAP_KEY, CATCHING_UP_KEY], [self._token, millis(HOLD)]
        )
        return None if answer == "none" else "" if answer == "held" else str(answer)

    async def renew(self) -> None:
        """Go on being the one who reads."""
        await self._store.run(_RENEW, [CATCHING_UP_KEY], [self._token, millis(HOLD)])

    async def let_go(self, gap: str = "") -> None:
        """Read no more; `gap` has been read, and is struck off unless there was another since."""
        await self._store.run(_LET_GO, [GAP_KEY, CATCHING_UP_KEY], [self._token, gap])

    async def unread(self, gap: str, limit: int) -> tuple[int, Sequence[Unread]]:
        """How many threads are to be read, and the latest of them, latest first."""
        total, found, since = await self._store.run(
            _UNREAD, [recent_key(self._team)], [gap, self._within, limit]
        )
        unread = []
        for name, mark in zip(found[::2], found[1::2], strict=True):
            channel, _, thread_ts = name.partition(":")
            thread = ThreadRef(team=self._team, channel=channel, thread_ts=thread_ts)
            after = int(float(mark)) - millis(OVERLAP) * 1000
            unread.append(Unread(thread, max(after, int(since))))
        return int(total), unread

    async def mark(self, thread: ThreadRef, mark: int) -> None:
        """Nothing that was written in `thread` before `mark` is missing."""
        await self._store.run(_MARK, [recent_key(self._team)], [mark, named(thread)])
