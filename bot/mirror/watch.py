"""A look at sessions: one call for their states, a read of each that moved, one record.

A look that fails changes nothing: the cursor stays, and the session is looked at again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from cachetools import LRUCache

from bot.devin.api import Cursor, Devin, MessagePage, SessionSummary, Unread
from bot.mirror.glance import Glance
from bot.mirror.news import Reading, found_in
from bot.mirror.pace import Worth, is_unmoved, until_next
from bot.mirror.status import StatusLines
from bot.model.errors import StoreAway
from bot.model.mirror import Follow, Watched
from bot.model.schedule import Schedule
from bot.model.sessions import NamedSession, SessionId, SessionState
from bot.runtime import metrics
from bot.runtime.logs import guarded
from bot.store.mirror.looks import Found, Look, Recorded
from bot.store.mirror.reads import Reads
from bot.store.mirror.watches import Watches
from bot.store.session_names import SessionNames

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Sessions whose messages are read at once."""

UNREAD = timedelta(seconds=5)
"""The wait after a read that failed."""

REFUSED = frozenset({401, 403})
UNREADABLE = timedelta(seconds=60)
"""Statuses that only the operator can end, and the wait after one of them."""

LOST_CURSOR = frozenset({400, 404, 410, 422})
"""Statuses that may mean that Devin does not know the cursor any more."""

NOTED = 10_000
"""Most sessions that were not read, or not whole, and that the log has named."""

DOUBT = timedelta(hours=1)
"""For so long, `updated_at` is not trusted after a message did not move it."""


class Watch:
    """Looks at sessions, and records what is new."""

    def __init__(  # noqa: PLR0913  (the parts it is made of)
        self,
        *,
        devin: Devin,
        watches: Watches,
        reads: Reads,
        names: SessionNames,
        status_lines: StatusLines,
        schedule: Schedule,
        default: Follow,
        api: str,
        first_look_seconds: float,
    ) -> None:
        self._devin = devin
        self._watches = watches
        self._reads = reads
        self._names = names
        self._status_lines = status_lines
        self._schedule = schedule
        self._default = default
        self._api = api
        self._first_look_seconds = first_look_seconds
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._doubts_until = 0.0
        self._noted: LRUCache[tuple[SessionId, str], None] = LRUCache(NOTED)

    async def look(self, looks: Sequence[Look]) -> None:
        """Look at sessions that were taken together.

        Raises:
            StoreAway: some were not recorded; their leases run out.
        """
        taken_at = time.monotonic()
        states = await self._states([look.session for look in looks])
        if isinstance(states, timedelta):
            await self._watches.go_by([(look, states) for look in looks])
            return
        doubts = time.monotonic() < self._doubts_until
        glances = await self._opened(
            [Glance(look, states.get(look.session), taken_at, doubts) for look in looks]
        )
        still = [one for one in glances if one.worth is Worth.NOTHING]
        if still:
            gists = {one.look.session: one.gist for one in still}
            await self._watches.go_by([(one.look, one.pause) for one in still], gists)
            self._status_lines.keep([one.look for one in still if one.is_working])
        await self._read_all([one for one in glances if one.worth is Worth.A_READ])
        spare = [one for one in glances if one.worth is Worth.IF_SPARE]
        await self._read_all(spare, is_spare=True)

    async def _opened(self, glances: Sequence[Glance]) -> Sequence[Glance]:
        """Open the looks that turn out to need more than a gist of their sessions."""
        short = {one.look.session: one for one in glances if one.is_too_short}
        if not short:
            return glances
        looks = await self._watches.open([one.look for one in short.values()])
        opened = [replace(short[look.session], look=look) for look in looks]
        return [*(one for one in glances if not one.is_too_short), *opened]

    async def _states(
        self, sessions: Sequence[SessionId]
    ) -> Mapping[SessionId, SessionSummary] | timedelta:
        """Return the states of `sessions`, or the time after which to try again."""
        spent, wait = await self._reads.spend()
        if not spent:
            metrics.READS_PUT_OFF.labels(metrics.BUDGET).inc()
            return timedelta(seconds=wait)
        survey = await self._devin.survey(sessions)
        if isinstance(survey, Unread):
            return await self._unread(survey)
        if survey.reads > 1:
            await self._reads.note(survey.reads - 1)
        return survey.found

    async def _unread(self, why: Unread) -> timedelta:
        """Let all wait as long as Devin asks; return the time after which to try again."""
        is_refused = why.status in REFUSED
        level = logging.ERROR if is_refused else logging.WARNING
        log.log(level, "sessions not read", extra={"reason": why.reason})
        metrics.READS_PUT_OFF.labels(why.reason).inc()
        if why.retry_after is None:
            return UNREAD if not is_refused else UNREADABLE
        await self._reads.stop(why.retry_after)
        return timedelta(seconds=why.retry_after)

    def _missing(self, look: Look, reason: str) -> timedelta | None:
        """Name a session that Devin can't find; return the time until the next look."""
        self._note(look, reason)
        metrics.READS_PUT_OFF.labels(reason).inc()
        return until_next(SessionState.UNKNOWN, look.step + 1)

    def _note(self, look: Look, reason: str) -> None:
        """Log why a session is not read, or not whole: as a warning once."""
        named = (look.session, reason)
        level = logging.INFO if named in self._noted else logging.WARNING
        self._noted[named] = None
        log.log(level, "sessions not read", extra={"session_id": look.session, "reason": reason})

    async def _read_all(self, glances: Sequence[Glance], *, is_spare: bool = False) -> None:
        """Read as many as the budget has, those first that have not been read for longest.

        The others line up for the next reads, in that order. Sessions at rest that were only linked
        come last: until somebody writes to them, no thread waits for their words.
        """
        if not glances:
            return
        longest_first = sorted(glances, key=lambda one: one.turn)
        paid, wait = await self._reads.spend(len(longest_first), is_spare=is_spare)
        if paid < len(longest_first):
            await self._line_up(longest_first[paid:], wait)
        await asyncio.gather(*(self._read_in_turn(one) for one in longest_first[:paid]))

    async def _line_up(self, glances: Sequence[Glance], wait: float) -> None:
        metrics.READS_PUT_OFF.labels(metrics.BUDGET).inc(len(glances))
        pauses = (
            timedelta(seconds=wait + place * self._reads.seconds_each)
            for place in range(len(glances))
        )
        await self._watches.go_by(
            [(one.look, pause) for one, pause in zip(glances, pauses, strict=True)]
        )

    async def _read_in_turn(self, glance: Glance) -> None:
        session = glance.look.session
        async with self._slots:
            try:
                await guarded(self._read(glance), log, StoreAway, session_id=session)
            except StoreAway as error:
                ids = {"session_id": session, "reason": str(error)}
                log.warning("session not watched", extra=ids)

    async def _read(self, glance: Glance) -> None:
        look, summary = glance.look, glance.summary
        if glance.is_old:
            await self._reads.give_back()
            await self._watches.go_by([(look, timedelta(0))])
            return
        clock = _clock(look)
        page, is_adrift = await self._page(look, clock)
        is_too_long = isinstance(page, Unread) and page.is_too_long
        if isinstance(page, Unread):
            if not is_too_long:
                await self._put_off(look, page)
                return
            self._note(look, page.reason)
            page = _nothing_new(look.seen)
        await self._count(look, page)
        shown = await self._watches.shown(look.session, [one.id for one in page.messages])
        if is_unmoved(look, summary, page, shown):
            self._doubts_until = time.monotonic() + DOUBT.total_seconds()
        reading = Reading(
            summary=summary,
            page=page,
            shown=shown,
            default=self._default,
            at=int(clock().timestamp() * 1000),
            api=self._api,
            is_adrift=is_adrift,
            is_too_long=is_too_long,
            first_look_seconds=self._first_look_seconds,
        )
        found = found_in(look, reading)
        recorded = await self._watches.record(look, found)
        if recorded is None:
            log.info("another look took the session", extra={"session_id": look.session})
            return
        await self._named(look, found)
        await self._tell(look, found, recorded)

    async def _put_off(self, look: Look, why: Unread) -> None:
        is_missing = why.status == HTTPStatus.NOT_FOUND
        pause = self._missing(look, why.reason) if is_missing else await self._unread(why)
        await self._watches.go_by([(look, pause)])

    async def _count(self, look: Look, page: MessagePage) -> None:
        if page.reads > 1:
            await self._reads.note(page.reads - 1)
        if page.left_out:
            self._note(look, f"{page.left_out} messages left out")

    async def _page(
        self, look: Look, clock: Callable[[], datetime]
    ) -> tuple[MessagePage | Unread, bool]:
        """Read the messages after the cursor; also return True if there was one of no use.

        Where the page gives no cursor for what follows, there is no more to be read.
        """
        seen = look.seen
        is_adrift = not seen.is_new and seen.api != self._api
        cursor = Cursor(seen.cursor) if seen.cursor and not is_adrift else None
        page = await self._devin.messages(look.session, cursor, clock)
        if isinstance(page, Unread) and cursor and page.status in LOST_CURSOR:
            cursor, is_adrift = None, True
            page = await self._devin.messages(look.session, None, clock)
        if isinstance(page, MessagePage) and page.has_more and page.cursor == cursor:
            self._note(look, "no cursor for what follows")
            page = replace(page, has_more=False)
        return page, is_adrift

    async def _named(self, look: Look, found: Found) -> None:
        seen = found.seen
        if (seen.title, seen.url) != (look.seen.title, look.seen.url):
            await self._names.keep([NamedSession(look.session, seen.title, seen.url)])

    async def _tell(self, look: Look, found: Found, recorded: Recorded) -> None:
        """Schedule what is owed, and let the status lines follow the state."""
        if found.said:
            ids = {"session_id": look.session, "items": len(found.said)}
            log.info("Devin said", extra=ids)
        for owed in recorded.words:
            await self._schedule.tell(owed)
        for owed, after in recorded.cards:
            await self._schedule.tell(owed, after)
        if found.seen.state is SessionState.WORKING:
            is_new = look.seen.state is not SessionState.WORKING
            self._status_lines.keep([look], is_new=is_new)
        elif look.seen.state is SessionState.WORKING:
            self._status_lines.clear([one.thread for one in look.followers])


def _nothing_new(seen: Watched) -> MessagePage:
    cursor = Cursor(seen.cursor) if seen.cursor else None
    return MessagePage((), cursor, timedelta(milliseconds=seen.skew))


def _clock(look: Look) -> Callable[[], datetime]:
    """Return the clock that the look's time is of, which is Redis's."""
    began, at = time.monotonic(), datetime.fromtimestamp(look.began / 1000, UTC)
    return lambda: at + timedelta(seconds=time.monotonic() - began)
