"""Has due sessions looked at, for as long as this process runs.

Every process asks Redis for due sessions once a second, and every two seconds while none is due;
which of them looks at a session is decided there, so a process that dies is followed by the others.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.mirror.watch import Watch
from bot.model.errors import StoreAway
from bot.model.sessions import SessionId, SessionState
from bot.runtime.background import Background
from bot.runtime.logs import guarded
from bot.store.mirror.looks import Look, Taken
from bot.store.mirror.watches import Watches
from bot.timing import TIMING

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
IDLE_SECONDS = 2.0
"""The longest pause. It delays no look after a reply, which is due a second after the reply."""

MOST = 100
"""Most sessions of one call for states."""

AHEAD = timedelta(seconds=2.5)
"""Sessions that are due so soon are looked at with those that are due now, by the same call."""

GISTS_AHEAD = timedelta(seconds=10)
"""The same for sessions at rest, which cost nothing but their share of that call."""

BATCHES = 4
"""Batches that may be under way: a slow Devin must not pile them up."""


class Watching:
    """Takes due sessions, and has them looked at; `begin` waits `seconds` for a first look."""

    def __init__(
        self,
        watch: Watch,
        watches: Watches,
        background: Background,
        seconds: float = TIMING.first_look_seconds,
    ) -> None:
        self._seconds = seconds
        self._watch = watch
        self._watches = watches
        self._background = background
        self._under_way: set[asyncio.Task[None]] = set()

    async def begin(self, session: SessionId) -> None:
        """Look at a session that was linked just now, so that what it said before is known.

        Without an answer within that time, the look goes on, and the time of each message
        decides. Failures are left to the next look.
        """
        if self._background.is_closing:
            return
        try:
            taken = await self._take()
        except StoreAway:
            return
        task = self._begun(taken)
        if task is not None and session in {look.session for look in taken.looks}:
            await asyncio.wait({task}, timeout=self._seconds)

    async def has_ended(self, session: SessionId) -> bool:
        """Return True if `session` was seen to have ended: it takes no more messages."""
        (seen,) = await self._watches.seen([session])
        return seen.state is SessionState.ENDED

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at sessions as they are due inside this context."""
        ticking = asyncio.create_task(self._tick(), name="watch")
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        while not self._background.is_closing:
            pause = TICK_SECONDS
            if len(self._under_way) < BATCHES:
                try:
                    taken = await self._take()
                    if self._begun(taken) is None and not self._under_way:
                        pause = min(max(TICK_SECONDS, taken.next_in or IDLE_SECONDS), IDLE_SECONDS)
                except StoreAway as error:
                    log.warning("sessions not watched", extra={"reason": str(error)})
            await asyncio.sleep(pause)

    async def _take(self) -> Taken:
        return await self._watches.take(MOST, AHEAD, GISTS_AHEAD)

    def _begun(self, taken: Taken) -> asyncio.Task[None] | None:
        """Begin to look at what was taken, if anything was."""
        if not taken.looks:
            return None
        task = self._background.spawn(self._look(taken.looks))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _look(self, looks: Sequence[Look]) -> None:
        try:
            await guarded(self._watch.look(looks), log, StoreAway)
        except StoreAway as error:
            log.warning("sessions not watched", extra={"reason": str(error)})
