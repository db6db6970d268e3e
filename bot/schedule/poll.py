"""Polls Redis for work that is due and that no process does: Redis is the engine.

What is due is in a sorted set with its time until it is done. A process begins what it has caused
itself; what it had no room for, or left behind when it ended, died or froze, goes to the first
process with room. Leases admit one: `TAKE` for mail, `BEGIN_ENTRY` for an entry of the outbox.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.model.errors import StoreAway
from bot.model.owed import WAITING_KINDS, Owed, parse_owed
from bot.model.sessions import SessionId
from bot.redis.connection import Store, millis
from bot.runtime.logs import Unforeseen, guarded
from bot.schedule.local import LocalDispatch
from bot.store.lua import mailbox as lua
from bot.timing import TIMING, Timing

log = logging.getLogger(__name__)

REFILL_SECONDS = 0.1
"""The shortest pause, while more is due than there is room for."""

MOST_ENTRIES = 100
"""Most entries that one poll finds."""

MOST_HELD = 20_000
"""Most sessions under a lease that one poll skips: twenty processes at full concurrency (1,000)."""

NAMED = 5
"""The number of sessions, and of entries, that the log names."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a poll has found: whether anything was due, and whether there may be more mail."""

    is_due: bool = False
    may_be_more: bool = False


class Poll:
    """Polls for this process."""

    def __init__(self, store: Store, dispatch: LocalDispatch, timing: Timing = TIMING) -> None:
        self._store = store
        self._dispatch = dispatch
        self._pause = timing.poll_pause
        self._mail_grace = timedelta(seconds=timing.mail_pause)
        self._entry_grace = timedelta(seconds=timing.entry_pause)

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

    async def once(self) -> Found:
        """Begin what is due here, as far as there is room; what waits here already has its turn."""
        dispatch, room = self._dispatch, self._dispatch.room
        try:
            most = room and room + dispatch.waiting
            due, overdue = await list_due(
                self._store, self._mail_grace, most, self._entry_grace, MOST_ENTRIES
            )
        except StoreAway as error:
            log.warning("poll put off", extra={"reason": str(error)})
            return Found()
        sessions = [one for one in due if not dispatch.is_waiting(one)][:room]
        entries = [one for one in overdue if not dispatch.is_waiting(one)]
        if sessions:
            named = {"sessions": len(sessions), "session_ids": sessions[:NAMED]}
            log.info("mail was not being delivered", extra=named)
        for session in sessions:
            await dispatch.wake(session)
        if late := [one for one in entries if one.kind not in WAITING_KINDS]:
            named = {"reports": len(late), "reply_ids": [one.subject for one in late[:NAMED]]}
            log.info("reports were not being told", extra=named)
        for entry in entries:
            await dispatch.tell(entry)
        return Found(is_due=bool(sessions or entries), may_be_more=0 < room <= len(sessions))

    async def _run(self) -> None:
        while True:
            found = await guarded(self.once(), log)
            if isinstance(found, Unforeseen) or not found.may_be_more:
                is_due = isinstance(found, Found) and found.is_due
                await asyncio.sleep(self._pause if is_due else 2 * self._pause)
            else:
                await asyncio.sleep(REFILL_SECONDS)
                await self._dispatch.until_short(self._pause)


async def list_due(
    store: Store,
    mail_grace: timedelta,
    most_sessions: int,
    entry_grace: timedelta,
    most_entries: int,
) -> tuple[Sequence[SessionId], Sequence[Owed]]:
    """List sessions without a lease, and entries, that are due for their grace, oldest first."""
    sessions, owed = await lua.list_due(
        store,
        mail_ms=millis(mail_grace),
        most_sessions=most_sessions,
        most_held=MOST_HELD,
        entry_ms=millis(entry_grace),
        most_entries=most_entries,
    )
    return sessions, [parse_owed(one) for one in owed]
