"""Devin's lists of repositories and playbooks, kept for five minutes for this process's forms.

A person chooses from them while Slack waits: so a list that is older is given all the same while it
is read anew, and one that isn't there yet is waited for only as long as the caller says.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.devin.api import Devin, Unread
from bot.runtime.in_flight import Background

log = logging.getLogger(__name__)

FRESH_SECONDS = 300.0

UNREAD = Unread(why="not read yet")

T = TypeVar("T")


@dataclass(slots=True)
class Kept(Generic[T]):
    """One list: as it was read last, and when.

    A failure that will not pass, as that of a key that may not read the list, is kept like a list;
    after any other failure the next caller has it read again. Neither replaces a list.
    """

    name: str
    read: Callable[[], Awaitable[Sequence[T] | Unread]]
    background: Background
    fresh_seconds: float
    _found: Sequence[T] | Unread = UNREAD
    _read_at: float = 0.0
    _reading: asyncio.Task[None] | None = None

    async def get(self, seconds: float = 0.0) -> Sequence[T] | Unread:
        """Return the list, and have an old one read; wait `seconds` for it if there is none."""
        reading = self._refresh()
        if reading is not None and isinstance(self._found, Unread) and seconds:
            await asyncio.wait({reading}, timeout=seconds)
        return self._found

    def _refresh(self) -> asyncio.Task[None] | None:
        is_fresh = self._read_at and time.monotonic() - self._read_at < self.fresh_seconds
        if self._reading is None and not is_fresh and not self.background.is_closing:
            self._reading = self.background.later(self._run())
        return self._reading

    async def _run(self) -> None:
        try:
            found = await self.read()
        finally:
            self._reading = None
        if isinstance(found, Unread):
            log.info("list not read", extra={"list": self.name, "reason": found.reason})
            if found.is_passing or not isinstance(self._found, Unread):
                return
        self._found, self._read_at = found, time.monotonic()


class Catalog:
    """What a session may be started with: names of repositories, and playbooks; see `Kept.get`."""

    def __init__(
        self, devin: Devin, background: Background, fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        self.repositories = Kept("repositories", devin.repositories, background, fresh_seconds).get
        self.playbooks = Kept("playbooks", devin.playbooks, background, fresh_seconds).get
