"""Devin's lists of repositories and playbooks, kept for five minutes for this process's forms."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from bot.devin.api import Devin, Unread
from bot.runtime.in_flight import Unforeseen, guarded

log = logging.getLogger(__name__)

FRESH_SECONDS = 300.0

UNREAD = Unread(why="not read yet")

T = TypeVar("T")


class Kept(Generic[T]):
    """One list, as it was read last; a failure doesn't replace it, nor is kept if it may pass."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Awaitable[Sequence[T] | Unread]],
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._name = name
        self._read = read
        self._fresh_seconds = fresh_seconds
        self._found: Sequence[T] | Unread = UNREAD
        self._reading: asyncio.Task[Unforeseen | None] | None = None
        self._ends = 0.0

    async def get(self, seconds: float) -> Sequence[T] | Unread:
        """Return the list, an old one while it is read again; wait `seconds` if there is none."""
        if self._reading is None or time.monotonic() > self._ends:
            self._ends = time.monotonic() + self._fresh_seconds
            self._reading = asyncio.create_task(guarded(self._find(), log))
        if isinstance(self._found, Unread):
            await asyncio.wait({self._reading}, timeout=seconds)
        return self._found

    async def _find(self) -> None:
        found = await self._read()
        if isinstance(found, Unread):
            log.info("list not read", extra={"list": self._name, "reason": found.reason})
            if found.is_passing:
                self._ends = 0.0
        if isinstance(self._found, Unread) or not isinstance(found, Unread):
            self._found = found


class Catalog:
    """What a session may be started with: names of repositories, and playbooks; see `Kept.get`."""

    def __init__(self, devin: Devin, fresh_seconds: float = FRESH_SECONDS) -> None:
        self.repositories = Kept("repositories", devin.repositories, fresh_seconds).get
        self.playbooks = Kept("playbooks", devin.playbooks, fresh_seconds).get
