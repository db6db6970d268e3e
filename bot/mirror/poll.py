"""A poll of sessions: one call for their states, a read of each that has news, one record.

A poll that fails changes nothing: the cursor stays, and the session is polled again, by whichever
process asks Redis first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from cachetools import TTLCache

from bot.devin.api import Cursor, Devin, MessagePage, SessionSummary, Survey, Unread
from bot.mirror import news, pace, unread
from bot.mirror.agents import StatusLines
from bot.mirror.far_caps import FarCaps
from bot.model.errors import SlackAway, StoreAway
from bot.model.generation import generation_of
from bot.model.people import NOBODY
from bot.model.sessions import Child, SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.runtime import metrics
from bot.runtime.in_flight import Background, guarded
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.outbox import Schedule
from bot.store.state import State
from bot.store.watches import Polled, TakenPoll, Watches, used_by
from bot.timing import Timing

log = logging.getLogger(__name__)

READ_AT_ONCE = 16
"""Sessions whose messages are read at once."""

DENIED = frozenset({401, 403})
"""Statuses that only the operator can end."""

UNREAD, UNREADABLE = 5, 60
"""The waits after a read that failed, and after such a status, in `Timing.watch_pause`."""

MOST_SLOW, SLOW_SECONDS = 1_000, 600
"""Most sessions whose reads are remembered as too slow, and for how long after the last one."""

MOST_WORDS = 50
"""Most unknown words for states that are counted each by themselves."""

LOST_CURSOR = frozenset({400, 404, 410, 422})
"""Statuses that may mean that Devin does not know the cursor any more."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A session whose messages are to be read, with its state, if Devin told it, and children."""

    worth: pace.Worth
    poll: TakenPoll
    summary: SessionSummary | None
    children: tuple[Child, ...] = ()


class SessionPoll:
    """Polls sessions, and records what is new.

    `untold` has threads whose link nobody has been told of: whatever is read then is old for them.
    """

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        devin: Devin,
        status_lines: StatusLines,
        schedule: Schedule,
        far_caps: FarCaps,
    ) -> None:
        self._devin = devin
        self._far_caps = far_caps
        self._watches = state.watches
        self._reads = state.reads
        self._status_lines = status_lines
        self._schedule = schedule
        self._default = workspace.settings.mirror
        self._api = str(generation_of(workspace.settings.devin_api_key.get_secret_value()))
        self._pause = workspace.timing.watch_pause
        self.untold: set[ThreadRef] = set()
        self._lanes = asyncio.Semaphore(READ_AT_ONCE)
        self._reading: set[SessionId] = set()
        self._unclear: set[str] = set()
        self._slow: TTLCache[SessionId, int] = TTLCache(MOST_SLOW, SLOW_SECONDS)

    async def poll(self, polls: Sequence[TakenPoll]) -> None:
        """Poll sessions that were taken together; after `StoreAway`, the leases of some run out."""
        busy = [one for one in polls if one.session in self._reading]
        await self._watches.end([(one, timedelta(seconds=self._pause)) for one in busy])
        free = [one for one in polls if one.session not in self._reading]
        if not free:
            return
        survey = await self._survey(pace.asked_with(free))
        if isinstance(survey, timedelta):
            await self._watches.end([(one, survey) for one in free])
            return
        due = [_due(one, survey.found) for one in free]
        still = [one for one in due if one.worth is pace.Worth.NOTHING]
        await self._watches.end(
            [(one.poll, pace.until_next(one.poll, one.poll.seen)) for one in still]
        )
        await self._read_all([one for one in due if one.worth is not pace.Worth.NOTHING])

    async def _read_all(self, due: Sequence[_Due]) -> None:
        """Read as many as the budget has; each of the others is due when its read can be had."""
        if not due:
            return
        # News comes first, then what has not been read for longest.
        line = sorted(due, key=lambda one: (-one.worth, one.poll.seen.read_at))
        paid, wait = await self._reads.spend(len(line))
        unpaid = [one.poll for one in line[paid:]]
        metrics.READS_PUT_OFF.labels(metrics.BUDGET).inc(len(unpaid))
        waits = (wait + number * self._reads.seconds_each for number in range(len(unpaid)))
        await self._watches.end([(one, timedelta(seconds=next(waits))) for one in unpaid])
        await asyncio.gather(*(self._read_in_lane(one) for one in line[:paid]))

    async def _survey(self, sessions: Sequence[SessionId]) -> Survey | timedelta:
        """Return the states of `sessions`, or the time after which to try again."""
        # A survey finds what to read, and is of no use if nothing is left for reading it.
        spent, wait = await self._reads.spend(rest=1)
        if not spent:
            metrics.READS_PUT_OFF.labels(metrics.BUDGET).inc()
            return timedelta(seconds=wait)
        survey = await self._devin.survey(sessions)
        if survey.reads > 1:
            await self._reads.spend(survey.reads - 1, is_made=True)
        if isinstance(survey, Unread):
            return await self._unread(survey)
        for session, why in survey.left_out.items():
            _note(session, why.reason)
            metrics.READS_PUT_OFF.labels(why.reason).inc()
        for one in survey.found.values():
            if one.unclear:
                self._note_unclear(one)
        return survey

    def _note_unclear(self, one: SessionSummary) -> None:
        """Count words for a state that the relay doesn't know, and log each of them once."""
        if one.unclear not in self._unclear and len(self._unclear) < MOST_WORDS:
            self._unclear.add(one.unclear)
            log.warning("state unclear", extra={"session_id": one.session, "reason": one.unclear})
        name = one.unclear if one.unclear in self._unclear else metrics.OTHER
        metrics.ODD_ANSWERS.labels(f"state: {name}").inc()

    async def _unread(self, why: Unread, **ids: str) -> timedelta:
        """Let all wait while Devin limits reads; return the time after which to try again."""
        is_refused = why.status in DENIED
        level = logging.ERROR if is_refused else logging.WARNING
        log.log(level, "sessions not read", extra={**ids, "reason": why.reason})
        metrics.READS_PUT_OFF.labels(why.reason).inc(why.reads)
        if why.pause is None:
            pauses = UNREADABLE if is_refused else UNREAD
            return timedelta(seconds=pauses * self._pause)
        await self._reads.spend(0, pause=why.pause)
        return timedelta(seconds=why.pause)

    async def _read_in_lane(self, due: _Due) -> None:
        session = due.poll.session
        self._reading.add(session)
        try:
            async with self._lanes:
                await guarded(self._read(due), log, StoreAway, session_id=session)
        except StoreAway as error:
            log.warning("session not watched", extra={"session_id": session, "reason": str(error)})
        finally:
            self._reading.discard(session)

    async def _read(self, due: _Due) -> None:
        poll = await self._watches.open(due.poll)
        if not poll.threads:
            await self._keep_account(poll, due)
            return
        page, is_reread = await self._page(poll)
        is_too_long = isinstance(page, Unread) and page.is_too_long
        if isinstance(page, Unread):
            if not is_too_long:
                await self._put_off(replace(due, poll=poll), page)
                return
            _note(poll.session, page.reason)
            skew = timedelta(milliseconds=poll.seen.skew)
            page = MessagePage((), Cursor(poll.seen.cursor), skew)
        if page.reads > 1:
            await self._reads.spend(page.reads - 1, is_made=True)
        if page.left_out:
            _note(poll.session, f"{page.left_out} messages left out")
        reading = news.Reading(
            summary=due.summary,
            page=page,
            default=self._default,
            untold=frozenset(self.untold),
            is_reread=is_reread,
            is_too_long=is_too_long,
            children=due.children,
        )
        await self._record(poll, news.found_in(poll, reading))

    async def _keep_account(self, poll: TakenPoll, due: _Due) -> None:
        """Record what a session that was started here costs while no thread is linked to it."""
        if poll.started is None:
            return
        found, said = unread.unlinked(poll, due.summary, due.children)
        try:
            await self._far_caps.tell(poll, said)
        except SlackAway as error:
            log.warning(
                "session not watched", extra={"session_id": poll.session, "reason": str(error)}
            )
            await self._watches.end([(poll, timedelta(seconds=UNREAD * self._pause))])
            return
        await self._record(poll, found)

    async def _record(self, poll: TakenPoll, found: Polled) -> None:
        owes = await self._watches.record(poll, found)
        if owes is None:
            log.info("poll outdated", extra={"session_id": poll.session})
            return
        used = (one for one in used_by(poll, found.seen) if one.session == poll.session)
        metrics.ACUS.inc(sum(max(0.0, one.total - one.base) for one in used))
        if found.said or found.left_out:
            ids = {"session_id": poll.session, "items": len(found.said)}
            log.info("Devin said", extra=ids | dict(found.left_out))
        for owed, after in owes:
            await self._schedule.tell(owed, after)
        threads = [one.thread for one in poll.threads]
        if found.seen.state is SessionState.WORKING:
            self._status_lines.keep(threads, is_new=poll.seen.state is not SessionState.WORKING)
        elif poll.seen.state is SessionState.WORKING:
            self._status_lines.clear(threads)

    async def _put_off(self, due: _Due, why: Unread) -> None:
        """Record what is known without the messages, which are read again later."""
        poll, found = due.poll, None
        if why.status == HTTPStatus.NOT_FOUND:
            _note(poll.session, why.reason)
            metrics.READS_PUT_OFF.labels(why.reason).inc()
            after = pace.pause_of(poll)
            if due.summary is None:
                found = unread.not_found(poll)
        else:
            after = await self._unread(why, session_id=poll.session)
        if due.summary is not None or why.status != HTTPStatus.NOT_FOUND:
            known = unread.Unheard(
                summary=due.summary,
                default=self._default,
                has_news=due.worth is pace.Worth.NEWS,
                children=due.children,
            )
            found = unread.found_without(poll, known, after)
        if found is None or found.seen == poll.seen:
            await self._watches.end([(poll, after)])
        else:
            await self._record(poll, found)

    async def _page(self, poll: TakenPoll) -> tuple[MessagePage | Unread, bool]:
        """Read the messages after the cursor; also return True if that was of no use."""
        written_by, _, known = poll.seen.cursor.partition(" ")
        is_reread = written_by not in {"", self._api}
        cursor = Cursor(known) if known and not is_reread else None
        slow = self._slow.get(poll.session, 0)
        page = await self._devin.messages(poll.session, cursor, poll.clock, slow)
        if isinstance(page, Unread) and cursor and page.status in LOST_CURSOR:
            cursor, is_reread = None, True
            page = await self._devin.messages(poll.session, None, poll.clock, slow)
        if isinstance(page, Unread) and page.is_late:
            self._slow[poll.session] = slow + 1
        if isinstance(page, MessagePage):
            if page.has_more and page.cursor == cursor:
                _note(poll.session, "no cursor for what follows")
                page = replace(page, has_more=False)
            page = replace(page, cursor=Cursor(f"{self._api} {page.cursor or ''}"))
        return page, is_reread


def _note(session: SessionId, reason: str) -> None:
    """Log why a session is not read, or not whole."""
    log.info("sessions not read", extra={"session_id": session, "reason": reason})


def _due(poll: TakenPoll, found: pace.Sessions) -> _Due:
    summary = pace.told_of(poll.seen, poll.session, found)
    children = pace.children_of(poll.seen, poll.session, found)
    worth = pace.worth_of(poll, summary)
    if pace.have_moved(poll.seen, children):
        worth = pace.Worth.NEWS
    return _Due(worth, poll, summary, children)


EARLY_PAUSES = 2.5
"""Sessions that are due within so many pauses are polled with those that are due now."""

TOGETHER_SECONDS = 0.1
"""While polls are under way, new links wait for each other, and share a call for states."""

BATCHES = 4
"""Batches that may be under way: a slow Devin must not pile them up."""


class Polling:
    """Takes due sessions, and has them polled."""

    def __init__(
        self, sessions: SessionPoll, watches: Watches, background: Background, timing: Timing
    ) -> None:
        self._timing = timing
        self._sessions = sessions
        self._watches = watches
        self._background = background
        self._under_way: dict[asyncio.Task[None], frozenset[SessionId]] = {}

    async def begin(self, thread: ThreadRef, session: SessionId) -> None:
        """Poll the session of a new link, of which nobody is told before this returns.

        So whatever is read until then is old for the thread. Failures are left to the next poll.
        """
        if self._background.is_closing:
            return
        self._sessions.untold.add(thread)
        try:
            if self._under_way:
                await asyncio.sleep(TOGETHER_SECONDS)
            if not self._polls_of(session):
                await self._take()
            if polls := self._polls_of(session):
                await asyncio.wait(polls, timeout=self._timing.list_seconds)
        except StoreAway:
            return
        finally:
            self._sessions.untold.discard(thread)

    def _polls_of(self, session: SessionId) -> Sequence[asyncio.Task[None]]:
        return [task for task, polled in self._under_way.items() if session in polled]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll sessions as they are due inside this context."""
        ticking = asyncio.create_task(self._tick(), name="watch")
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        shortest = self._timing.watch_pause
        longest = 2 * shortest  # it delays no poll after a reply, which is due after the shortest
        while not self._background.is_closing:
            pause = shortest
            if len(self._under_way) < BATCHES:
                try:
                    next_in = await guarded(self._take(), log, StoreAway)
                    if not self._under_way:
                        due_in = next_in if isinstance(next_in, float) else longest
                        pause = min(max(shortest, due_in), longest)
                except StoreAway as error:
                    log.warning("sessions not watched", extra={"reason": str(error)})
            await asyncio.sleep(pause)

    async def _take(self) -> float | None:
        """Begin to poll what is due; return the seconds until more is, if that is known."""
        ahead = EARLY_PAUSES * timedelta(seconds=self._timing.watch_pause)
        polls, next_in, ended = await self._watches.take(pace.MOST_SESSIONS, ahead)
        for thread, link in ended:
            ids = {"session_id": "" if link is None else link.session, "why": "expired"}
            audit(Event.UNLINKED, NOBODY, **thread.log_fields, **ids)
        if polls:
            task = self._background.spawn(self._poll(polls))
            self._under_way[task] = frozenset(one.session for one in polls)
            task.add_done_callback(self._under_way.pop)
        return next_in

    async def _poll(self, polls: Sequence[TakenPoll]) -> None:
        try:
            await guarded(self._sessions.poll(polls), log, StoreAway)
        except StoreAway as error:
            log.warning("sessions not watched", extra={"reason": str(error)})
