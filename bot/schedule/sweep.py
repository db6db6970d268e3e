"""The sweep finds work that is due and that nobody does, because a process died or had no room.

Every process asks Redis whether it is its turn, so the sweep goes on as long as one of them lives.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.model.errors import StoreAway
from bot.runtime.logs import guarded
from bot.schedule.docket import DocketSchedule
from bot.store.due_mail import DueMail
from bot.store.outbox import GRACE, Outbox

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(seconds=5)

SWEEP_LIMIT = 100
"""Most sessions, and most reports, of one sweep: fewer than docket's slots, so timers pass."""

NAMED = 5
"""The number of these that the log names."""


class Sweep:
    """Schedules overdue mail and overdue entries of the outbox, in one process at a time."""

    def __init__(self, due: DueMail, outbox: Outbox, schedule: DocketSchedule) -> None:
        self._due = due
        self._outbox = outbox
        self._schedule = schedule

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep inside this context, whenever it is this process's turn."""
        sweeping = asyncio.create_task(self._run(), name="sweep")
        try:
            yield
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    async def once(self) -> timedelta:
        """Sweep if no process has done so for `SWEEP_EVERY`; return the time until the next one."""
        try:
            left = await self._due.claim_sweep(SWEEP_EVERY)
            if left:
                return left
            await self._sweep()
        except StoreAway as error:
            log.warning("sweep put off", extra={"reason": str(error)})
        return SWEEP_EVERY

    async def _run(self) -> None:
        while True:
            pause = await guarded(self.once(), log)
            if not isinstance(pause, timedelta):
                pause = SWEEP_EVERY
            await asyncio.sleep(pause.total_seconds())

    async def _sweep(self) -> None:
        sessions, untold = await asyncio.gather(
            self._due.abandoned(GRACE, SWEEP_LIMIT), self._outbox.overdue(GRACE, SWEEP_LIMIT)
        )
        if sessions:
            found = {"sessions": len(sessions), "session_ids": sessions[:NAMED]}
            log.warning("mail was not being delivered", extra=found)
        for session in sessions:
            await self._schedule.wake_overdue(session)
        if untold:
            replies = [one.subject for one in untold[:NAMED]]
            found = {"reports": len(untold), "reply_ids": replies}
            log.warning("reports were not being told", extra=found)
        for one in untold:
            await self._schedule.tell(one)
