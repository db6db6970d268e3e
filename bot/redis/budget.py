"""The calls of one kind that all processes may make within a minute.

Of a common limit, less urgent calls may use a part only, so that room is left for urgent ones.
"""

import time

from bot.redis.connection import Store
from bot.redis.keys import calls_key
from bot.redis.lua import budgets as lua

MINUTE = 60.0
LONGEST_PAUSE = 3_600.0


class Budget:
    """The calls of `method`, in Redis.

    `most` is how many calls, of all kinds, may have been made within a minute for one more to be
    made; after a pause, such calls wait for `after` seconds more.
    """

    def __init__(self, store: Store, method: str) -> None:
        self._store = store
        self._calls = calls_key(method)
        self._turns: dict[int, float] = {}

    async def spend(self, most: int, after: float) -> float:
        """Count a call that is about to be made and return 0, or return the seconds to wait.

        Those that wait get turns within a minute, so that they do not all come back at once.
        """
        return self._turn(most, await self._spend(most, after))

    async def pause(self, seconds: float, most: int, after: float) -> float:
        """Let no process make a call for `seconds`; return the seconds for this one to wait."""
        return self._turn(most, await self._spend(most, after, seconds))

    async def _spend(self, most: int, after: float, pause: float = 0.0) -> float:
        wait_ms = await lua.spend_call(
            self._store,
            calls=self._calls,
            name="",
            span_ms=int(MINUTE * 1000),
            most=most,
            after_ms=int(after * 1000),
            pause_ms=int(min(pause, LONGEST_PAUSE) * 1000),
        )
        return wait_ms / 1000

    def _turn(self, most: int, wait: float) -> float:
        if not wait:
            return 0.0
        now = time.monotonic()
        # Of those that have turns, some do not come back; they hold up nobody for over a minute.
        turn = min(self._turns.get(most, 0.0) + MINUTE / most, now + wait + MINUTE)
        turn = max(turn, now + wait)
        self._turns[most] = turn
        return turn - now
