"""Turns: arrivals in a thread line up, so that a later one can wait for those before it."""

import asyncio
from typing import Self

from bot.model.threads import ThreadRef

_Key = tuple[str, str]
"""A channel and a thread's `ts`: every message that Slack brings lines up, and these hash fast."""


class Turn:
    """The place of an arrival in its thread's line, from when it is made until it is left."""

    __slots__ = ("_before", "_ended", "_key", "_turns", "is_over")

    def __init__(self, turns: "Turns", key: _Key) -> None:
        self._turns = turns
        self._key = key
        self._before = turns.last.get(key)
        self._ended: asyncio.Event | None = None
        self.is_over = False
        turns.last[key] = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over, self._before = True, None
        if self._ended is not None:
            self._ended.set()
        if self._turns.last.get(self._key) is self:
            del self._turns.last[self._key]

    @property
    def is_first(self) -> bool:
        """Whether no earlier arrival has its turn still."""
        return self._before is None or self._before.is_over

    async def come(self) -> None:
        """Wait until the turn before this one is over."""
        if self._before is not None:
            await self._before.until_over()

    async def until_over(self) -> None:
        """Wait until this turn is over."""
        if self.is_over:
            return
        if self._ended is None:
            self._ended = asyncio.Event()
        await self._ended.wait()


class Turns:
    """The lines of all threads in this process."""

    def __init__(self) -> None:
        self.last: dict[_Key, Turn] = {}

    def is_free(self, thread: ThreadRef) -> bool:
        """Return True if nobody is in line in `thread`."""
        return _key(thread) not in self.last

    def line_up(self, thread: ThreadRef) -> Turn:
        """Line up in `thread`, behind every arrival that has not left its turn."""
        return Turn(self, _key(thread))


def _key(thread: ThreadRef) -> _Key:
    return thread.channel, thread.thread_ts
