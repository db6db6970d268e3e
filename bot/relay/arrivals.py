"""Arrivals in a thread line up, so that a later one can wait for those before it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bot.model.threads import ThreadRef

_Key = tuple[str, str]
"""A channel and a thread's `ts`: every message that Slack brings lines up, and these hash fast."""


class Arrivals:
    """The lines of all threads in this process."""

    def __init__(self) -> None:
        self._last: dict[_Key, asyncio.Event] = {}
        self._nobody = asyncio.Event()
        self._nobody.set()

    def is_free(self, thread: ThreadRef) -> bool:
        """Return True if nobody is in line in `thread`."""
        return _key(thread) not in self._last

    @contextmanager
    def line_up(self, thread: ThreadRef) -> Iterator[asyncio.Event]:
        """Line up in `thread`; the event is set once the arrival before this one has left."""
        key, over = _key(thread), asyncio.Event()
        before = self._last.get(key, self._nobody)
        self._last[key] = over
        try:
            yield before
        finally:
            over.set()
            if self._last.get(key) is over:
                del self._last[key]


def _key(thread: ThreadRef) -> _Key:
    return thread.channel, thread.thread_ts
