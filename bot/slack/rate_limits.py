"""When Slack rate-limits one call, other callers wait as well.

Slack limits messages by channel (about one a second) and other methods by workspace
(docs.slack.dev/apis/web-api/rate-limits). So a 429 limits `chat.postMessage` in that channel, and
any other method everywhere; a limited channel delays no other one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.model.errors import SlackAway
from bot.runtime.limit import SHORTEST_SECONDS, Limit

BY_CHANNEL = frozenset({"chat.postMessage"})
RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "HTTP 429"})
LIMITED = "paused"
"""The `reason` of a call that is not made because of a limit; the log has it."""

STEP_SECONDS = 1.0
"""The time between the turns of waiting callers: about what Slack takes."""


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

        Those that wait have turns, a second apart, so that they do not all come back at once.

        Raises:
            SlackAway: there is a limit, or Slack has just imposed one; `retry_after` is the turn
                of this call.
        """
        key = method, channel if method in BY_CHANNEL else ""
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
