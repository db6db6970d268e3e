"""What all processes may do within a time: Slack's calls of one kind, and starts of sessions.

Of a common limit, less urgent calls may use a part only, so that room is left for urgent ones.
"""

import time
from datetime import timedelta

from bot.redis import lua as commands
from bot.redis.connection import Store, millis
from bot.redis.keys import calls_key

MINUTE = 60.0
LONGEST_PAUSE = 3_600.0
SPAN = timedelta(hours=1)


class Budget:
    """The calls of `method` that all processes make: at most so many within a minute."""

    def __init__(self, store: Store, method: str) -> None:
        self._store = store
        self._calls = calls_key(method)
        self._turns: dict[int, float] = {}

    async def spend(self, most: int, after: float, pause: float = 0.0) -> float:
        """Count a call that is about to be made and return 0, or return the seconds to wait.

        Those that wait get turns within a minute, so that they do not all come back at once. With a
        `pause`, in seconds, no process makes a call until it is over.
        """
        wait_ms = await commands.spend_call(
            self._store,
            calls=self._calls,
            name="",
            span_ms=int(MINUTE * 1000),
            most=most,
            after_ms=int(after * 1000),
            pause_ms=int(min(pause, LONGEST_PAUSE) * 1000),
        )
        if not wait_ms:
            return 0.0
        wait, now = wait_ms / 1000, time.monotonic()
        # Of those that have turns, some do not come back; they hold up nobody for over a minute.
        turn = min(self._turns.get(most, 0.0) + MINUTE / most, now + wait + MINUTE)
        turn = max(turn, now + wait)
        self._turns[most] = turn
        return turn - now


class Starts:
    """The sessions that a person starts, or a channel adopts: `most` within `SPAN`; 0: no limit."""

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self.most = most

    async def count(self, who: str, start: str) -> timedelta | None:
        """Count the `start` of `who` once; return how long they must wait for it, if they must."""
        if not self.most:
            return None
        wait_ms = await commands.spend_call(
            self._store,
            calls=calls_key(f"start:{who}"),
            name=start,
            span_ms=millis(SPAN),
            most=self.most,
            after_ms=0,
            pause_ms=0,
        )
        return timedelta(milliseconds=wait_ms) if wait_ms else None
