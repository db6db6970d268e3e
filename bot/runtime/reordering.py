"""Whether events come in a burst, and out of order: deliveries then wait for what is missing.

Slack may deliver a burst in any order. What is kept before its session's first delivery can still
be put in the order it was written. A burst that comes in order costs nobody a wait, since steady
load is one that never ends; only its first moments do, while there is nothing to judge by.
"""

import time
from collections import deque
from collections.abc import Callable

CROWD = 4
"""As many requests at once, or replies within `CROWD_SECONDS`, as ordinary talk makes."""

CROWD_SECONDS = 0.02
QUIET_SECONDS = 0.05
FIRST_SECONDS = 0.05
"""How long a burst is waited for that has shown neither order nor disorder."""

LIMIT_SECONDS = 3.0
"""The longest that a burst puts off deliveries."""

ORDERLY = 20
"""Replies in a row, each written after the one before, that speak for order."""

STALL_SECONDS = 0.02
"""A step of ours that comes later than that: this process stood still, and did not listen."""

MEMORY_SECONDS = 1.0
"""How long order or disorder of the past speaks for what comes now."""


class ReorderingWindow:
    """What the times of recent replies tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._replied: deque[float] = deque([-LIMIT_SECONDS] * CROWD, maxlen=CROWD)
        self._since = 0.0
        self._last = -QUIET_SECONDS
        self._latest = 0
        self._in_order = 0
        self._disorder = -MEMORY_SECONDS

    def crowded(self, now: float | None = None) -> None:
        """More comes in at once than people write."""
        now = self._clock() if now is None else now
        if now - self._last > QUIET_SECONDS:
            self._since = now
        self._last = now

    def replied(self, written: int) -> None:
        """A reply was taken that was written then (its `ts` in microseconds)."""
        now = self._clock()
        if now - self._replied[-1] > MEMORY_SECONDS:
            self._latest, self._in_order = 0, 0
        if written < self._latest:
            self._disorder, self._in_order = now, 0
            self.crowded(now)
        else:
            self._latest, self._in_order = written, self._in_order + 1
        self._replied.append(now)
        if now - self._replied[0] < CROWD_SECONDS:
            self.crowded(now)

    def stood_still(self, since: float) -> None:
        """Nothing was listened to since then: that silence, however long, tells nothing."""
        now = self._clock()
        if now - since < STALL_SECONDS:
            return
        if since - self._disorder < MEMORY_SECONDS:
            self._disorder = now
        self._last = now

    def is_on(self, *, is_crowded: bool) -> bool:
        """Whether to wait for the burst's end; `is_crowded` says that more is coming in now."""
        now = self._clock()
        if not is_crowded and now - self._last >= QUIET_SECONDS:
            return False
        if now - self._disorder < MEMORY_SECONDS:
            return now - self._since < LIMIT_SECONDS
        return self._in_order < ORDERLY and now - self._since < FIRST_SECONDS
