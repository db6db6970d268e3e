"""A process tracks which of Slack's events it has kept, and which it has refused.

Slack retries a refused event for some minutes only. So it is remembered here, and noted in Redis
before anything later is accepted: a reply that comes after it must not hide it. Until that is done,
the process does not move the checkpoint, either.
"""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import timedelta

from cachetools import TTLCache

from bot.model.errors import StoreAway
from bot.model.replies import ReplyId
from bot.model.threads import ThreadRef
from bot.model.times import Micros
from bot.slack.api import SlackClock
from bot.store.checkpoints import CATCH_UP, Checkpoints, Missed

log = logging.getLogger(__name__)

NOTE_SECONDS = 0.2
"""The pause before each attempt to note; shorter than replies wait after a Redis outage."""

MOST_THREADS = 5_000
"""Most threads that are remembered one by one; beyond that, all count as missed."""

MOST_WAITING, WAITING_SECONDS = 10_000, 3_600
"""How many replies are remembered that wait for a look-up, and for how long."""


class Listening:
    """Remembers kept and refused events.

    Messages that nobody heard are read if they are not older than `within`; if that is 0
    (`CATCH_UP`), only what was written before a link was ready for it. `wanted` is set when there
    is something to note.
    """

    def __init__(
        self, checkpoints: Checkpoints, clock: SlackClock, within: timedelta = CATCH_UP
    ) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._within = within // timedelta(microseconds=1)
        self._kept: Micros | None = None
        self._checkpoint: Micros | None = None
        self._refused: dict[ThreadRef, Missed] = {}
        self._waiting: TTLCache[ReplyId, None] = TTLCache(MOST_WAITING, WAITING_SECONDS)
        self._is_all, self._times = False, 0
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
            puts_behind=before.puts_behind or missed.puts_behind,
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
        since = self._kept if since is None else since
        known = [one for one in (since, self._all_since) if one is not None]
        self._is_all, self._all_since = True, min(known, default=None)
        self._times += 1
        self.wanted.set()

    async def begin(self) -> None:
        """Note in Redis that nobody may have listened until now; call it before events come in."""
        if self._within:
            await self._checkpoints.note_all(oldest=self._oldest())

    async def note(self) -> None:
        """Note missed events in Redis; if it raises `StoreAway`, nothing later may be accepted."""
        if not self.has_unnoted:
            return
        async with self._noting:
            if self._is_all:
                times = self._times
                await self._checkpoints.note_all(self._all_since, self._oldest())
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
            await self._checkpoints.heard(kept)
            self._checkpoint = kept

    def _oldest(self) -> Micros:
        return max(Micros(0), self._clock.now - self._within)
