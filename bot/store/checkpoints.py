"""Checkpoints, and the threads to read because replies in them may have been missed.

One checkpoint says until when every event that Slack delivered was kept; no process moves it while
it has a refused event that is not noted here. After a start, a lost connection or an outage of
Redis, all threads are read from there on; after a refused event, only that event's thread is.

Slack retries a refused event for some minutes only. So the process remembers it (`Listening`), and
notes it in Redis before anything later is accepted: a reply that comes after it must not hide it.
Until that is done, the process does not move the checkpoint, either.

Threads are *read first*, before mail of their session is sent, since a missing reply may belong
before it.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from cachetools import TTLCache

from bot.model.errors import StoreAway
from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, parse_thread
from bot.model.times import Micros
from bot.redis.connection import Store, millis
from bot.redis.keep import BACKFILL_LEASE
from bot.redis.keys import HEARD_KEY, READ_FIRST_KEY, THREADS_KEY, lease_key
from bot.redis.lua import commands
from bot.store.lua import scripts

log = logging.getLogger(__name__)

CATCH_UP = timedelta(hours=24)

MOST_THREADS = 5_000
"""Most threads that are noted at once, those with the latest traffic; the backfill reads fewer.

Beyond as many that a process remembers one by one, all count as missed.
"""

OVERLAP = timedelta(minutes=5)
"""Reading begins this long before a checkpoint, since events arrive out of order, and late."""

DISORDER = timedelta(seconds=10)
"""How much later than others an event may be kept, without Slack having to send it again."""

UNCLEAR = timedelta(seconds=1)
"""How much later it may be at Slack than its clock says (`SlackTime`)."""

DOUBTFUL = timedelta(minutes=2)
"""The time after which events come again that Slack, or Redis, held back."""

NOTE_SECONDS = 0.2
"""The pause before each attempt to note; shorter than replies wait after a Redis outage."""

MOST_WAITING, WAITING_SECONDS = 10_000, 3_600
"""How many replies are remembered that wait for a look-up, and for how long."""

CATCHING_UP = "catch-up"
"""What the process that reads these threads has a lease on, as others have on sessions."""


@dataclass(frozen=True, slots=True)
class ToRead:
    """A thread in which a message may be missing that was written `after` that time.

    Mail need not wait for one that was written until `kept`.
    """

    thread: ThreadRef
    after: Micros
    kept: Micros = Micros(0)


@dataclass(frozen=True, slots=True)
class Missed:
    """A refused event: a message that was `written` in `thread` at that time.

    It `is_for_bot` if it named the bot, or was in its direct message. The thread `is_read_first` if
    mail of its session waits for that. Without `is_refused`, each event was acknowledged, and met a
    link that was not ready for it.
    """

    thread: ThreadRef
    written: Micros
    is_for_bot: bool = False
    is_read_first: bool = True
    is_refused: bool = True


class Checkpoints:
    """The checkpoints and the threads to read, in Redis; `token` names this process."""

    def __init__(self, store: Store, within: timedelta, token: str) -> None:
        self._store = store
        self._within = within
        self._token = token
        self.unheard: Micros | None = None
        """Since when nobody may have listened before a start, when it was last looked for."""

        self.reach = millis(within + OVERLAP) * 1000
        """How far back a thread is read at most, however long it was out of reach (us)."""

    async def note_all(
        self,
        since: Micros | None = None,
        oldest: Micros = Micros(0),
        *,
        is_start: bool = False,
    ) -> None:
        """Note that any thread may miss messages since the checkpoint, or since an earlier `since`.

        Without either, or if that is longer ago, since `oldest`; reading begins `OVERLAP` before
        that. Many starts at once cause one backfill. What is missed only because this process
        `is_start`ing, another may have heard (`pass_started`).
        """
        last = await self._store.field(HEARD_KEY, "checkpoint")
        known = [Micros(str(one)) for one in (since, last) if one is not None]
        kept = max(min(known, default=oldest), oldest)
        begin = kept - millis(OVERLAP) * 1000
        ever = millis(timedelta.max)
        found = await commands.members(
            self._store, key=THREADS_KEY, prefix="", within_ms=ever, limit=MOST_THREADS
        )
        threads = [(name, max(Micros(0), begin), False, True) for name in found[::2]]
        await self._note(threads, begins=True, unheard=str(kept) if is_start else "")

    async def note(self, missed: Sequence[Missed]) -> None:
        """Note refused events: in threads that are not linked, or muted, only those for the bot."""
        # Reading begins after a given `ts`, so that one must be before the message.
        threads = [
            (one.thread.name, one.written - 1, one.is_for_bot, one.is_read_first) for one in missed
        ]
        await self._note(threads, begins=False)

    async def _note(
        self,
        threads: Sequence[tuple[str, Micros, bool, bool]],
        *,
        begins: bool,
        unheard: str = "",
    ) -> None:
        await scripts.note_missed(
            self._store,
            within_ms=millis(self._within),
            threads=threads,
            begins=begins,
            unheard=unheard,
        )

    async def look(self) -> str:
        """Return the gap, "" without one, and note what is `unheard`."""
        ((gap, since),) = await self._store.fields([HEARD_KEY], "gap", "unheard")
        self.unheard = None if since is None else Micros(since)
        return gap or ""

    async def pass_started(self, since: Micros) -> Sequence[SessionId]:
        """Let mail go on that waits for a start only, since this process has heard everything.

        Return the sessions to wake.
        """
        found = await scripts.pass_started(self._store, since=str(since))
        return [SessionId(one) for one in found]

    async def kept(self, until: Micros) -> None:
        """Move the checkpoint: this process has kept all events up to `until`."""
        await self._store.put_field(HEARD_KEY, "checkpoint", str(until), self._within)

    async def claim(self) -> str:
        """Take the lease on the backfill, and return the gap; "" without one or the other."""
        gap, lease = await self.look(), lease_key(SessionId(CATCHING_UP))
        return gap if gap and await self._store.claim(lease, self._token, BACKFILL_LEASE) else ""

    async def renew(self) -> None:
        """Renew the lease on the backfill."""
        leased, lease_ms = SessionId(CATCHING_UP), millis(BACKFILL_LEASE)
        await scripts.renew(self._store, leased=leased, token=self._token, lease_ms=lease_ms)

    async def let_go(self, gap: str = "") -> bool:
        """Release the lease; return True if there is a gap other than `gap`, which was read."""
        return bool(await scripts.let_go(self._store, token=self._token, read=gap))

    async def unread(self) -> tuple[str, Sequence[ToRead]]:
        """Return the current gap, and the threads to read, those with the latest traffic first."""
        gap, found, traffic, unheard = await scripts.list_unread(self._store)
        listed = sorted(
            zip(traffic, found[::2], found[1::2], unheard, strict=True),
            key=lambda one: -float(one[0]),
        )
        return gap, [
            ToRead(parse_thread(name), Micros(float(since)), _kept(before))
            for _, name, since, before in listed
        ]

    async def awaited(self) -> Sequence[SessionId]:
        """List sessions whose mail waits for their threads to be read, the longest wait first."""
        found = await commands.members(
            self._store, key=READ_FIRST_KEY, prefix="", within_ms=0, limit=MOST_THREADS
        )
        return [SessionId(one) for one in reversed(found[::2])]

    async def read(self, gap: str, session: SessionId, threads: Sequence[ToRead]) -> bool:
        """Note that `threads` of `session` were read; return True if its mail waited for that."""
        names = [one.thread.name for one in threads]
        has_waited = await scripts.note_read(
            self._store, read_gap=gap, session=session, threads=names
        )
        return bool(has_waited)


def _kept(unheard: str) -> Micros:
    return Micros(int(unheard) - millis(DISORDER) * 1000 if unheard else 0)


class SlackTime(Protocol):
    """What knows Slack's time (`SlackClock`)."""

    @property
    def now(self) -> Micros:
        """The earliest possible time at Slack; 0 if none is known."""


class Listening:
    """Remembers kept and refused events.

    Messages that nobody heard are read if they are not older than `within`; if that is 0
    (`CATCH_UP`), only what was written before a link was ready for it. `wanted` is set when there
    is something to note.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        clock: SlackTime,
        within: timedelta = CATCH_UP,
    ) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._within = within // timedelta(microseconds=1)
        self._kept: Micros | None = None
        self._checkpoint: Micros | None = None
        self._refused: dict[ThreadRef, Missed] = {}
        self._waiting: TTLCache[ReplyId, None] = TTLCache(MOST_WAITING, WAITING_SECONDS)
        self._is_all, self._times = False, 0
        self._is_start, self._is_new = False, True
        self._hears_since: Micros | None = None
        self._asked: tuple[Micros, Micros] | None = None
        self._all_since: Micros | None = None
        self._noting = asyncio.Lock()
        self.wanted = asyncio.Event()

    @property
    def has_unnoted(self) -> bool:
        """True if something was missed that is not noted in Redis yet."""
        return self._is_all or bool(self._refused)

    def kept(self, at: Micros) -> None:
        """Register that the event of that time was acknowledged."""
        # A time ahead of Slack's clock would vouch for events that have not come yet.
        if at <= self._clock.now:
            self._kept = max(self._kept or at, at)

    def refused(self, missed: Missed) -> None:
        """Register that an event was not acknowledged."""
        if self._within:
            self.reread(missed)

    def waits(self, reply: ReplyId) -> None:
        """Register that a reply was heard, and waits until Slack says who wrote it."""
        self._waiting[reply] = None

    def was_waiting(self, reply: ReplyId) -> bool:
        """Return True if a reply was not missed, but had to wait."""
        return reply in self._waiting

    def reread(self, missed: Missed) -> None:
        """Have a thread read."""
        before = self._refused.get(missed.thread, missed)
        self._refused[missed.thread] = Missed(
            missed.thread,
            min(before.written, missed.written),
            is_for_bot=before.is_for_bot or missed.is_for_bot,
            is_read_first=before.is_read_first or missed.is_read_first,
            is_refused=before.is_refused or missed.is_refused,
        )
        if len(self._refused) > MOST_THREADS:
            self.missed(min(one.written for one in self._refused.values()))
            self._refused.clear()
        self.wanted.set()

    def missed(self, since: Micros | None = None) -> None:
        """Register that anything may have been missed after `since`.

        Without it, after the last kept event; in a new process, after the checkpoint.
        """
        if not self._within:
            return
        self._hear_from(DOUBTFUL)
        self._is_start = False
        since = self._kept if since is None else since
        known = [one for one in (since, self._all_since) if one is not None]
        self._is_all, self._all_since = True, min(known, default=None)
        self._times += 1
        self.wanted.set()

    async def begin(self) -> None:
        """Note in Redis that nobody may have listened until now; call it before events come in."""
        if self._within:
            await self._checkpoints.note_all(oldest=self._oldest(), is_start=True)

    def greeted(self) -> None:
        """Register that events come from now on: until then, some may have been missed."""
        is_start, self._is_new = self._is_new and not self._is_all, False
        self.missed()
        self._hear_from(UNCLEAR)
        self._is_start = is_start

    def _hear_from(self, ahead: timedelta) -> None:
        """Register that everything is heard from now on, at the latest `ahead` of Slack's time."""
        now = self._clock.now
        self._hears_since = now + millis(ahead) * 1000 if now else None

    async def pass_started(self) -> Sequence[SessionId]:
        """Let mail go on that waits for a start, if this process has heard everything meanwhile.

        It has if it hears since before, and has kept an event that was written after it found the
        start. Return the sessions to wake.
        """
        unheard, hears_since = self._checkpoints.unheard, self._hears_since
        if unheard is None or hears_since is None or hears_since > unheard or self.has_unnoted:
            self._asked = None
            return []
        if self._asked is None or self._asked[0] != unheard:
            self._asked = unheard, self._clock.now + millis(UNCLEAR) * 1000
        if self._kept is None or self._kept < self._asked[1]:
            return []
        return await self._checkpoints.pass_started(hears_since)

    async def note(self) -> None:
        """Note missed events in Redis; if it raises `StoreAway`, nothing later may be accepted."""
        if not self.has_unnoted:
            return
        async with self._noting:
            if self._is_all:
                times = self._times
                since, is_start = self._all_since, self._is_start
                await self._checkpoints.note_all(since, self._oldest(), is_start=is_start)
                if times == self._times:
                    self._is_all, self._all_since = False, None
            if refused := list(self._refused.values()):
                await self._checkpoints.note(refused)
                if threads := sum(one.is_refused for one in refused):
                    log.warning("refused events noted", extra={"threads": threads})
                for one in refused:
                    # Another refusal meanwhile, of a later message, may be of the same value.
                    if self._refused.get(one.thread) is one:
                        del self._refused[one.thread]

    async def note_within(self, seconds: float) -> None:
        """Note missed events once Redis takes them, before other processes accept later ones."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(NOTE_SECONDS)
            if self.has_unnoted:
                with suppress(StoreAway):
                    await self.note()
                    return

    async def move_checkpoint(self) -> None:
        """Move the checkpoint to the last kept event, if everything before it was kept or noted."""
        kept = self._kept
        if self._within and kept is not None and kept != self._checkpoint and not self.has_unnoted:
            await self._checkpoints.kept(kept)
            self._checkpoint = kept

    def _oldest(self) -> Micros:
        return max(Micros(0), self._clock.now - self._within)
