"""Slack's clock, as Slack tells it; ours may be off, and Socket Mode never notices.

A `ts` is compared only with another `ts`: a message with the latest one that this process has seen
was there before anything written from now on.
"""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

SECOND = 1_000_000
DAY = 86_400 * SECOND


class SlackClock:
    """The latest `ts` from Slack, and the earliest possible time at Slack, in microseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ahead: int | None = None
        self._date: int | None = None
        self.last = 0

    def told(self, ts: int) -> None:
        """Note a `ts` from Slack: of an event, a button press, or a message that it just accepted.

        A `ts` more than a day ahead of Slack's own `Date` is ignored.
        """
        ahead = ts - self._now()
        if self._date is not None and ahead > self._date + DAY:
            return
        self.last = max(self.last, ts)
        self._ahead = max(ahead, ahead if self._ahead is None else self._ahead)

    def dated(self, headers: Mapping[str, str]) -> None:
        """Read the `Date` header of an answer, which is in whole seconds (RFC 9110, 6.6.1)."""
        value = next((value for key, value in headers.items() if key.lower() == "date"), "")
        try:
            date = int(parsedate_to_datetime(value).timestamp()) * SECOND
        except (TypeError, ValueError, OverflowError):
            return
        self._date = date - self._now()

    @property
    def now(self) -> int:
        """The earliest possible time at Slack: whatever comes next is written after it."""
        told = [ahead for ahead in (self._date, self._ahead) if ahead is not None]
        return max(self.last, self._now() + max(told)) if told else self.last

    def age(self, ts: int) -> int:
        """Return the minimum age of `ts`; 0 while Slack has not told its time."""
        return self.now - ts if self.now else 0

    def _now(self) -> int:
        return int(self._clock() * SECOND)
