"""What this process keeps of what Slack brings it, and what it refuses.

Slack brings a refused event again for some minutes, and then nobody does. So it is remembered here,
and noted in Redis before anything later is accepted: a reply that comes after it must not hide it.
Until that is done, this process does not vouch for what it has kept, either.
"""

import asyncio
import logging
import time
from contextlib import suppress

from bot.model.errors import StoreAway
from bot.model.threads import ThreadRef
from bot.slack.clock import SlackClock
from bot.store.checkpoints import Checkpoints, Missed

log = logging.getLogger(__name__)

NOTE_SECONDS = 0.2
"""How soon it is tried again to note: less than replies settle after Redis' absence."""

MOST_THREADS = 5_000
"""As many threads as are remembered one by one; beyond that, all count as missed."""


class Listening:
    """Remembers what was kept and refused; nothing without `checkpoints` (`CATCH_UP` is 0)."""

    def __init__(self, checkpoints: Checkpoints | None, clock: SlackClock) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._kept: int | None = None
        self._refused: dict[ThreadRef, Missed] = {}
        self._is_all = False
        self._all_since: int | None = None
        self._noting = asyncio.Lock()
        self.wanted = asyncio.Event()

    @property
    def is_behind(self) -> bool:
        """Whether something was missed that is not noted yet."""
        return self._is_all or bool(self._refused)

    def brought(self, ts: int) -> None:
        """Slack brings what happened at `ts`, in microseconds; what becomes of it is seen later."""
        self._clock.told(ts)

    def kept(self, ts: int) -> None:
        """An event of then was acknowledged."""
        # What is ahead of Slack's clock would vouch for what has not come yet.
        if ts <= self._clock.last:
            self._kept = max(self._kept or 0, ts)

    def refused(self, missed: Missed) -> None:
        """An event was not acknowledged."""
        if self._checkpoints is None:
            return
        before = self._refused.get(missed.thread, missed)
        self._refused[missed.thread] = Missed(
            missed.thread,
            min(before.ts, missed.ts),
            is_command=before.is_command or missed.is_command,
        )
        if len(self._refused) > MOST_THREADS:
            self.missed(min(one.ts for one in self._refused.values()))
            self._refused.clear()
        self.wanted.set()

    def missed(self, since: int | None = None) -> None:
        """Anything may have been missed since then (a `ts` in us), or since the last that was kept.

        At the start of a process, since any that vouches for itself.
        """
        if self._checkpoints is None:
            return
        since = self._kept if since is None else since
        if self._is_all and self._all_since is not None and since is not None:
            since = min(since, self._all_since)
        self._is_all, self._all_since = True, since
        self.wanted.set()

    async def begin(self) -> None:
        """Keep in Redis that nobody may have listened until now; before events come in.

        Raises:
            StoreAway: it is not known to be kept.
        """
        if self._checkpoints is not None:
            await self._checkpoints.note_all()

    async def note(self) -> None:
        """Keep in Redis what was missed.

        Raises:
            StoreAway: it is not known to be kept; nothing later may be accepted.
        """
        async with self._noting:
            if self._checkpoints is None:
                return
            if self._is_all:
                since = self._all_since
                await self._checkpoints.note_all(since)
                if since == self._all_since:
                    self._is_all, self._all_since = False, None
            if refused := list(self._refused.values()):
                await self._checkpoints.note(refused)
                log.warning("refused events noted", extra={"threads": len(refused)})
                for one in refused:
                    if self._refused.get(one.thread) == one:
                        del self._refused[one.thread]

    async def note_within(self, seconds: float) -> None:
        """Note what was missed as soon as Redis takes it, before others accept what is later."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(NOTE_SECONDS)
            if self.is_behind:
                with suppress(StoreAway):
                    await self.note()
                    return

    async def vouch(self) -> None:
        """Say in Redis up to when this process has kept everything, while that is so.

        Raises:
            StoreAway: it is not known to be said.
        """
        if self._checkpoints is None or self._kept is None or self.is_behind:
            return
        since = await self._checkpoints.vouch(self._kept)
        if since is not None:
            log.warning("a process is gone", extra={"kept_until": since})
            self.missed(since)
