"""From the mailbox to Devin: a session's replies one after the other, each with one outcome.

A reply is marked as being sent before the POST and finished after it. Whoever finds one so marked
by somebody else cannot know whether it arrived, and says that instead of sending it again.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot import metrics
from bot.devin import Devin
from bot.errors import StoreAway
from bot.intake import Intake
from bot.letters import letter
from bot.mailbox import HOLD, Head, Later, Mailbox, Nothing, Step
from bot.models import Outcome, OutcomeKind, SessionId, Wait
from bot.people import People
from bot.reports import ReportId, ReportKind
from bot.schedule import Schedule
from bot.settling import Settling

log = logging.getLogger(__name__)

T = TypeVar("T")

BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
NOTICE_AFTER = timedelta(seconds=30)
"""A reply that waits for longer is said to wait."""

TURN_SECONDS = 5.0
"""A session with much mail makes room for others after this time."""

PASS_ON_SECONDS = 1.0
"""When a session is looked at again whose process is shutting down."""

STORE_PATIENCE_SECONDS = 60.0
"""How long a step that Redis does not take is tried before the sweep is left to find it."""

STORE_LAST_SECONDS = 5.0
"""The same while the process ends."""

STORE_STEP_SECONDS = 0.5


class _Hold:
    """A session held by this run, with the moment until which that is certain."""

    def __init__(self, mailbox: Mailbox, session: SessionId) -> None:
        self.mailbox = mailbox
        self.session = session
        self.token = secrets.token_hex(8)
        self.turn_ends = time.monotonic() + TURN_SECONDS
        self._until = 0.0

    @property
    def is_certain(self) -> bool:
        """False once the hold may have expired: a process that was frozen must not send."""
        return time.monotonic() < self._until

    def extend(self, since: float) -> None:
        """The hold was confirmed by a command that began at `since`."""
        self._until = since + HOLD.total_seconds() * 0.8

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew the hold while Devin takes its time."""
        task = asyncio.create_task(self._renew(), name=f"hold {self.session}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(HOLD.total_seconds() / 3)
            began = time.monotonic()
            try:
                if await self.mailbox.renew(self.session, self.token):
                    self.extend(began)
            except StoreAway as error:
                log.warning("hold not renewed", extra=_ids(self.session, reason=str(error)))


class Deliveries:
    """Delivers what the mailboxes hold."""

    def __init__(  # noqa: PLR0913  (the nine things it is made of)
        self,
        *,
        mailbox: Mailbox,
        devin: Devin,
        settling: Settling,
        people: People,
        schedule: Schedule,
        intake: Intake,
        give_up_after: timedelta,
        concurrency: int,
        notice_after: timedelta = NOTICE_AFTER,
    ) -> None:
        self._mailbox = mailbox
        self._devin = devin
        self._settling = settling
        self._people = people
        self._schedule = schedule
        self._intake = intake
        self._give_up_after = give_up_after
        self._notice_after = notice_after
        self._room = asyncio.Semaphore(concurrency)

    async def deliver(self, session: SessionId) -> None:
        """Send the session's mail, oldest first, until none is due or another holds the session.

        Does not raise for what Devin does. Waiting for a busy process takes none of the session's
        turn; a session with much mail is scheduled again after `TURN_SECONDS`.
        """
        await self._intake.calm()
        async with self._room:
            if self._intake.is_closing:
                # Begin nothing more: it is another process's turn, or our own after a restart.
                await self._schedule.wake(session, PASS_ON_SECONDS)
                return
            hold = _Hold(self._mailbox, session)
            async with hold.kept():
                step = await self._take(hold)
                while isinstance(step, Head):
                    step = await self._send(hold, step)
        if isinstance(step, Later):
            await self._schedule.wake(session, step.after)

    async def _take(self, hold: _Hold) -> Step:
        began = time.monotonic()
        step = await self._patiently(lambda: self._mailbox.take(hold.session, hold.token))
        hold.extend(began)
        return step

    async def _send(self, hold: _Hold, head: Head) -> Step:
        message = await letter(head.reply, self._people)
        if head.interrupted:
            lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail="the relay stopped while sending")
            return await self._look(hold, head, message, lost)
        if not hold.is_certain:
            await self._mailbox.put_back(hold.session, hold.token, head.reply.id)
            return Later(0.0)
        began = time.monotonic()
        answer = await self._devin.post_message(hold.session, message)
        metrics.DELIVERY_SECONDS.observe(time.monotonic() - began)
        if isinstance(answer, Wait):
            return await self._wait(hold, head, answer)
        if answer.kind is OutcomeKind.UNCERTAIN:
            return await self._look(hold, head, message, answer)
        return await self._finish(hold, head, answer)

    async def _look(self, hold: _Hold, head: Head, message: str, lost: Outcome) -> Step:
        since = datetime.fromtimestamp(head.sent / 1000, UTC)
        ids = _ids(hold.session, reply_id=head.reply.id)
        outcome = await self._settling.settle(hold.session, message, since, lost, ids)
        return await self._finish(hold, head, outcome)

    async def _wait(self, hold: _Hold, head: Head, wait: Wait) -> Step:
        if head.attempts and head.waited >= self._give_up_after:
            outcome = Outcome(kind=OutcomeKind.GIVEN_UP, detail=wait.reason)
            return await self._finish(hold, head, outcome)
        delay = self._delay(head.attempts, wait)
        deferred = await self._patiently(
            lambda: self._mailbox.defer(hold.session, hold.token, head, delay, self._notice_after)
        )
        if deferred is None:
            return Nothing.LOST
        metrics.WAITS.labels(wait.reason).inc()
        ids = _ids(hold.session, reply_id=head.reply.id, reason=wait.reason)
        log.warning("waits", extra=ids | {"attempts": deferred.attempts, "seconds": delay.seconds})
        if deferred.notice_after is not None:
            notice = ReportId(head.reply.id, head.round, ReportKind.NOTICE)
            await self._schedule.tell(notice, deferred.notice_after)
        return Later(delay.total_seconds())

    def _delay(self, attempts: int, wait: Wait) -> timedelta:
        """Devin's `Retry-After`, else a growing delay; never past the moment of giving up."""
        longest = max(1.0, self._give_up_after.total_seconds())
        if wait.retry_after is not None:
            return timedelta(seconds=min(wait.retry_after, longest) + random.uniform(0, 0.1))  # noqa: S311  (jitter)
        step = BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS) - 1)]
        return timedelta(seconds=min(step, longest) * random.uniform(0.8, 1.2))  # noqa: S311  (jitter)

    async def _finish(self, hold: _Hold, head: Head, outcome: Outcome) -> Step:
        """Write the outcome, which is known here and nowhere else."""
        ids = _ids(hold.session, reply_id=head.reply.id)
        began = time.monotonic()
        step = await self._patiently(
            lambda: self._mailbox.finish(
                hold.session, hold.token, head, outcome, go_on=self._may_go_on(hold)
            )
        )
        if step is Nothing.LOST:
            log.error("another took the session over", extra=ids | {"outcome": outcome.kind})
            return step
        hold.extend(began)
        metrics.OUTCOMES.labels(outcome.kind, outcome.refusal or "").inc()
        log.info("outcome", extra=ids | {"outcome": outcome.kind, "status": outcome.status})
        await self._tell(ReportId(head.reply.id, head.round, ReportKind.OUTCOME))
        return step

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do one step at the mailbox, again and again as long as Redis may come back.

        The token makes that harmless: a step that was done although its answer was lost is
        recognised. Given up, a reply that was taken would count as interrupted, unsent as it is.
        """
        began = time.monotonic()
        while True:
            try:
                return await step()
            except StoreAway as error:
                is_closing = self._intake.is_closing
                patience = STORE_LAST_SECONDS if is_closing else STORE_PATIENCE_SECONDS
                if time.monotonic() - began > patience:
                    raise
                log.warning("Redis is waited for", extra={"reason": str(error)})
                await asyncio.sleep(STORE_STEP_SECONDS)

    def _may_go_on(self, hold: _Hold) -> bool:
        """Whether the next reply may follow at once, though an earlier one may be coming in."""
        is_its_turn = time.monotonic() < hold.turn_ends
        return is_its_turn and not self._intake.is_closing and not self._intake.is_crowded

    async def _tell(self, report: ReportId) -> None:
        try:
            await self._schedule.tell(report)
        except StoreAway as error:
            # The report is owed in Redis; the sweep schedules it.
            ids = {"reply_id": report.reply, "reason": str(error)}
            log.warning("report not scheduled", extra=ids)


def _ids(session: SessionId, **more: str) -> dict[str, object]:
    return {"session_id": session, **more}
