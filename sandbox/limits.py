"""Rate limits of the local servers: so many calls in so many seconds, as Slack's tiers have them.

Devin's own numbers are not published (docs.devin.ai, Common flows: "429 Rate limit exceeded").
"""

import math
import time
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class CallLimit:
    """A limit on calls within a number of seconds."""

    calls: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque)

    def retry_after(self) -> int | None:
        """Count a call, or return the whole seconds after which one is accepted again."""
        now = time.monotonic()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) < self.calls:
            self._taken.append(now)
            return None
        return math.ceil(self._taken[0] + self.seconds - now)
