"""Checkpoints, and the threads to read because replies in them may have been missed.

One checkpoint says until when every event that Slack delivered was kept; no process moves it while
it has a refused event that is not noted here. After a start, a lost connection or an outage of
Redis, all threads are read from there on; after a refused event, only that event's thread is.

Sessions with threads that are still to be read are *behind*: their mail waits, so that a missing
reply can be sent first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, parse_thread
from bot.model.times import Micros
from bot.redis.connection import Store, millis
from bot.redis.keep import BACKFILL_LEASE
from bot.redis.keys import BEHIND_KEY, HEARD_KEY, THREADS_KEY, lease_key
from bot.redis.lua import commands
from bot.store.lua import scripts

CATCH_UP = timedelta(hours=24)

MOST_THREADS = 5_000
"""Most threads that are noted at once, those with the latest traffic; the backfill reads fewer."""

OVERLAP = timedelta(minutes=5)
"""Reading begins this long before a checkpoint, since events arrive out of order, and late."""

CATCHING_UP = "catch-up"
"""What the process that reads these threads has a lease on, as others have on sessions."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A thread in which a message may be missing that was written `after` that time."""

    thread: ThreadRef
    after: Micros


@dataclass(frozen=True, slots=True)
class Missed:
    """A refused event: a message that was `written` in `thread` at that time.

    It `is_for_bot` if it named the bot, or was in its direct message; it `puts_behind` the thread's
    session until that is read. Without `is_refused`, each event was acknowledged, and met a
    link that was not ready for it.
    """

    thread: ThreadRef
    written: Micros
    is_for_bot: bool = False
    puts_behind: bool = True
    is_refused: bool = True


class Checkpoints:
    """The checkpoints and the threads to read, in Redis; `token` names this process."""

    def __init__(self, store: Store, within: timedelta, token: str) -> None:
        self._store = store
        self._within = within
        self._token = token
        self.reach = millis(within + OVERLAP) * 1000
        """How far back a thread is read at most, however long it was out of reach (us)."""

    async def note_all(self, since: Micros | None = None, oldest: Micros = Micros(0)) -> None:
        """Note that any thread may miss messages since the checkpoint, or since an earlier `since`.

        Without either, or if that is longer ago, since `oldest`; reading begins `OVERLAP` before
        that. Many starts at once cause one backfill.
        """
        heard = await self._store.field(HEARD_KEY, "checkpoint")
        known = [Micros(str(one)) for one in (since, heard) if one is not None]
        begin = max(min(known, default=oldest), oldest) - millis(OVERLAP) * 1000
        ever = millis(timedelta.max)
        found = await commands.members(
            self._store, key=THREADS_KEY, prefix="", within_ms=ever, limit=MOST_THREADS
        )
        threads = [(name, max(Micros(0), begin), False, True) for name in found[::2]]
        await self._note(threads, begins=True)

    async def note(self, missed: Sequence[Missed]) -> None:
        """Note refused events: in threads that are not linked, or muted, only those for the bot."""
        # Reading begins after a given `ts`, so that one must be before the message.
        threads = [
            (one.thread.name, one.written - 1, one.is_for_bot, one.puts_behind) for one in missed
        ]
        await self._note(threads, begins=False)

    async def _note(
        self, threads: Sequence[tuple[str, Micros, bool, bool]], *, begins: bool
    ) -> None:
        within_ms = millis(self._within)
        await scripts.note_missed(self._store, within_ms=within_ms, threads=threads, begins=begins)

    async def heard(self, until: Micros) -> None:
        """Move the checkpoint: this process has kept all events up to `until`."""
        await self._store.put_field(HEARD_KEY, "checkpoint", str(until), self._within)

    async def claim(self) -> str:
        """Take the lease on the backfill, and return the gap; "" without one or the other."""
        gap, lease = await self._store.field(HEARD_KEY, "gap"), lease_key(SessionId(CATCHING_UP))
        return gap if gap and await self._store.claim(lease, self._token, BACKFILL_LEASE) else ""

    async def renew(self) -> None:
        """Renew the lease on the backfill."""
        leased, lease_ms = SessionId(CATCHING_UP), millis(BACKFILL_LEASE)
        await scripts.renew(self._store, leased=leased, token=self._token, lease_ms=lease_ms)

    async def let_go(self, gap: str = "") -> bool:
        """Release the lease; return True if there is a gap other than `gap`, which was read."""
        return bool(await scripts.let_go(self._store, token=self._token, read=gap))

    async def unread(self) -> tuple[str, Sequence[Unread]]:
        """Return the current gap, and the threads to read, those with the latest traffic first."""
        gap, found, traffic = await scripts.list_unread(self._store)
        listed = sorted(
            zip(traffic, found[::2], found[1::2], strict=True), key=lambda one: -float(one[0])
        )
        return gap, [Unread(parse_thread(name), Micros(float(since))) for _, name, since in listed]

    async def awaited(self) -> Sequence[SessionId]:
        """List sessions whose mail waits for their threads to be read, the longest wait first."""
        found = await commands.members(
            self._store, key=BEHIND_KEY, prefix="", within_ms=0, limit=MOST_THREADS
        )
        return [SessionId(one) for one in reversed(found[::2])]

    async def read(self, gap: str, session: SessionId, threads: Sequence[Unread]) -> bool:
        """Note that `threads` of `session` were read; return True if its mail waited for that."""
        names = [one.thread.name for one in threads]
        has_waited = await scripts.note_read(
            self._store, read_gap=gap, session=session, threads=names
        )
        return bool(has_waited)
