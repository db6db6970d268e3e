"""The backfill reads threads in which replies may be missing, and accepts the missing ones.

Slack redelivers an event for some minutes only, but its message stays in the thread. Accepting is
idempotent, so reading too much changes nothing. A reply that is found is handled like one from an
event, and its thread is told that it is late.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from bot.catch_up.reading import Backlog, Histories, ThreadReader
from bot.model import errors
from bot.model.record import mapping, mappings, string
from bot.model.replies import FOR_NO_SESSION, Change, Evidence, Reply
from bot.model.sessions import OVER, SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, is_ts, micros_ts, ts_micros
from bot.redis.keep import BACKFILL_LEASE
from bot.relay import UseCases
from bot.runtime import metrics
from bot.runtime.in_flight import guarded
from bot.slack.receiving.socket_mode import TRIPS
from bot.slack.threads import REPLIES
from bot.store.checkpoints import ToRead
from bot.store.claims import renewed
from bot.store.links import GONE
from bot.store.outbox import Schedule
from bot.store.revisions import TOO_LATE
from bot.wording import delivery_reports
from handlers.answering import refuse
from handlers.mentions import claim_of
from handlers.parse.messages import is_for_bot

log = logging.getLogger(__name__)

MOST_THREADS = 2_000
"""Most threads that are read, which takes an hour; the log counts the rest."""

MAIL_SECONDS = 0.25
"""The time after which it is seen that mail waits for a thread."""

RENEWALS = 4
"""The number of times the lease on the backfill is renewed before it would expire."""

NOBODY = ""
"""Stands for a session in threads that are not linked, or are muted."""


class CatchUp:
    """Finds replies that no event brought."""

    def __init__(self, cases: UseCases, schedule: Schedule, most: int = MOST_THREADS) -> None:
        self.cases, self.schedule, self._most = cases, schedule, most
        self._checkpoints, self._listening = cases.state.checkpoints, cases.listening
        self._reader, self._histories = ThreadReader(cases), Histories(cases)
        self._pause = cases.workspace.timing.backfill_pause
        self._put_off: dict[SessionId, float] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Catch up on demand inside this context; unfinished work is left to other processes."""
        running = asyncio.create_task(self._run(), name="catch-up")
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            # What this process has refused, and the lease, are left to other processes.
            try:
                await self._listening.note()
                await self._listening.move_checkpoint()
                await self._checkpoints.let_go()
            except errors.StoreAway as error:
                log.warning("catch-up not let go", extra={"reason": str(error)})

    async def _run(self) -> None:
        """Catch up when something is noted here, and every few seconds on what others left."""
        while True:
            await self._until_wanted(self.cases.workspace.timing.listen_pause)
            try:
                await self._listening.move_checkpoint()
                await guarded(self._catch_up(), log, errors.StoreAway, errors.SlackRefused)
            except errors.StoreAway as error:
                log.warning("catch-up put off", extra={"reason": str(error)})
                # A process that dies now takes the events with it that it has refused.
                self._listening.missed()
                await self._listening.note_within(self._pause)
            except errors.SlackRefused as error:
                # The token no longer works; the gap stays noted for a process that has a new one.
                log.error("catch-up ended", extra={"reason": str(error)})  # noqa: TRY400  (Slack's code says all)

    async def _catch_up(self) -> None:
        """Read, with the lease, until only threads that Slack does not show are left."""
        self._reader.out_of_reach.clear()
        self._histories.forget()
        skipped: set[ThreadRef] = set()
        while True:
            await self._listening.note()
            is_claimed = await self._checkpoints.claim()
            await self._pass_started()
            if not is_claimed:
                return
            async with renewed(self._renew, BACKFILL_LEASE / RENEWALS, "catch-up"):
                if await self._pass(skipped):
                    return

    async def _pass_started(self) -> None:
        for session in await self._listening.pass_started():
            await self.schedule.wake(session)

    async def _renew(self) -> None:
        try:
            await self._checkpoints.renew()
            await self._listening.move_checkpoint()
            await self._checkpoints.look()
            await self._pass_started()
        except errors.StoreAway:
            self._listening.missed()
            raise

    async def _pass(self, skipped: set[ThreadRef]) -> bool:
        """Read all noted threads once, but the `skipped`; True if nothing more is requested."""
        gap, unread = await self._checkpoints.unread()
        plan = await self._plan([one for one in unread if one.thread not in skipped])
        left = len(unread) - sum(map(len, plan.values())) - len(skipped)
        if unread:
            log.info("catching up", extra={"threads": sum(map(len, plan.values())), "left": left})
        for session in await self._checkpoints.awaited():
            if session not in plan:
                await self._release(gap, session, [])
        self._leave_out_put_off(plan)
        self._histories.begin([one for threads in plan.values() for one in threads])
        while plan:
            await self._leave_out_quiet(gap, plan, skipped)
            if not plan:
                break
            if (chosen := await self._next(plan)) is None:
                return False  # noted during this pass; its mail doesn't wait for the rest of it
            if await self._read_or_put_off(gap, chosen, plan.pop(chosen), skipped):
                return False
        if self._put_off:
            await self._until_wanted(min(self._put_off.values()) - time.monotonic())
            return False
        return not await self._checkpoints.let_go(gap)

    async def _leave_out_quiet(
        self, gap: str, plan: dict[SessionId, list[ToRead]], skipped: set[ThreadRef]
    ) -> None:
        """Release the sessions in whose threads, as channels' histories show, nothing is new.

        Where only old words may be new, mail goes on before they are read.
        """
        if not self._histories.are_due:
            return
        of = {one.thread: session for session, threads in plan.items() for one in threads}
        awaited = {*await self._checkpoints.awaited()}
        first = {thread.channel for thread, session in of.items() if session in awaited}
        quiet, calm = self._histories.quiet, self._histories.calm
        async for found in self._histories.read(first):
            met = {of[thread] for thread in found}
            done = {one for one in met if all(it.thread in quiet for it in plan[one])}
            rest = {
                one for one in met - done if all(it.thread in {*quiet, *calm} for it in plan[one])
            }
            await asyncio.gather(
                *(self._read_or_put_off(gap, one, plan.pop(one), skipped) for one in done),
                *(self._release(gap, one, []) for one in rest),
            )

    async def _read_or_put_off(
        self, gap: str, session: SessionId, threads: Sequence[ToRead], skipped: set[ThreadRef]
    ) -> bool:
        """Read the threads of a session; return True after the wait if Slack limits all threads."""
        try:
            await self._read(gap, session, threads, skipped)
        except (errors.SlackAway, errors.UnderWay) as error:
            return await self._later(session, error)
        except TRIPS:
            # An unforeseen message must not keep other sessions from being caught up.
            log.exception("session not caught up", extra=_ids(session))
            skipped.update(one.thread for one in threads)
        return False

    def _leave_out_put_off(self, plan: dict[SessionId, list[ToRead]]) -> None:
        now, put_off = time.monotonic(), self._put_off
        self._put_off = {one: at for one, at in put_off.items() if at > now and one in plan}
        for session in self._put_off:
            del plan[session]

    async def _later(self, session: SessionId, error: errors.SlackAway | errors.UnderWay) -> bool:
        """Put a session off; return True after the wait if Slack limits all threads."""
        asked = error.retry_after if isinstance(error, errors.SlackAway) else None
        seconds = self._pause if asked is None else asked
        why = {"reason": str(error), "seconds": seconds}
        log.warning("session put off", extra=_ids(session) | why)
        if asked and isinstance(error, errors.SlackAway) and error.method == REPLIES:
            await asyncio.sleep(asked)
            return True
        self._put_off[session] = time.monotonic() + seconds
        return False

    async def _next(self, plan: Mapping[SessionId, object]) -> SessionId | None:
        """Return the session to read next: one whose mail waits, or else another, at its time.

        None if mail waits for one that is not planned.
        """
        while True:
            awaited = [one for one in await self._checkpoints.awaited() if one not in self._put_off]
            if any(one not in plan for one in awaited):
                return None
            if awaited or not (pause := self._reader.pause):
                return next(iter(awaited), next(iter(plan)))
            await asyncio.sleep(min(pause, MAIL_SECONDS))

    async def _until_wanted(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._listening.wanted.wait()
            self._listening.wanted.clear()

    async def _plan(self, unread: Sequence[ToRead]) -> dict[SessionId, list[ToRead]]:
        links = await self.cases.state.links.of([one.thread for one in unread])
        meant = (link.session if link and link.takes_replies else NOBODY for link in links)
        sessions = [SessionId(session) for session in meant]
        seen = await self.cases.state.watches.seen(sessions)
        order = sorted(range(len(unread)), key=lambda place: seen[place].state in OVER)
        plan: dict[SessionId, list[ToRead]] = defaultdict(list)
        for place in order[: self._most]:
            plan[sessions[place]].append(unread[place])
        return plan

    async def _read(
        self, gap: str, session: SessionId, threads: Sequence[ToRead], skipped: set[ThreadRef]
    ) -> None:
        reads = []
        oldest = self.cases.workspace.clock.now - self._checkpoints.reach
        for one in threads:
            link = await self.cases.state.links.get(one.thread)
            # Only what `Accepting.read_since` notes begins just before the link.
            is_awaited = link is not None and one.after == link.since - 1
            found = self._histories.quiet.get(one.thread)
            if found is None:
                after = one.after + is_awaited
                found = await self._reader.read(one.thread, max(after, oldest))
            if found is None:
                skipped.add(one.thread)
            else:
                found.was_awaited = is_awaited
                await self._describe(found, link)
                reads.append(found)
        accepted = await self._accept_all(reads)
        await self._release(gap, session, [one for one in threads if one.thread not in skipped])
        log.info("caught up", extra=_ids(session) | {"threads": len(reads), "replies": accepted})

    async def _describe(self, read: Backlog, link: Link | None) -> None:
        """Keep a link's first words, unless they are known, or are what asked for the link."""
        root = read.root
        if link is None or string(root, "ts") in {"", micros_ts(link.since)}:
            return
        edited = string(mapping(root.get("edited")), "ts")
        text, blocks, at = string(root, "text"), mappings(root.get("blocks")), Micros(0)
        if root.get("subtype") == "tombstone":
            text, blocks, at = "", [], GONE
        elif is_ts(edited):
            at = ts_micros(edited)
        if not link.topic or at > link.topic_at:
            topic = await self.cases.accepting.topic_of(text, blocks)
            await self.cases.state.links.describe(read.thread, topic, at)

    async def _release(self, gap: str, session: SessionId, read: Sequence[ToRead]) -> None:
        if await self._checkpoints.read(gap, session, read):
            await self.schedule.wake(session)

    async def _accept_all(self, reads: Sequence[Backlog]) -> int:
        """Accept the replies of one session in the order of writing, and tell their threads."""
        by_thread, accepted = {read.thread: read for read in reads}, 0
        withdraw = self.cases.state.revisions.withdraw
        replies = [reply for read in reads for reply in read.replies]
        try:
            for reply in sorted(replies, key=lambda reply: ts_micros(reply.ts)):
                change, read = await self._accept(reply), by_thread[reply.thread]
                if change is Change.ACCEPTED:
                    accepted += 1
                    read.missed += not self._listening.was_waiting(reply.id)
                    metrics.LATE_REPLIES.inc()
        except (errors.SlackAway, errors.UnderWay):
            for read in reads:
                await self._say(read, [])
            raise
        for read in reads:
            if read.is_silenced:
                # Neither an event nor a later backfill brings what this one leaves out from now on.
                await self.cases.state.links.take_replies_from(read.thread, read.latest)
            # Events may have brought these replies before; their mail waits for this backfill.
            met = [await withdraw(reply.id, may_be_ahead=False) for reply in read.silenced]
            taken_back = [one.what not in TOO_LATE or not one.may_be_taken for one in met]
            verbs = list(dict.fromkeys(one.verb for one in read.unheard))
            is_left_out = read.is_silenced and (any(taken_back) or not taken_back)
            await self._say(read, verbs, silenced=is_left_out)
            for command in read.unheard:
                await self.cases.state.claims.claim(claim_of(command.thread, command.ts))
        return accepted

    async def _accept(self, reply: Reply) -> Change | None:
        cases, user = self.cases, self.cases.workspace.identity.user
        is_spoken = not reply.bots and is_for_bot(reply.text, reply.thread.channel, user)
        try:
            change = await cases.replies.accept(reply, Evidence.THREAD)
            if change in FOR_NO_SESSION and is_spoken:
                await cases.asking.offer(reply)
        except (errors.EmptyMessage, errors.NotAllowed) as error:
            if not reply.bots:
                await refuse(cases, reply.thread, reply.ts, reply.author, error, each=is_spoken)
            return None
        if change is Change.SENDING:
            raise errors.UnderWay("sending")
        return change

    async def _say(self, read: Backlog, verbs: Sequence[str], *, silenced: bool = False) -> None:
        if (read.missed and not read.was_awaited) or verbs:
            words = delivery_reports.late(read.missed, verbs, silenced=silenced)
            once = f"unheard:{read.unheard[-1].ts}" if verbs else ""
            await self.cases.notices.say(read.thread, words, once=once)


def _ids(session: SessionId) -> dict[str, object]:
    return {"session_id": session or None}
