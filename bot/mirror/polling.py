"""Has due sessions polled, for as long as this process runs.

Every process asks Redis for due sessions each second (`Timing.watch_pause`), and every other second
while none is due. Redis decides which of them polls a session, so others go on if one dies.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.mirror.poll import SessionPoll
from bot.model.errors import StoreAway
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.runtime.in_flight import Background
from bot.runtime.logs import guarded
from bot.store.mirror.polls import Poll
from bot.store.mirror.watches import Watches
from bot.timing import Timing

log = logging.getLogger(__name__)

MOST = 100
"""Most sessions of one call for states."""

AHEAD = 2.5
"""Sessions that are due within so many pauses are polled with those that are due now."""

TOGETHER_SECONDS = 0.1
"""While polls are under way, new links wait for each other, and share a call for states."""

BATCHES = 4
"""Batches that may be under way: a slow Devin must not pile them up."""


class Polling:
    """Takes due sessions, and has them polled."""

    def __init__(
        self, sessions: SessionPoll, watches: Watches, background: Background, timing: Timing
    ) -> None:
        self._timing = timing
        self._sessions = sessions
        self._watches = watches
        self._background = background
        self._under_way: dict[asyncio.Task[None], frozenset[SessionId]] = {}

    async def begin(self, thread: ThreadRef, session: SessionId) -> None:
        """Poll the session of a new link, of which nobody is told before this returns.

        So whatever is read until then is old for the thread. Failures are left to the next poll.
        """
        if self._background.is_closing:
            return
        self._sessions.untold.add(thread)
        try:
            if self._under_way:
                await asyncio.sleep(TOGETHER_SECONDS)
            if not self._polls_of(session):
                await self._take()
            if polls := self._polls_of(session):
                await asyncio.wait(polls, timeout=self._timing.first_poll_seconds)
        except StoreAway:
            return
        finally:
            self._sessions.untold.discard(thread)

    def _polls_of(self, session: SessionId) -> Sequence[asyncio.Task[None]]:
        return [task for task, polled in self._under_way.items() if session in polled]

    async def gives_way(self, session: SessionId) -> bool:
        """Return True if `session` was seen to have ended, or to have stopped at its cap.

        Its link gives way to another one: it takes no more messages, or does nothing about them.
        """
        (seen,) = await self._watches.seen([session])
        is_capped = seen.is_at_cap and seen.state is not SessionState.WORKING
        return is_capped or seen.state is SessionState.ENDED

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll sessions as they are due inside this context."""
        ticking = asyncio.create_task(self._tick(), name="watch")
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        shortest = self._timing.watch_pause
        longest = 2 * shortest  # it delays no poll after a reply, which is due after the shortest
        while not self._background.is_closing:
            pause = shortest
            if len(self._under_way) < BATCHES:
                try:
                    next_in = await self._take()
                    if not self._under_way:
                        pause = min(max(shortest, next_in or longest), longest)
                except StoreAway as error:
                    log.warning("sessions not watched", extra={"reason": str(error)})
            await asyncio.sleep(pause)

    async def _take(self) -> float | None:
        """Begin to poll what is due; return the seconds until more is, if that is known."""
        ahead = AHEAD * timedelta(seconds=self._timing.watch_pause)
        polls, next_in = await self._watches.take(MOST, ahead)
        if polls:
            task = self._background.spawn(self._poll(polls))
            self._under_way[task] = frozenset(one.session for one in polls)
            task.add_done_callback(self._under_way.pop)
        return next_in

    async def _poll(self, polls: Sequence[Poll]) -> None:
        try:
            await guarded(self._sessions.poll(polls), log, StoreAway)
        except StoreAway as error:
            log.warning("sessions not watched", extra={"reason": str(error)})
