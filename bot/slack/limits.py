"""The rate limits that Slack has told this process, and the budget of first ✅.

Slack limits messages by channel and other methods by workspace, and takes some 50 calls a minute of
`reactions.add` (Tier 3; docs.slack.dev/apis/web-api/rate-limits). First ✅ beyond their budget are
not even tried: the rest is for marks that are never dropped: ❌, 💤 and ⏳.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.model.errors import SlackAway
from bot.runtime.in_flight import SHORTEST_SECONDS, Limit
from bot.slack.api import RATE_LIMITED

MARKS_A_MINUTE = 40
MINUTE_SECONDS = 60.0

LIMITED = "paused"
"""The `reason` of a call that is not made because of a limit; the log has it."""

STEP_SECONDS = 1.0
"""Between the turns of waiting callers: about what Slack takes."""


class MarkBudget:
    """Counts the first ✅ of this process: `MARKS_A_MINUTE` in any minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: deque[float] = deque(maxlen=MARKS_A_MINUTE)

    def spend(self) -> bool:
        """Spend one ✅; return False if none is left at the moment."""
        now = self._clock()
        if len(self._spent) == MARKS_A_MINUTE and now - self._spent[0] < MINUTE_SECONDS:
            return False
        self._spent.append(now)
        return True


def asked_wait(error: SlackAway) -> float:
    """Return the seconds for which Slack wants no such call from anybody; 0 if it does not say."""
    if error.reason not in RATE_LIMITED and error.retry_after is None:
        return 0.0
    return max(SHORTEST_SECONDS, error.retry_after or 0.0)


class RateLimits:
    """The limits that Slack has imposed on this process, by method and channel."""

    def __init__(self) -> None:
        self._limits: dict[tuple[str, str], Limit] = {}

    @contextmanager
    def respected(self, method: str, channel: str) -> Iterator[None]:
        """Make a call of `method` inside this context, which checks and learns its limit.

        Raises:
            SlackAway: there is a limit, or Slack has just imposed one; `retry_after` is the turn
                of this call, a second after that of another.
        """
        key = method, channel if method == "chat.postMessage" else ""
        limit = self._limits.get(key)
        if limit is not None and limit.is_in_force:
            raise SlackAway(method, LIMITED, retry_after=limit.turn(), maybe_done=False)
        try:
            yield
        except SlackAway as error:
            if error.reason not in RATE_LIMITED:
                raise
            limit = self._limits.setdefault(key, Limit(STEP_SECONDS))
            limit.extend(error.retry_after or 0.0)
            wait = limit.turn()
            raise SlackAway(method, error.reason, retry_after=wait, maybe_done=False) from error
