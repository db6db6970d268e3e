"""Local dispatch runs immediate work in this process if there is room, and else through docket.

A detour through docket costs time and several more Redis commands for every reply. Work for later
stays here, too, in timers, until the process ends. docket's tasks also hand their work to this
module, and end at once, so that docket's slots stay free, however long a delivery waits for a slot,
for Devin, or for Slack.

The mailbox and the outbox make both safe: if this process has no room or dies, or if a docket task
is lost, the work stays due in Redis, and the sweep finds it.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Generic, TypeVar

from bot.model.errors import StoreAway
from bot.model.owed import Owed, OwedKind
from bot.model.schedule import BEAT_SECONDS, PASS_ON_SECONDS, Schedule
from bot.model.sessions import SessionId
from bot.runtime.background import Background
from bot.runtime.logs import guarded
from bot.schedule.timers import Timers
from bot.store.outbox import GRACE

log = logging.getLogger(__name__)

TELLING_AT_ONCE = 4
"""Concurrent entries of one kind: Slack accepts 1 message per second and channel."""

MANY_AT_ONCE = 16
"""The same for kinds that take their time: words bring files, and outcomes may be only a ✅."""

SLOW_KINDS = frozenset({OwedKind.WORDS, OwedKind.OUTCOME})

LATE_AT_ONCE = 16
"""Concurrent entries that docket brings, so that those that just came delay nothing else."""

WAKING_FOR_EACH_SLOT = 2
"""Most sessions that wait here for a slot; more go to docket, for a process with room."""

BROUGHT_FOR_EACH_SLOT = 8
"""Most sessions that wait here once docket brings some; more stay in Redis until there is room."""

MOST_UNTOLD = 500
"""Most entries of one kind that wait here for Slack."""

MOST_LATER = 5_000
"""Most wake-ups, and most entries, whose time is kept here; docket keeps the others."""

PASSED_AT_ONCE = 100
"""Concurrent pieces of work that are passed on when the process ends."""

LOOK_SECONDS = 0.1
"""The pause between two looks for more work."""

T = TypeVar("T")


class Line(Generic[T]):
    """A queue of work for `slots` concurrent runs: first come, first served, without duplicates."""

    def __init__(self, background: Background, slots: int) -> None:
        self._background = background
        self._slots = slots
        self._waiting: dict[T, Callable[[], Awaitable[None]]] = {}
        self._running = 0

    @property
    def is_short(self) -> bool:
        """True if fewer pieces of work wait than there are slots."""
        return len(self._waiting) < self._slots

    @property
    def free(self) -> int:
        """The number of slots without work."""
        return max(0, self._slots - self._running - len(self._waiting))

    def has_room(self, most: int) -> bool:
        """Return True if fewer than `most` pieces of work wait or run."""
        return len(self._waiting) + self._running < most

    def add(self, what: T, work: Callable[[], Awaitable[None]], most: int) -> bool:
        """Run `work` when its turn comes; return False if there is no room for it.

        If `what` waits already, nothing is added: that work has not read anything yet, so it serves
        this caller as well. Running work may have read too early, so `what` may wait beside it.
        """
        if what in self._waiting:
            return True
        if not self.has_room(most):
            return False
        self._waiting[what] = work
        self._begin()
        return True

    def _begin(self) -> None:
        while self._waiting and self._running < self._slots:
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


@dataclass(frozen=True, slots=True)
class Work:
    """The use cases that run in this process."""

    deliver: Callable[[SessionId], Awaitable[None]]
    abandoned: Callable[[timedelta, int], Awaitable[Sequence[SessionId]]]
    tell: Callable[[Owed, int], Awaitable[None]]
    shed: Callable[[Owed, int], Awaitable[None]]


class LocalDispatch:
    """A `SlotSchedule` that passes work without room here to another schedule."""

    def __init__(self, schedule: Schedule, background: Background, concurrency: int) -> None:
        self._schedule = schedule
        self._background = background
        self._concurrency = concurrency
        self._sessions: Line[SessionId] = Line(background, concurrency)
        self._fresh = {
            kind: Line[Owed](background, MANY_AT_ONCE if kind in SLOW_KINDS else TELLING_AT_ONCE)
            for kind in OwedKind
        }
        self._late = {kind: Line[Owed](background, LATE_AT_ONCE) for kind in OwedKind}
        self._waking: Timers[tuple[SessionId, int]] = Timers(background, MOST_LATER)
        self._telling: Timers[tuple[Owed, int]] = Timers(background, MOST_LATER)
        self._work: Work | None = None
        self._may_be_more = False
        self._is_looking = False

    @property
    def free_slots(self) -> int:
        """The number of deliveries that could begin at once."""
        is_serving = self._work is not None and not self._background.is_closing
        return self._sessions.free if is_serving else 0

    def serve(self, work: Work) -> None:
        """Run `work` here; before this call, everything goes to the other schedule."""
        self._work = work

    def begin(self, session: SessionId) -> bool:
        """Deliver the session's mail here, at once; return False without a free slot."""
        return self.free_slots > 0 and self._line_up(session, 1)

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds; wake-ups for the same beat are one."""
        if after:
            if not self._wake_later(session, after):
                await self._schedule.wake(session, after)
        elif not self._line_up(session, WAKING_FOR_EACH_SLOT):
            await self._schedule.wake(
                session, PASS_ON_SECONDS if self._background.is_closing else 0
            )

    async def deliver_here(self, session: SessionId) -> None:
        """Deliver the session's mail soon, at docket's request; return at once.

        Without room, the mail stays due in Redis, and is found once there is room. A process that
        is closing passes it on.

        Raises:
            StoreAway: the mail could not be passed on.
        """
        if self._background.is_closing:
            await self._schedule.wake(session, PASS_ON_SECONDS)
            return
        self._line_up(session, BROUGHT_FOR_EACH_SLOT)
        self._may_be_more = True
        self._look_for_more()

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Tell an outbox entry, in `after` seconds, or a little later if too many wait."""
        work = self._work
        if self._background.is_closing or work is None:
            await self._schedule.tell(owed, after, attempt)
            return
        if after:
            if not self._telling.add((owed, attempt), after, lambda: self.tell_here(owed, attempt)):
                await self._schedule.tell(owed, after, attempt)
            return
        line = self._fresh[owed.kind]
        if not line.add(owed, lambda: _tell(work, owed, attempt), MOST_UNTOLD):
            await work.shed(owed, attempt)

    async def tell_here(self, owed: Owed, attempt: int) -> None:
        """Tell an outbox entry soon, at docket's request; return at once.

        Without room, the sweep brings it again. A process that is closing tells it before this
        returns: docket would not accept a second task for the same attempt.
        """
        work = self._work
        if work is None:
            return
        if self._background.is_closing:
            await _tell(work, owed, attempt)
        else:
            self._late[owed.kind].add(owed, lambda: _tell(work, owed, attempt), MOST_UNTOLD)

    async def pass_on(self) -> None:
        """Pass work for later to the other schedule, since this process ends."""
        passed: list[Callable[[], Awaitable[None]]] = [
            partial(self._schedule.wake, session, max(after, PASS_ON_SECONDS))
            for (session, _), after in self._waking.take_all().items()
        ]
        passed += [
            partial(self._schedule.tell, owed, after, attempt)
            for (owed, attempt), after in self._telling.take_all().items()
        ]
        for begin in range(0, len(passed), PASSED_AT_ONCE):
            some = passed[begin : begin + PASSED_AT_ONCE]
            done = await asyncio.gather(*(one() for one in some), return_exceptions=True)
            if failed := next((one for one in done if isinstance(one, BaseException)), None):
                log.warning("not passed on", extra={"reason": str(failed), "most": len(passed)})
                return

    def _wake_later(self, session: SessionId, after: float) -> bool:
        """Wake the session in `after` seconds; return False if that is not possible here."""
        if self._background.is_closing or self._work is None:
            return False
        now = asyncio.get_running_loop().time()
        beat = math.ceil((now + after) / BEAT_SECONDS)
        return self._waking.add(
            (session, beat),
            beat * BEAT_SECONDS - now,
            lambda: _left_to_sweep(self.wake(session), session_id=session),
        )

    def _line_up(self, session: SessionId, for_each_slot: int) -> bool:
        """Queue the session for a slot here; return False if that is not possible."""
        work = self._work
        if self._background.is_closing or work is None:
            return False
        most = for_each_slot * self._concurrency
        return self._sessions.add(session, lambda: self._deliver(work, session), most)

    async def _deliver(self, work: Work, session: SessionId) -> None:
        try:
            await _left_to_sweep(work.deliver(session), session_id=session)
        finally:
            self._look_for_more()

    def _look_for_more(self) -> None:
        """Look for more due sessions, if docket has brought some and few are left here.

        A sweep wakes only some sessions, and no slot should stay idle until the next one.
        """
        if not self._may_be_more or self._is_looking or not self._sessions.is_short:
            return
        if self._background.is_closing or self._work is None:
            return
        self._may_be_more, self._is_looking = False, True
        self._background.spawn(_left_to_sweep(self._look(self._work)))

    async def _look(self, work: Work) -> None:
        limit = WAKING_FOR_EACH_SLOT * self._concurrency
        try:
            due = await work.abandoned(GRACE, limit)
            for session in due:
                self._line_up(session, BROUGHT_FOR_EACH_SLOT)
            self._may_be_more |= len(due) == limit
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._is_looking = False
            self._look_for_more()


async def _tell(work: Work, owed: Owed, attempt: int) -> None:
    await _left_to_sweep(work.tell(owed, attempt), reply_id=owed.subject)


async def _left_to_sweep(work: Awaitable[None], **ids: str) -> None:
    try:
        await guarded(work, log, StoreAway, **ids)
    except StoreAway as error:
        log.warning("put off", extra=ids | {"reason": str(error)})
