"""Look-ups by id, cached for some minutes, with one request at a time for each id.

A failed look-up is not an answer: it is raised, so that nobody takes it for a no, and soon retried.
Nothing is requested before Slack's `Retry-After` is over. Look-ups that decide (`get`) come before
those that only name somebody (`prepare`): names take at most half of what Slack allows.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TTLCache

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.people import is_id
from bot.runtime import metrics
from bot.runtime.reasons import broken
from bot.slack.rate_limits import LIMITED, RATE_LIMITED, asked_wait
from bot.timing import TIMING

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 300
"""Time for which a change of somebody's standing (guest, deactivated, renamed) may go unnoticed."""

FAILURE_REMEMBERED_SECONDS = 5
REMEMBERED = 10_000

TRIES = 2
TIER_2, TIER_3, TIER_4 = 20, 50, 100
"""Calls of a method that Slack allows per minute (docs.slack.dev/apis/web-api/rate-limits)."""

MINUTE = 60.0
NAMES_AT_ONCE = 10

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Miss:
    """A failed look-up, and the reason; `is_final` if Slack said that there is no answer."""

    reason: str
    is_final: bool = False


class Lookup(Generic[V]):
    """A cache of at most `most` answers of `method`; each try may take `seconds`.

    `tier` is the number of calls of the method that Slack allows per minute.
    """

    def __init__(
        self,
        method: str,
        look_up: Callable[[str], Awaitable[V]],
        *,
        tier: int = TIER_3,
        most: int = REMEMBERED,
        seconds: float = TIMING.look_up_seconds,
    ) -> None:
        self._method = method
        self._look_up = look_up
        self._seconds = seconds
        self._answers: TTLCache[str, V] = TTLCache(most, REMEMBERED_SECONDS)
        self._misses: TTLCache[str, _Miss] = TTLCache(most, FAILURE_REMEMBERED_SECONDS)
        self._asking: dict[str, asyncio.Task[V | _Miss]] = {}
        self._limited_until = 0.0
        self._room_for_names = asyncio.Semaphore(NAMES_AT_ONCE)
        self._most_names = tier // 2
        self._named_at: deque[float] = deque()
        self._no_names_until = 0.0

    async def get(self, key: str) -> V | None:
        """Return the answer for `key`; None if Slack has none, or if `key` is not an id.

        Raises:
            SlackAway: Slack did not answer, or rate-limits this method.
        """
        answer = await self._find(key)
        if not isinstance(answer, _Miss):
            return answer
        if answer.is_final:
            return None
        raise SlackAway(self._method, answer.reason, maybe_done=False)

    def known(self, key: str) -> V | None:
        """Return the answer for `key` if Slack gave it within the last minutes."""
        return self._answers.get(key)

    def may_prepare(self, key: str) -> bool:
        """Return True if `key` may be requested: it is an id, and was not requested just now."""
        return is_id(key) and key not in self._answers and key not in self._misses

    async def prepare(self, key: str) -> None:
        """Look `key` up so that it is `known`, unless that takes a call that others may need."""
        if not self._may_name:
            return
        async with self._room_for_names:
            if self.may_prepare(key) and key not in self._asking:
                if not self._may_name:
                    return
                self._named_at.append(time.monotonic())
            await self._find(key)

    @property
    def _may_name(self) -> bool:
        now = time.monotonic()
        while self._named_at and now - self._named_at[0] > MINUTE:
            self._named_at.popleft()
        return now >= self._no_names_until and len(self._named_at) < self._most_names

    async def _find(self, key: str) -> V | _Miss:
        known = self._answers.get(key)
        if known is not None:
            return known
        missed = self._misses.get(key)
        if missed is not None:
            return missed
        if not is_id(key):
            return _Miss("no id", is_final=True)
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._ask(key))
            self._asking[key].add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(self._asking[key])

    async def _ask(self, key: str) -> V | _Miss:
        miss = _Miss(LIMITED)
        for _ in range(TRIES):
            if self._is_limited:
                return miss
            answer = await self._try(key)
            if not isinstance(answer, _Miss):
                self._answers[key] = answer
                return answer
            miss = answer
            if miss.is_final:
                break
        if not self._is_limited:
            self._misses[key] = miss
        return miss

    async def _try(self, key: str) -> V | _Miss:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._look_up(key)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                return self._failed(key, error.reason)
            log.warning("look-up refused", extra={"id": key, "reason": str(error)})
            return _Miss(error.reason, is_final=True)
        except SlackAway as error:
            self._heed(error)
            return self._failed(key, error.reason)
        except TimeoutError as error:
            reason = broken(error)
            metrics.SLACK_ERRORS.labels(self._method, reason).inc()
            return self._failed(key, reason)
        except (KeyError, TypeError, AttributeError) as error:
            # An answer without its method's promised fields names nobody, and must not end a
            # delivery again and again.
            log.warning("look-up unreadable", extra={"id": key, "reason": type(error).__name__})
            return _Miss("unreadable", is_final=True)

    def _failed(self, key: str, reason: str) -> _Miss:
        log.warning("look-up failed", extra={"id": key, "reason": f"{self._method}: {reason}"})
        return _Miss(reason)

    @property
    def _is_limited(self) -> bool:
        return time.monotonic() < self._limited_until

    def _heed(self, error: SlackAway) -> None:
        """Pause as long as Slack asks, and after a rate limit reserve a minute for `get`."""
        seconds = asked_wait(error)
        if not seconds:
            return
        now = time.monotonic()
        self._limited_until = max(self._limited_until, now + seconds)
        if error.reason in RATE_LIMITED:
            self._no_names_until = now + max(MINUTE, seconds)
