"""Claims: what must be done once, by the first who comes, and again if that one died.

Claims are a workspace's own. Those that a version before this one made are read under the names
that it gave them, which had no team in them.
"""

import asyncio
import secrets
import time
from datetime import timedelta

from bot.model.errors import UnderWay
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, seconds
from bot.redis.keys import Key, former_once_key, once_key
from bot.redis.scripts import Script

BEGUN = timedelta(seconds=30)
"""How long a caller that died keeps others from doing what it began."""

UNDER_WAY_SECONDS = 2.0
LOOK_SECONDS = 0.05

CLAIM = timedelta(days=2)
"""Longer than Slack's Delayed Events retry (24 h)."""

OFFERED = timedelta(days=30)
"""How long a thread in which a link was offered is offered none."""

# Says true again to the same caller: redis-py sends it twice when a connection breaks.
#
# KEYS: the claim, its former name
# ARGV: token, keep s
_FIRST = Script("""
local before = redis.call('GET', KEYS[2])
if before then return before == ARGV[1] and 1 or 0 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
""")

_DISCLAIM = Script("return redis.call('DEL', KEYS[1], KEYS[2])")


class Claims:
    """The claims of a workspace, in Redis."""

    def __init__(self, store: Store, team: str) -> None:
        self._store = store
        self._team = team

    async def begin(self, what: str, mine: str) -> bool:
        """True when this caller is to do `what` now; False once somebody has, and `claim`ed it.

        `mine` names the caller: an event that Slack brings again goes on where a process died.

        Raises:
            UnderWay: another caller does it at this moment.
        """
        deadline = time.monotonic() + UNDER_WAY_SECONDS
        while not await self.is_claimed(what):
            if await self._first(f"begun:{what}", BEGUN, mine):
                return True
            if time.monotonic() > deadline:
                raise UnderWay(what.partition(":")[0])
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def claim(self, what: str) -> bool:
        """True for the first who claims `what`: one of two events for the same message, say."""
        return await self._first(f"claim:{what}", CLAIM)

    async def is_claimed(self, what: str) -> bool:
        """True when somebody has claimed `what`."""
        return any(await self._store.get_all(self._names(f"claim:{what}")))

    async def disclaim(self, what: str) -> None:
        """Undo `claim`, for work that failed and comes again."""
        await self._store.run(_DISCLAIM, self._names(f"claim:{what}"), [])

    async def offer(self, thread: ThreadRef, ts: str) -> bool:
        """True for the first message, at `ts`, that brings an offer of a link into `thread`."""
        what = f"offered:{thread.team}:{thread.channel}:{thread.thread_ts}"
        return await self._first(what, OFFERED, ts)

    async def _first(self, what: str, ttl: timedelta, mine: str = "") -> bool:
        """True for the first caller; one that says who it is, by `mine`, stays the first."""
        token = mine or secrets.token_hex(8)
        return bool(await self._store.run(_FIRST, self._names(what), [token, seconds(ttl)]))

    def _names(self, what: str) -> list[Key]:
        return [once_key(self._team, what), former_once_key(what)]
