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
from bot.store.lua import claims as lua

BEGUN = timedelta(seconds=30)
"""How long a caller that died keeps others from doing what it began."""

UNDER_WAY_SECONDS = 2.0
LOOK_SECONDS = 0.05

CLAIM = timedelta(days=2)
"""Longer than Slack's Delayed Events retry (24 h)."""

OFFERED = timedelta(days=30)
"""How long a thread in which a link was offered is offered none."""


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
        claim, former = self._names(f"claim:{what}")
        await lua.disclaim(self._store, claim=claim, former=former)

    async def offer(self, thread: ThreadRef, ts: str) -> bool:
        """True for the first message, at `ts`, that brings an offer of a link into `thread`."""
        what = f"offered:{thread.team}:{thread.channel}:{thread.thread_ts}"
        return await self._first(what, OFFERED, ts)

    async def _first(self, what: str, ttl: timedelta, mine: str = "") -> bool:
        """True for the first caller; one that says who it is, by `mine`, stays the first."""
        token = mine or secrets.token_hex(8)
        claim, former = self._names(what)
        keep = seconds(ttl)
        return bool(
            await lua.claim(self._store, claim=claim, former=former, token=token, keep=keep)
        )

    def _names(self, what: str) -> tuple[Key, Key]:
        return once_key(self._team, what), former_once_key(what)
