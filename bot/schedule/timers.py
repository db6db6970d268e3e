"""Timers keep work for later in this process, each piece once.

They are lost with the process. What they are for is due in Redis, where the sweep finds it then.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

from bot.runtime.background import Background

T = TypeVar("T", bound=Hashable)


class Timers(Generic[T]):
    """At most `most` pieces of work, each to be begun at its time."""

    def __init__(self, background: Background, most: int) -> None:
        self._background = background
        self._most = most
        self._timers: dict[T, asyncio.TimerHandle] = {}

    def add(self, what: T, after: float, begin: Callable[[], Coroutine[None, None, None]]) -> bool:
        """Begin work in `after` seconds; return False if there is no room for it.

        If `what` waits already, nothing is added, and it begins when it would have.
        """
        if what in self._timers:
            return True
        if len(self._timers) >= self._most:
            return False
        loop = asyncio.get_running_loop()
        self._timers[what] = loop.call_later(after, self._begin, what, begin)
        return True

    def take_all(self) -> dict[T, float]:
        """Stop all timers; return their work with the seconds that are left for each."""
        now = asyncio.get_running_loop().time()
        left = {what: max(0.0, timer.when() - now) for what, timer in self._timers.items()}
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        return left

    def _begin(self, what: T, begin: Callable[[], Coroutine[None, None, None]]) -> None:
        del self._timers[what]
        self._background.spawn(begin())
