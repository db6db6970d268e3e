"""Faults on demand, which replace or delay the next answer of a Web API method."""

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sandbox.limits import CallLimit

ANY_METHOD = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned failure.

    `drop` closes the connection before the call took effect, `drop_after` when it has; `delay`
    (seconds) precedes either, and alone only makes the call slow; `until` is a delay that ends when
    the test sets the event. `page` is an answer of something else than Slack's API: a page; `body`
    is what an answer has beside `"ok": true`.
    """

    status: int = 200
    error: str | None = None
    retry_after: int | str | None = None
    drop: bool = False
    drop_after: bool = False
    delay: float = 0.0
    until: asyncio.Event | None = None
    page: bool = False
    body: dict[str, Any] | None = None

    @property
    def replaces_answer(self) -> bool:
        """True if the call is answered with this failure and has no effect."""
        is_ok = self.status == 200 and self.error is None  # noqa: PLR2004 - HTTP's own number
        return self.page or self.body is not None or not is_ok


@dataclass(slots=True)
class ApiCall:
    """One Web API call as received. `at` is `time.monotonic()`; `status` 0 means dropped."""

    method: str
    params: dict[str, Any]
    at: float
    error: str | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Download:
    """One received request for a file: its origin, and whether it carried our token."""

    origin: str
    is_authorized: bool


@dataclass(slots=True)
class PostLimit:
    """The minimum interval between a channel's messages: about a second in the real Slack."""

    seconds: float = 0.0
    _last: dict[str, float] = field(default_factory=dict)

    def is_over(self, channel: str) -> bool:
        """Return True if a message comes too soon after the channel's last; if not, count it."""
        now = time.monotonic()
        if channel in self._last and now - self._last[channel] < self.seconds:
            return True
        self._last[channel] = now
        return False


@dataclass(slots=True)
class FaultPlan:
    """The failures planned for each method's next calls, in order; `*` stands for any method.

    `jitter` is the longest time, in seconds, that any call takes; most take a small part of it.
    Markdown that contains `undrawn` is not drawn, and posts that contain a key of `blocked` are
    refused with its code.
    """

    jitter: float = 0.0
    undrawn: str = ""
    blocked: dict[str, str] = field(default_factory=dict)
    posts: PostLimit = field(default_factory=PostLimit)
    limits: dict[str, CallLimit] = field(default_factory=dict)
    files_lead_to: str | None = None
    _planned: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))

    def add(self, method: str, fault: Fault, times: int) -> None:
        """Make the next `times` calls of `method` meet `fault`."""
        self._planned[method] += [fault] * times

    def take(self, method: str) -> Fault | None:
        """Return the fault for a call that just arrived, and use it up."""
        for name in (method, ANY_METHOD):
            if self._planned[name]:
                return self._planned[name].pop(0)
        limit = self.limits.get(method)
        retry_after = None if limit is None else limit.retry_after()
        if retry_after is not None:
            return Fault(429, retry_after=retry_after)
        return Fault(delay=self.jitter * random.random() ** 3) if self.jitter else None

    def clear(self, method: str | None = None) -> int:
        """Forget every planned failure and limit, or those of a method; return the failures.

        Without a method, posts that contain something are accepted again as well.
        """
        methods = [*self._planned] if method is None else [method]
        left = sum(len(self._planned.pop(one, ())) for one in methods)
        if method is None:
            self.limits.clear()
            self.blocked.clear()
        else:
            self.limits.pop(method, None)
        return left
