"""After a gap in listening: read the threads that were active, and accept what is missing.

Slack redelivers for some minutes only. What it no longer brings stands in the threads all the same,
and accepting is idempotent, so reading too much changes nothing. Each reply that is found goes
through the decisions that an event would meet, and its thread is told that it is late. This is one
background task: it holds up neither events nor the end of the process.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot import messages, metrics
from bot.answers import Answers
from bot.errors import NotAllowed, RelayError, SlackRefused, StoreAway
from bot.gaps import HOLD, Gaps
from bot.late_reader import Events, Found, LateReader
from bot.links import Links
from bot.malformed import TRIPS
from bot.models import Change, Reply, SessionId, Standing, ThreadRef, UserId, ts_micros

log = logging.getLogger(__name__)

MOST_THREADS = 2_000
"""The latest ones, 50 minutes' worth; the others are left, and the log says how many."""

HELD_SECONDS = 5.0
KNOW_AGAIN_SECONDS = 6.0
"""When an author is asked for again whom Slack could not name; failures are remembered for 5 s."""


class CatchUp:
    """Looks for replies that no event brought."""

    def __init__(
        self,
        *,
        gaps: Gaps,
        links: Links,
        reader: LateReader,
        answers: Answers,
        events: Events,
        most_threads: int = MOST_THREADS,
    ) -> None:
        self._gaps = gaps
        self._links = links
        self._reader = reader
        self._answers = answers
        self._events = events
        self._most_threads = most_threads
        self._wanted = asyncio.Event()
        self._strangers: set[UserId] = set()

    async def note(self) -> None:
        """Keep in Redis that there was a gap; to be called before events come in.

        Raises:
            StoreAway: it is not known to be kept.
        """
        await self._gaps.note()

    def begin(self) -> None:
        """There was a gap: catch up, as soon as this runs and nobody else does."""
        self._wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Catch up whenever that is wanted; what is not done at the end is left to others."""
        task = asyncio.create_task(self._run(), name="catch-up")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            try:
                await self._gaps.let_go()
            except StoreAway as error:
                log.warning("catch-up not let go", extra={"reason": str(error)})

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            try:
                await self._catch_up()
            except StoreAway as error:
                log.warning("catch-up put off", extra={"reason": str(error)})
                await asyncio.sleep(HELD_SECONDS)
                self._wanted.set()
            except SlackRefused as error:
                # The token no longer serves; the gap stays noted for a process that has a new one.
                log.error("catch-up ended", extra={"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            except (RelayError, *TRIPS):
                # A message that nobody foresaw must not keep later gaps from being caught up.
                log.exception("catch-up failed")

    async def _catch_up(self) -> None:
        gap: str | None = ""
        while gap is not None:
            if self._wanted.is_set():
                self._wanted.clear()
                await self._gaps.note()
            gap = await self._gaps.claim()
            if gap:
                async with self._kept():
                    await self._read_all(gap)
                if not self._wanted.is_set():
                    await self._gaps.let_go(gap)
            elif gap is not None:
                await asyncio.sleep(HELD_SECONDS)

    @asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        """Stay the one who reads, however long Slack asks us to wait."""
        task = asyncio.create_task(self._renew(), name="catch-up hold")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(HOLD.total_seconds() / 4)
            try:
                await self._gaps.renew()
            except StoreAway as error:
                log.warning("catch-up hold not renewed", extra={"reason": str(error)})

    async def _read_all(self, gap: str) -> None:
        """Session by session, so that each gets its replies in the order they were written."""
        total, unread = await self._gaps.unread(gap, self._most_threads)
        self._reader.forget()
        self._strangers.clear()
        links = await self._links.of([one.thread for one in unread])
        sessions: dict[SessionId, list[tuple[ThreadRef, int]]] = defaultdict(list)
        for one, link in zip(unread, links, strict=True):
            if link is not None and not link.muted:
                sessions[link.session].append((one.thread, max(one.after, link.hears_from)))
        threads = sum(map(len, sessions.values()))
        log.info("catching up", extra={"threads": threads, "left": total - len(unread)})
        accepted = 0
        for waiting in sessions.values():
            reads = [read for one in waiting if (read := await self._reader.read(*one)) is not None]
            accepted += await self._accept_all(reads)
            for read in reads:
                await self._gaps.mark(read.thread, max(int(gap), read.latest))
        log.info("caught up", extra={"threads": threads, "replies": accepted})

    async def _accept_all(self, reads: Sequence[Found]) -> int:
        """Accept the replies of one session in the order they were written, and say so."""
        by_thread = {read.thread: read for read in reads}
        replies = [reply for read in reads for reply in read.replies]
        try:
            for reply in sorted(replies, key=lambda reply: ts_micros(reply.ts)):
                if await self._accept(reply) is Change.ACCEPTED:
                    by_thread[reply.thread].accepted += 1
                    metrics.LATE.inc()
        finally:
            for read in reads:
                self._say(read)
        for read in reads:
            await self._give_up_commands(read)
        return sum(read.accepted for read in reads)

    async def _accept(self, reply: Reply) -> Change | None:
        for is_last in (False, False, True):
            try:
                return await self._events.accept(reply)
            except NotAllowed as error:
                is_unknown = error.standing is Standing.UNKNOWN
                if is_last or not is_unknown or reply.author in self._strangers:
                    if is_unknown:
                        self._strangers.add(reply.author)
                    await self._events.turn_away(reply, error)
                    return None
            await asyncio.sleep(KNOW_AGAIN_SECONDS)
        return None

    def _say(self, read: Found) -> None:
        verbs = list(dict.fromkeys(command.verb for command in read.unheard))
        if read.accepted or verbs:
            words = messages.late(read.accepted, verbs, hushed=read.is_hushed)
            self._answers.say(read.thread, words)

    async def _give_up_commands(self, read: Found) -> None:
        for command in read.unheard:
            await self._events.give_up(command)
        if read.is_hushed:
            # No later catch-up shall bring what this one has left.
            await self._links.hear_from_now(read.thread)
