"""When Slack rate-limits one call, other callers wait as well.

Slack limits messages by channel (about one a second) and other methods by workspace
(docs.slack.dev/apis/web-api/rate-limits). So a 429 limits `chat.postMessage` in that channel, and
any other method everywhere; a limited channel delays no other one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.model.errors import SlackAway, SlackRefused
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


_Key = tuple[str, str]


class RateLimits:
    """The limits that Slack has imposed on this process, by method and channel."""

    def __init__(self) -> None:
        self._limits: dict[_Key, Limit] = {}

    @contextmanager
    def respected(self, method: str, channel: str) -> Iterator[None]:
        """Make a call of `method` inside this context, which checks and learns its limit.

        After a limit one call tries; the others go on waiting, one a second, so that they do not
        all come back at the same moment.

        Raises:
            SlackAway: there is a limit, or Slack has just imposed one; `retry_after` is the turn
                of this call.
        """
        key = (method, channel if method in BY_CHANNEL else "")
        tried = self._check(key)
        try:
            yield
        except (SlackAway, SlackRefused) as error:
            self._learn(key, tried, error)
            raise
        else:
            self._lift(key, tried)
        finally:
            if tried is not None:
                tried.is_tried = False

    def _check(self, key: _Key) -> Limit | None:
        """Raise `SlackAway` while a limit is in force; return the one that this call tries."""
        limit = self._limits.get(key)
        if limit is None:
            return None
        if limit.is_in_force:
            raise SlackAway(key[0], LIMITED, retry_after=limit.turn(), maybe_done=False)
        limit.is_tried = True
        return limit

    def _learn(self, key: _Key, tried: Limit | None, error: SlackAway | SlackRefused) -> None:
        """Learn from a failure: a 429 imposes a limit, and raises its turn; a refusal lifts one.

        A call that Slack did not answer says nothing about limits.
        """
        match error:
            case SlackRefused():
                self._lift(key, tried)
            case SlackAway() if error.reason in RATE_LIMITED:
                limit = self._limits.setdefault(key, Limit(STEP_SECONDS))
                limit.extend(error.retry_after or 0.0)
                turn = limit.turn()
                raise SlackAway(key[0], error.reason, retry_after=turn, maybe_done=False) from error

    def _lift(self, key: _Key, tried: Limit | None) -> None:
        """End the limit that a call has tried; one that was under way before ends none."""
        if tried is not None and self._limits.get(key) is tried:
            del self._limits[key]
