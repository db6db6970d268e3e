"""The reordering window: deliveries wait while events of a burst arrive out of order.

Slack may deliver a burst in any order. Replies kept before their session's first delivery can still
be put in the order in which they were written. An orderly burst costs nobody a wait, since steady
load is a burst that never ends; only its first moments do, while there is nothing to judge by.
"""

import time
from collections import deque
from collections.abc import Callable

CROWD = 4
"""Upper end of ordinary conversation: requests at once, or replies within `CROWD_SECONDS`."""

CROWD_SECONDS = 0.02
QUIET_SECONDS = 0.05
FIRST_SECONDS = 0.05
"""Longest wait for a burst that has shown neither order nor disorder."""

LIMIT_SECONDS = 3.0
"""The longest time for which a burst delays deliveries."""

ORDERLY = 20
"""Consecutive replies, each written after the one before, that prove order."""

STALL_SECONDS = 0.02
"""Event-loop stall above which silence tells nothing."""

MEMORY_SECONDS = 1.0
"""Time for which past order or disorder predicts what comes next."""


class ReorderingWindow:
    """Detects disordered bursts from the times of recent replies."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._replied: deque[float] = deque([-LIMIT_SECONDS] * CROWD, maxlen=CROWD)
        self._since = 0.0
        self._last = -QUIET_SECONDS
        self._latest = 0
        self._in_order = 0
        self._disorder = -MEMORY_SECONDS

    def crowded(self, now: float | None = None) -> None:
        """Note that more arrives at once than people write."""
        now = self._clock() if now is None else now
        if now - self._last > QUIET_SECONDS:
            self._since = now
        self._last = now

    def replied(self, written: int) -> None:
        """Note an accepted reply that was written at `written` (its `ts` in microseconds)."""
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
        """Note that the event loop stalled since then: that silence tells nothing."""
        now = self._clock()
        if now - since < STALL_SECONDS:
            return
        if since - self._disorder < MEMORY_SECONDS:
            self._disorder = now
        self._last = now

    def is_on(self, *, is_crowded: bool) -> bool:
        """Return True to wait for the burst's end; `is_crowded` says that more is arriving now."""
        now = self._clock()
        if not is_crowded and now - self._last >= QUIET_SECONDS:
            return False
        if now - self._disorder < MEMORY_SECONDS:
            return now - self._since < LIMIT_SECONDS
        return self._in_order < ORDERLY and now - self._since < FIRST_SECONDS
