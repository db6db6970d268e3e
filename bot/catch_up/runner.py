"""The backfill reads threads in which replies may be missing, and accepts the missing ones.

Slack redelivers an event for some minutes only, but its message stays in the thread. Accepting is
idempotent, so reading too much changes nothing. A reply that is found is handled like one from an
event, and its thread is told that it is late. All of this runs in a background task, which delays
neither events nor the end of the process.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from bot.catch_up.listening import Listening
from bot.catch_up.put_off import PutOff
from bot.catch_up.reader import Events, Found, ThreadReader
from bot.model.errors import (
    EmptyMessage,
    NotAllowed,
    RelayError,
    SlackAway,
    SlackRefused,
    StoreAway,
    UnderWay,
)
from bot.model.replies import Change, Reply
from bot.model.schedule import Schedule
from bot.model.sessions import OVER, SessionId
from bot.model.threads import ThreadRef, ts_micros
from bot.reporting.notices import Notices
from bot.runtime import metrics
from bot.runtime.logs import guarded
from bot.slack.app.workspace import Workspace
from bot.slack.receiving.envelopes import TRIPS
from bot.store.checkpoints import LEASE, Unread
from bot.store.claims import renewed
from bot.store.state import State
from bot.wording import delivery_reports

log = logging.getLogger(__name__)

MOST_THREADS = 2_000
"""Most threads that are read: those whose session is open, and then those with the latest traffic.

The log counts the rest. Reading this many takes 50 minutes.
"""

RENEWALS = 4
"""The number of times the lease on the backfill is renewed before it would expire."""

NOBODY = ""
"""Stands for a session in threads that are not linked, or are muted."""


class CatchUp:
    """Finds replies that no event brought."""

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        listening: Listening,
        events: Events,
        notices: Notices,
        schedule: Schedule,
        most_threads: int = MOST_THREADS,
    ) -> None:
        self._listening = listening
        self._checkpoints = state.checkpoints
        self._links = state.links
        self._watches = state.watches
        self._reader = ThreadReader(workspace.threads, events, workspace.timing)
        self._notices = notices
        self._events = events
        self._schedule = schedule
        self._timing = workspace.timing
        self._most_threads = most_threads
        self._put_off = PutOff(workspace.timing.backfill_pause)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Catch up on demand inside this context; unfinished work is left to other processes."""
        running = asyncio.create_task(self._run(), name="catch-up")
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            try:
                await self._leave()
            except StoreAway as error:
                log.warning("catch-up not let go", extra={"reason": str(error)})

    async def _leave(self) -> None:
        """Leave the events that this process has refused, and the lease, to other processes."""
        if self._listening.is_behind:
            await self._listening.note()
        await self._listening.move_checkpoint()
        await self._checkpoints.let_go()

    async def _run(self) -> None:
        """Catch up when something is noted here, and every few seconds on what others left."""
        while True:
            await self._until_wanted(self._timing.backfill_pause)
            try:
                await self._listening.move_checkpoint()
                await guarded(self._catch_up(), log, RelayError)
            except StoreAway as error:
                log.warning("catch-up put off", extra={"reason": str(error)})
                # A process that dies now takes the events with it that it has refused.
                self._listening.missed()
                await self._listening.note_within(self._timing.backfill_pause)
            except SlackRefused as error:
                # The token no longer works; the gap stays noted for a process that has a new one.
                log.error("catch-up ended", extra={"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            except RelayError:
                log.exception("catch-up failed")

    async def _catch_up(self) -> None:
        """Read until there is no gap, or only threads that Slack does not show are left.

        While another process has the lease, nothing is read.
        """
        self._reader.forget()
        skipped: set[ThreadRef] = set()
        while True:
            if self._listening.is_behind:
                await self._listening.note()
            if not await self._checkpoints.claim():
                return
            async with renewed(self._renew, LEASE / RENEWALS, "catch-up lease"):
                if await self._pass(skipped):
                    return

    async def _renew(self) -> None:
        try:
            await self._checkpoints.renew()
            await self._listening.move_checkpoint()
        except StoreAway:
            self._listening.missed()
            raise

    async def _pass(self, skipped: set[ThreadRef]) -> bool:
        """Read all noted threads once, and add those that Slack does not show to `skipped`.

        Return True if nothing more has been requested.
        """
        gap, unread = await self._checkpoints.unread()
        plan = await self._plan([one for one in unread if one.thread not in skipped])
        left = len(unread) - sum(map(len, plan.values())) - len(skipped)
        if unread:
            log.info("catching up", extra={"threads": sum(map(len, plan.values())), "left": left})
        for session in await self._checkpoints.awaited():
            if session not in plan:
                await self._release(gap, session, [])
        plan = self._put_off.without(plan)
        while plan:
            session = await self._next(plan)
            threads = plan.pop(session)
            try:
                await self._read(gap, session, threads, skipped)
            except (SlackAway, UnderWay) as error:
                why = self._put_off.add(session, error)
                log.warning("session put off", extra=_ids(session) | why)
            except TRIPS:
                # An unforeseen message must not keep other sessions from being caught up.
                log.exception("session not caught up", extra=_ids(session))
                skipped.update(one.thread for one in threads)
        if (wait := self._put_off.seconds) is not None:
            await self._until_wanted(wait)
            return False
        return not await self._checkpoints.let_go(gap)

    async def _until_wanted(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._listening.wanted.wait()
            self._listening.wanted.clear()

    async def _plan(self, unread: Sequence[Unread]) -> dict[SessionId, list[Unread]]:
        """Group the threads by session, which gets its replies in the order of writing."""
        links = await self._links.of([one.thread for one in unread])
        meant = (NOBODY if link is None or link.muted else link.session for link in links)
        sessions = [SessionId(session) for session in meant]
        seen = await self._watches.seen(sessions)
        order = sorted(range(len(unread)), key=lambda place: seen[place].state in OVER)
        plan: dict[SessionId, list[Unread]] = defaultdict(list)
        for place in order[: self._most_threads]:
            plan[sessions[place]].append(unread[place])
        return plan

    async def _next(self, plan: Mapping[SessionId, object]) -> SessionId:
        """Return the session whose mail has waited longest, or else the first one planned."""
        awaited = await self._checkpoints.awaited()
        return next((session for session in awaited if session in plan), next(iter(plan)))

    async def _read(
        self, gap: str, session: SessionId, threads: Sequence[Unread], skipped: set[ThreadRef]
    ) -> None:
        """Read the threads of one session, and accept the missing replies."""
        reads = []
        for one in threads:
            link = await self._links.get(one.thread)
            # Only what `Accepting.read_since` notes begins just before the link.
            is_awaited = link is not None and one.after == link.since - 1
            found = await self._reader.read(one.thread, one.after + is_awaited)
            if found is None:
                skipped.add(one.thread)
            else:
                found.was_awaited = is_awaited
                await self._events.describe(one.thread, found.root, link)
                reads.append(found)
        accepted = await self._accept_all(reads)
        read_now = [one for one in threads if one.thread not in skipped]
        await self._release(gap, session, read_now)
        log.info("caught up", extra=_ids(session) | {"threads": len(reads), "replies": accepted})

    async def _release(self, gap: str, session: SessionId, read: Sequence[Unread]) -> None:
        if await self._checkpoints.read(gap, session, read):
            await self._schedule.wake(session)

    async def _accept_all(self, reads: Sequence[Found]) -> int:
        """Accept the replies of one session in the order of writing, and tell their threads."""
        by_thread = {read.thread: read for read in reads}
        replies = [reply for read in reads for reply in read.replies]
        try:
            for reply in sorted(replies, key=lambda reply: ts_micros(reply.ts)):
                change, read = await self._accept(reply), by_thread[reply.thread]
                if change is Change.ACCEPTED:
                    read.accepted += 1
                    read.missed += not self._listening.was_waiting(reply.id)
                    metrics.LATE.inc()
        except SlackAway:
            for read in reads:
                await self._say(read, [])
            raise
        for read in reads:
            # Events may have brought these replies meanwhile; their mail waits for this backfill.
            taken_back = [await self._events.take_back(reply) for reply in read.silenced]
            verbs = list(dict.fromkeys(one.verb for one in read.unheard))
            await self._say(read, verbs, silenced=read.is_silenced and all(taken_back))
            await self._give_up_commands(read)
        return sum(read.accepted for read in reads)

    async def _accept(self, reply: Reply) -> Change | None:
        try:
            return await self._events.accept(reply)
        except (EmptyMessage, NotAllowed) as error:
            await self._events.turn_away(reply, error)
            return None

    async def _say(self, read: Found, verbs: Sequence[str], *, silenced: bool = False) -> None:
        if (read.missed and not read.was_awaited) or verbs:
            words = delivery_reports.late(read.missed, verbs, silenced=silenced)
            once = f"unheard:{read.unheard[-1].ts}" if verbs else ""
            await self._notices.say(read.thread, words, once=once)

    async def _give_up_commands(self, read: Found) -> None:
        for command in read.unheard:
            await self._events.give_up(command)
        if read.is_silenced:
            # A later backfill must not accept the messages that this one has left out.
            await self._links.hear_from(read.thread, read.latest)


def _ids(session: SessionId) -> dict[str, object]:
    return {"session_id": session or None}
