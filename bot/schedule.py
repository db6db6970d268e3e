"""Runs work in this process: what is due now, and what Redis says is due and no process does.

Redis is the engine: what is due is in a sorted set with its time until it is done. A process begins
what it has caused itself, at once or at its time, if it has the capacity; what exceeds that, or was
left when it ended, died or froze, goes to the first process with capacity, since every one polls.
Leases admit one: `TAKE` for mail, `BEGIN_ENTRY` for an entry of the outbox.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Hashable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import Generic, TypeVar

from bot.model.errors import StoreAway
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.runtime.in_flight import Background, Unforeseen, guarded
from bot.store.lua import scripts
from bot.store.outbox import Owed, Teller, parse_owed
from bot.timing import TIMING, Timing

log = logging.getLogger(__name__)

SESSIONS_FOR_EACH_LANE = 3
"""Most sessions here for each lane, of which one has it and two wait; others stay in Redis."""

MOST_UNTOLD = 500
"""Most entries of one kind that wait here for Slack."""

MOST_LATER = 5_000
"""Most sessions, and most entries, whose time is kept here."""

T = TypeVar("T", bound=Hashable)


class Line(Generic[T]):
    """A queue of work for `lanes` concurrent runs: first come, first served, without duplicates."""

    def __init__(self, background: Background, lanes: int) -> None:
        self._background = background
        self._lanes = lanes
        self._waiting: dict[T, Callable[[], Awaitable[None]]] = {}
        self._running = 0

    def __contains__(self, what: object) -> bool:
        """Return True if `what` waits here."""
        return what in self._waiting

    def __len__(self) -> int:
        """Return how many pieces of work wait."""
        return len(self._waiting)

    def capacity(self, most: int) -> int:
        """Return how many more may come before `most` pieces of work wait or run."""
        return max(0, most - len(self._waiting) - self._running)

    def add(self, what: T, work: Callable[[], Awaitable[None]], most: int) -> bool:
        """Run `work` as soon as a lane is free; return False if there is no capacity for it.

        If `what` waits already, nothing is added: that work has not read anything yet, so it serves
        this caller as well. Running work may have read too early, so `what` may wait beside it.
        """
        if what in self._waiting:
            return True
        if not self.capacity(most):
            return False
        self._waiting[what] = work
        self._begin()
        return True

    def _begin(self) -> None:
        while self._waiting and self._running < self._lanes:
            what = next(iter(self._waiting))
            self._running += 1
            self._background.spawn(self._run(self._waiting.pop(what)))

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            self._waiting.clear()  # the process ends; nothing more may begin
            raise
        finally:
            self._running -= 1
            self._begin()


class Timers(Generic[T]):
    """At most `most` pieces of work, each to be begun at its time, and lost with the process."""

    def __init__(self, background: Background, most: int) -> None:
        self._background = background
        self._most = most
        self._timers: dict[T, asyncio.TimerHandle] = {}

    def add(self, what: T, after: float, begin: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin work in `after` seconds, or earlier if asked; not at all without capacity."""
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


Deliver = Callable[[SessionId], Awaitable[None]]
Tell = Callable[[Owed, int], Awaitable[None]]


class LocalDispatch:
    """A `Schedule` for the work of this process."""

    def __init__(self, background: Background, concurrency: int) -> None:
        self._background = background
        self._most = SESSIONS_FOR_EACH_LANE * concurrency
        self._sessions: Line[SessionId] = Line(background, concurrency)
        self._entries: Mapping[str, Line[Owed]] = {}
        self.tellers: Mapping[str, Teller] = {}
        """Those of the entries that this process knows, by their kinds."""
        self._waking: Timers[SessionId] = Timers(background, MOST_LATER)
        self._telling: Timers[tuple[Owed, int]] = Timers(background, MOST_LATER)
        self._work: tuple[Deliver, Tell] | None = None

    @property
    def capacity(self) -> int:
        """The number of sessions for which there is capacity here, with a free lane or without."""
        return self._sessions.capacity(self._most) if self._is_serving else 0

    @property
    def waiting(self) -> int:
        """The number of sessions that wait for a lane here."""
        return len(self._sessions)

    def is_waiting(self, what: SessionId | Owed) -> bool:
        """Return True if a session, or an entry, waits for a lane here."""
        if isinstance(what, Owed):
            return what in self._entries[what.kind]
        return what in self._sessions

    def serve(self, deliver: Deliver, tell: Tell, tellers: Mapping[str, Teller]) -> None:
        """Do work here by these use cases; before this call, everything is left in Redis."""
        self._work, self.tellers = (deliver, tell), tellers
        lanes = {kind: one.lanes for kind, one in tellers.items()}
        self._entries = {kind: Line(self._background, most) for kind, most in lanes.items()}

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds."""
        if self._work is None or not self._is_serving:
            return
        if after:
            # The timer that fires first serves all requests: a delivery that comes too early learns
            # from Redis when the mail is due.
            self._waking.add(session, after, lambda: self.wake(session))
            return
        work = partial(left_to_poll, self._work[0], session, session_id=session)
        self._sessions.add(session, work, self._most)

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Tell an outbox entry, in `after` seconds; if too many wait here, a poll finds it.

        A process that is closing still tells what is due, so that people see how the deliveries
        ended that it finished last.
        """
        if self._work is None:
            return
        if after:
            if self._is_serving:
                self._telling.add((owed, attempt), after, lambda: self.tell(owed, 0, attempt))
            return
        work = partial(left_to_poll, self._work[1], owed, attempt, **owed.log_fields)
        self._entries[owed.kind].add(owed, work, MOST_UNTOLD)

    def close(self) -> None:
        """Begin nothing more at its time, since this process ends."""
        self._waking.stop()
        self._telling.stop()

    @property
    def _is_serving(self) -> bool:
        return self._work is not None and not self._background.is_closing


async def left_to_poll(work: Callable[..., Awaitable[None]], *on: object, **ids: object) -> None:
    """Do `work`; an outage of Redis ends it, and a poll finds what it was for."""
    try:
        await guarded(work(*on), log, StoreAway, **ids)
    except StoreAway as error:
        log.warning("put off", extra=ids | {"reason": str(error)})


REFILL_SECONDS = 0.1
"""The pause while more may be due than there is capacity for."""

MOST_ENTRIES = 100
"""Most entries that one poll finds."""

MOST_HELD = 20_000
"""Most sessions under a lease that one poll skips: twenty processes at full concurrency (1,000)."""

NAMED = 5
"""The number of sessions, and of entries, that the log names."""


class WorkPoll:
    """Polls Redis for work that this process may do."""

    def __init__(self, store: Store, dispatch: LocalDispatch, timing: Timing = TIMING) -> None:
        self._store = store
        self._dispatch = dispatch
        self._timing = timing
        self._pause = timing.poll_pause
        self._unknown: Counter[str] = Counter()
        """The kinds that this release lacks, and how many entries of each a poll has found."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll inside this context."""
        polling = asyncio.create_task(self._run(), name="poll")
        try:
            yield
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            self._dispatch.close()

    async def once(self) -> float:
        """Begin what is due, if there is capacity; return the seconds until the next poll."""
        dispatch, capacity = self._dispatch, self._dispatch.capacity
        try:
            due, overdue = await scripts.list_due(
                self._store,
                mail_ms=int(self._timing.mail_pause * 1000),
                most_sessions=capacity and capacity + dispatch.waiting,
                most_held=MOST_HELD,
                entry_ms=int(self._timing.entry_pause * 1000),
                most_entries=MOST_ENTRIES + self._unknown.total(),
            )
        except StoreAway as error:
            log.warning("poll put off", extra={"reason": str(error)})
            return 2 * self._pause
        sessions = [one for one in due if not dispatch.is_waiting(one)][:capacity]
        entries = [one for one in self._known(overdue) if not dispatch.is_waiting(one)]
        if sessions:
            named = {"sessions": len(sessions), "session_ids": sessions[:NAMED]}
            log.info("mail was not being delivered", extra=named)
        for session in sessions:
            await dispatch.wake(session)
        if late := [one for one in entries if not dispatch.tellers[one.kind].is_found_by_polls]:
            named = {"reports": len(late), "subjects": [one.subject for one in late[:NAMED]]}
            log.info("reports were not being told", extra=named)
        for entry in entries:
            await dispatch.tell(entry)
        if len(sessions) == capacity:
            return REFILL_SECONDS
        return self._pause if sessions or entries else 2 * self._pause

    def _known(self, overdue: Sequence[str]) -> Sequence[Owed]:
        """Parse the entries; those of a kind that this release lacks are left to a newer one."""
        known, unknown = [], Counter[str]()
        for text in overdue:
            owed = parse_owed(text)
            if owed.kind in self._dispatch.tellers:
                known.append(owed)
            else:
                unknown[owed.kind] += 1
        if new := unknown.keys() - self._unknown.keys():
            log.warning("reports of unknown kinds", extra={"kinds": sorted(new)})
        self._unknown |= unknown
        return known

    async def _run(self) -> None:
        while True:
            after = await guarded(self.once(), log)
            await asyncio.sleep(2 * self._pause if isinstance(after, Unforeseen) else after)
