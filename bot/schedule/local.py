"""Local dispatch: work that begins now is done in this process if it has room, else by docket.

A detour over docket costs time and, for every reply, several more Redis commands. docket's tasks
hand their work to this module too, and end at once: so docket's slots stay free for timers and the
sweep, however long a delivery waits for a slot, for Devin, or for Slack.

The mailbox and the outbox make both safe: the sweep finds whatever stays due in Redis because this
process had no room, or died before or while doing it, and a docket task that was lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from bot.model.errors import StoreAway
from bot.model.owed import Owed, OwedKind
from bot.model.schedule import PASS_ON_SECONDS, Schedule
from bot.model.sessions import SessionId
from bot.runtime.background import Background
from bot.runtime.logs import guarded
from bot.store.outbox import GRACE

log = logging.getLogger(__name__)

TELLING_AT_ONCE = 4
"""Entries of one kind; Slack takes a message a second in a channel, and some 50 marks a minute."""

LATE_AT_ONCE = 16
"""The same for entries that docket brings, so that a flood of first ✅ delays nothing else."""

WAKING_FOR_EACH_SLOT = 4
"""Sessions that wait here for a slot; more go to docket, where a process with room takes them."""

BROUGHT_FOR_EACH_SLOT = 16
"""Sessions that wait here if docket brings them; more stay in Redis, to be looked for later."""

MOST_UNTOLD = 500
"""Entries of one kind that wait here for their turn at Slack: ten minutes' worth of marks."""

LOOK_SECONDS = 0.1
"""Between two looks for more; a process takes less time over what one look finds."""

T = TypeVar("T")


class Line(Generic[T]):
    """Work that waits for one of `slots`, in the order it came; nothing waits twice."""

    def __init__(self, background: Background, slots: int) -> None:
        self._background = background
        self._slots = slots
        self._waiting: dict[T, Callable[[], Awaitable[None]]] = {}
        self._running = 0

    @property
    def is_short(self) -> bool:
        """Whether fewer wait than there are slots."""
        return len(self._waiting) < self._slots

    def has_room(self, most: int) -> bool:
        """Whether fewer than `most` wait or run."""
        return len(self._waiting) + self._running < most

    def add(self, what: T, work: Callable[[], Awaitable[None]], most: int) -> bool:
        """Do `work` when its turn comes; False without room for it, True also if `what` waits.

        Work that waits has looked at nothing yet, so it serves this caller as well. Work that runs
        may have looked too early, so `what` may wait beside it.
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
    """The use-cases that run here."""

    deliver: Callable[[SessionId], Awaitable[None]]
    abandoned: Callable[[timedelta, int], Awaitable[Sequence[SessionId]]]
    tell: Callable[[Owed, int], Awaitable[None]]
    shed: Callable[[Owed, int], Awaitable[None]]
    mark: Callable[[Owed], Awaitable[None]]
    drop_mark: Callable[[Owed], Awaitable[None]]


class LocalDispatch:
    """A `Schedule` that hands to another one what is for later, or too much for this process."""

    def __init__(self, schedule: Schedule, background: Background, concurrency: int) -> None:
        self._schedule = schedule
        self._background = background
        self._concurrency = concurrency
        self._sessions: Line[SessionId] = Line(background, concurrency)
        self._marks: Line[Owed] = Line(background, TELLING_AT_ONCE)
        self._fresh = {kind: Line[Owed](background, TELLING_AT_ONCE) for kind in OwedKind}
        self._late = {kind: Line[Owed](background, LATE_AT_ONCE) for kind in OwedKind}
        self._work: Work | None = None
        self._may_be_more = False
        self._is_looking = False

    @property
    def is_full(self) -> bool:
        """Whether as many marks wait here as are kept waiting."""
        return not self._marks.has_room(MOST_UNTOLD)

    def serve(self, work: Work) -> None:
        """Run `work` here; until then everything goes to the other schedule."""
        self._work = work

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds."""
        if after or not self._take(session, WAKING_FOR_EACH_SLOT):
            await self._schedule.wake(session, after)

    async def deliver_here(self, session: SessionId) -> None:
        """Deliver the session's mail soon, as docket asks; returns at once.

        Without room for it here, its mail stays due in Redis and is looked for when there is. A
        process that is closing passes it on.

        Raises:
            StoreAway: it could not be passed on.
        """
        if self._background.is_closing:
            await self._schedule.wake(session, PASS_ON_SECONDS)
            return
        self._take(session, BROUGHT_FOR_EACH_SLOT)
        self._may_be_more = True
        self._look_for_more()

    async def tell(
        self, owed: Owed, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Tell an entry of the outbox, in `after` seconds; `is_mark`: it is a first ✅ and no more.

        Where too many wait, a mere mark is dropped, and anything else told a little later.
        """
        work = self._work
        if after or self._background.is_closing or work is None:
            await self._schedule.tell(owed, after, attempt)
            return
        line = self._marks if is_mark else self._fresh[owed.kind]
        if line.add(owed, lambda: _tell(work, owed, attempt, is_mark=is_mark), MOST_UNTOLD):
            return
        if is_mark:
            await work.drop_mark(owed)
        else:
            await work.shed(owed, attempt)

    async def tell_here(self, owed: Owed, attempt: int) -> None:
        """Tell an entry soon, as docket asks; returns at once.

        Without room for it here, the sweep brings it again. A process that is closing tells it
        first: docket would take no second task for the same attempt.
        """
        work = self._work
        if work is None:
            return
        if self._background.is_closing:
            await _tell(work, owed, attempt)
        else:
            self._late[owed.kind].add(owed, lambda: _tell(work, owed, attempt), MOST_UNTOLD)

    def _take(self, session: SessionId, for_each_slot: int) -> bool:
        """Whether the session waits here for a slot now."""
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
        """Look what else is due, if docket has brought some of it and hardly any is left here.

        The sweep wakes only some sessions at a time, and no slot should stand idle until the next.
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
                self._take(session, BROUGHT_FOR_EACH_SLOT)
            self._may_be_more |= len(due) == limit
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._is_looking = False
            self._look_for_more()


async def _tell(work: Work, owed: Owed, attempt: int, *, is_mark: bool = False) -> None:
    telling = work.mark(owed) if is_mark else work.tell(owed, attempt)
    await _left_to_sweep(telling, reply_id=owed.subject)


async def _left_to_sweep(work: Awaitable[None], **ids: str) -> None:
    try:
        await guarded(work, log, StoreAway, **ids)
    except StoreAway as error:
        log.warning("put off", extra=ids | {"reason": str(error)})
