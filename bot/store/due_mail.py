"""Sessions whose mail is due and that nobody delivers."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.sessions import SessionId
from bot.redis.connection import Store, millis
from bot.redis.keys import DUE_KEY, PREFIX
from bot.redis.scripts import Script

MOST_HELD = 20_000
"""Sessions one look passes over: twenty processes hold no more, each at its largest concurrency."""

# A busy session keeps its old due time, so the look goes on past sessions that somebody holds.
#
# KEYS: due
# ARGV: grace ms, limit, hold prefix, sessions to look at in all
# Returns: sessions whose mail is due and that nobody holds, the longest due first.
_OVERDUE = Script("""
local time = redis.call('TIME')
local before = time[1] * 1000 - ARGV[1]
local limit = tonumber(ARGV[2])
local late = math.min(redis.call('ZCOUNT', KEYS[1], '-inf', before), tonumber(ARGV[4]))
local found, at = {}, 0
while at < late and #found < limit do
  for _, session in ipairs(redis.call('ZRANGE', KEYS[1], at, math.min(at + 500, late) - 1)) do
    if #found == limit then break end
    if redis.call('EXISTS', ARGV[3] .. session) == 0 then found[#found + 1] = session end
  end
  at = at + 500
end
return found
""")


class DueMail:
    """The mailboxes that wait to be delivered, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def abandoned(self, grace: timedelta, limit: int) -> Sequence[SessionId]:
        """Up to `limit` sessions that nobody holds, due for at least `grace`, longest due first."""
        sessions = await self._store.run(
            _OVERDUE, [DUE_KEY], [millis(grace), limit, f"{PREFIX}:hold:", limit + MOST_HELD]
        )
        return [SessionId(one) for one in sessions]
