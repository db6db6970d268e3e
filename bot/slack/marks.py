"""The budget of first ✅: more than Slack takes in a minute are not even tried.

Slack takes some 50 calls of `reactions.add` a minute in a workspace (Tier 3,
docs.slack.dev/reference/methods/reactions.add). The rest of them is for marks that are never
dropped: ❌, 💤 and ⏳.
"""

import time
from collections import deque
from collections.abc import Callable

MARKS_A_MINUTE = 40
MINUTE_SECONDS = 60.0


class MarkBudget:
    """Counts this process's first ✅ in a workspace: `MARKS_A_MINUTE` in any minute.

    `clock` returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: deque[float] = deque(maxlen=MARKS_A_MINUTE)

    def spend(self) -> bool:
        """Spend one ✅; return False if none is left at the moment."""
        now = self._clock()
        is_used_up = len(self._spent) == MARKS_A_MINUTE
        if is_used_up and now - self._spent[0] < MINUTE_SECONDS:
            return False
        self._spent.append(now)
        return True
