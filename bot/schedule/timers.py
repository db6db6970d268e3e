"""Timers keep work for later in this process, each piece once.

They are lost with the process. What they are for is due in Redis, where a poll finds it then.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

from bot.runtime.in_flight import Background

T = TypeVar("T", bound=Hashable)


class Timers(Generic[T]):
    """At most `most` pieces of work, each to be begun at its time."""

    def __init__(self, background: Background, most: int) -> None:
        self._background = background
        self._most = most
        self._timers: dict[T, asyncio.TimerHandle] = {}

    def add(self, what: T, after: float, begin: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin work in `after` seconds, unless there is no room for it.

        If `what` waits already, it begins at the earlier of both times.
        """
        loop = asyncio.get_running_loop()
        waiting = self._timers.get(what)
        if waiting is None and len(self._timers) >= self._most:
            return
        if waiting is not None:
            if waiting.when() <= loop.time() + after:
                return
            waiting.cancel()
        self._timers[what] = loop.call_later(after, self._begin, what, begin)

    def stop(self) -> None:
        """Stop all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _begin(self, what: T, begin: Callable[[], Coroutine[None, None, None]]) -> None:
        del self._timers[what]
        self._background.spawn(begin())
