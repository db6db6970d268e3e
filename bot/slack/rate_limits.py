"""Whom Slack tells to wait makes others wait too, instead of each finding out by a call.

Slack limits messages by channel (about one a second) and other methods by workspace
(docs.slack.dev/apis/web-api/rate-limits). So a 429 pauses `chat.postMessage` in that channel, any
other method everywhere; a channel that is paused holds up no other one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.model.errors import SlackAway, SlackRefused

BY_CHANNEL = frozenset({"chat.postMessage"})
RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "HTTP 429"})
LIMITED = "paused"

STEP_SECONDS = 1.0
"""Between the turns of those who wait: about what Slack takes."""

SHORTEST_SECONDS = 0.5
"""A 429 without `Retry-After`, or with 0, is a pause all the same."""

ALL_SECONDS = 3.0
ALL_STEP_SECONDS = 0.05
"""The same where Slack takes nothing at all: how often that is tried, and the turns after it."""

_Key = tuple[str, str]
_ALL = ("", "")


@dataclass(slots=True)
class _Pause:
    """When it is over, when the next one who waits has its turn, and whether one is trying now."""

    until: float
    next_turn: float
    step: float
    is_tried: bool = False

    def turn(self) -> float:
        """Seconds until a turn that nobody else has."""
        now = time.monotonic()
        turn = max(self.until, self.next_turn, now + self.step if self.is_tried else now)
        self.next_turn = turn + self.step
        return turn - now


class RateLimits:
    """What Slack has told this process not to do now."""

    def __init__(self) -> None:
        self._pauses: dict[_Key, _Pause] = {}

    @contextmanager
    def kept(self, method: str, channel: str) -> Iterator[None]:
        """Around a call of `method`, which is not made during a pause.

        After it one call tries; the others go on waiting, one a second, so that they do not all
        come back at the same moment.

        Raises:
            SlackAway: there is a pause, or Slack has begun one; `retry_after` is this call's turn.
        """
        own = (method, channel if method in BY_CHANNEL else "")
        key = _ALL if _ALL in self._pauses else own
        pause = self._pauses.get(key)
        if pause is not None:
            if pause.is_tried or time.monotonic() < pause.until:
                raise SlackAway(method, LIMITED, retry_after=pause.turn(), maybe_done=False)
            pause.is_tried = True
        try:
            yield
        except SlackAway as error:
            if error.reason not in RATE_LIMITED:
                raise
            if key is _ALL:
                self._end(key, pause)
            turn = self._begin(own, error.retry_after or 0.0, STEP_SECONDS).turn()
            raise SlackAway(method, error.reason, retry_after=turn, maybe_done=False) from error
        except SlackRefused:
            self._end(key, pause)
            raise
        else:
            self._end(key, pause)
        finally:
            if pause is not None:
                pause.is_tried = False

    def all(self, error: SlackRefused) -> SlackAway:
        """Pause everything, since Slack refuses our token; what to do instead of giving up."""
        turn = self._begin(_ALL, ALL_SECONDS, ALL_STEP_SECONDS).turn()
        return SlackAway(error.method, error.reason, retry_after=turn, maybe_done=False)

    def _begin(self, key: _Key, seconds: float, step: float) -> _Pause:
        until = time.monotonic() + max(SHORTEST_SECONDS, seconds)
        pause = self._pauses.setdefault(key, _Pause(until, until, step))
        pause.until, pause.is_tried = max(until, pause.until), False
        return pause

    def _end(self, key: _Key, pause: _Pause | None) -> None:
        """Only who tried after the pause ends it, not a call that was on its way before."""
        if pause is not None and self._pauses.get(key) is pause:
            del self._pauses[key]
