"""Delivers a session's replies from its mailbox to Devin, one after the other.

A reply is marked as being sent before the POST and finished after it. A holder of the lease that
finds a reply marked by another one cannot know whether it arrived, so it reconciles the reply
instead of sending it again.
"""

import logging
import random
import time
from dataclasses import dataclass, field
from datetime import timedelta

from bot.delivery.acting import sender
from bot.delivery.sending import Lease, Message, Sender, lease_clock
from bot.model.errors import StoreAway
from bot.model.replies import FOR_OPERATOR, MAY_BE_THERE, Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import SessionId
from bot.redis.connection import retried
from bot.runtime import metrics
from bot.runtime.in_flight import InFlight, Unforeseen, guarded
from bot.runtime.logs import Event, audit
from bot.slack.api import MarkBudget
from bot.slack.app.workspace import Workspace
from bot.store.mailbox import Head, Later, Nothing, Step
from bot.store.outbox import Owed, OwedKind, Schedule
from bot.store.state import State
from bot.wording import delivery_reports

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers the mail of sessions to Devin."""

    workspace: Workspace
    state: State
    sender: Sender
    schedule: Schedule
    in_flight: InFlight
    marks: MarkBudget = field(default_factory=MarkBudget)

    async def deliver(self, session: SessionId) -> None:
        """Send the session's mail, oldest first, until none is due or another has the lease."""
        if self.in_flight.is_closing:
            return  # Begin nothing more: another process polls for it, or ours after a restart.
        mailbox = self.state.mailbox
        lease = Lease(mailbox, session)
        async with lease.kept():
            began = lease_clock()
            step = await retried(mailbox.take, session, lease.token)
            lease.extend(began)
            while isinstance(step, Head):
                step = await self._send(lease, step)
        if isinstance(step, Later):
            await self.schedule.wake(session, step.after)

    async def _send(self, lease: Lease, head: Head) -> Step:
        ids = {"session_id": lease.session, "reply_id": head.reply.id}
        tried = await guarded(self.sender.send(lease, head), log, StoreAway, **ids)
        if isinstance(tried, Unforeseen):
            return await self._finish(lease, head, _unforeseen(head, tried))
        answer, message = tried
        if answer is None:
            await retried(self.state.mailbox.defer, lease.session, lease.token, head, timedelta(0))
            return Later(0.0)
        if isinstance(answer, Wait):
            return await self._wait(lease, head, answer)
        return await self._finish(lease, head, answer, message)

    async def _wait(self, lease: Lease, head: Head, wait: Wait) -> Step:
        if head.attempts and head.waited >= self.workspace.settings.give_up_after:
            outcome = Outcome(kind=OutcomeKind.GIVEN_UP, detail=wait.reason)
            return await self._finish(lease, head, outcome)
        after, report_after = self._pause(head, wait), self.workspace.timing.delay_wait
        put_off = (lease.session, lease.token, head, after, report_after)
        deferred = await retried(self.state.mailbox.defer, *put_off)
        if deferred is None:
            return Nothing.LOST
        attempts, report_seconds = deferred
        if wait.was_asked or attempts == 1:
            metrics.WAITS.labels(wait.reason).inc()
            ids = {"session_id": lease.session, "reply_id": head.reply.id, "reason": wait.reason}
            tried = {"attempts": attempts, "seconds": round(after.total_seconds(), 1)}
            log.warning("waits", extra={**ids, **tried})
        if report_seconds is not None:
            owed = Owed(head.reply.id, head.round, OwedKind.DELAY)
            await self.schedule.tell(owed, report_seconds)
        return Later(after.total_seconds())

    def _pause(self, head: Head, wait: Wait) -> timedelta:
        """Return what Devin asks for, or else a growing pause; at most what is left of the wait."""
        pause = wait.retry_after
        if pause is None:
            pause = self.sender.backoff(head) * random.uniform(0.8, 1.2)  # noqa: S311  (jitter)
        left = max(timedelta(seconds=1), self.workspace.settings.give_up_after - head.waited)
        return min(timedelta(seconds=pause), left)

    async def _finish(
        self, lease: Lease, head: Head, outcome: Outcome, message: Message | None = None
    ) -> Step:
        if message is not None and message.left_out and outcome.kind in MAY_BE_THERE:
            outcome = outcome.model_copy(update={"left_out": message.left_out})
        is_first = head.round == 1 and not head.was_delayed  # else a mark replaces another one
        is_mark = outcome.is_plain and is_first and not head.reply.step
        is_owed = not is_mark or self.marks.spend()
        ids = {"session_id": lease.session, "reply_id": head.reply.id}
        began = lease_clock()
        step = await retried(
            lambda: self.state.mailbox.finish(
                *(lease.session, lease.token, head, outcome),
                is_owed=is_owed,
                go_on=time.monotonic() < lease.sends_until and not self.in_flight.is_closing,
            )
        )
        if step is Nothing.LOST:
            log.error("another took the session over", extra={**ids, "outcome": outcome.kind})
            return step
        lease.extend(began)
        metrics.OUTCOMES.labels(outcome.kind, outcome.refusal or "").inc()
        why = outcome.detail if outcome.kind is OutcomeKind.GIVEN_UP else outcome.refusal or ""
        told = {"outcome": outcome.kind, "status": outcome.status, "why": why}
        told |= {} if is_owed else {"mark": "dropped"}
        told |= {"as_user": message.as_user} if message is not None and message.as_user else {}
        level = logging.ERROR if outcome.refusal in FOR_OPERATOR else logging.INFO
        log.log(level, "outcome", extra={**ids, **told})
        if message is not None and message.as_user and outcome.kind is OutcomeKind.DELIVERED:
            place, by = head.reply.thread.log_fields, sender(head.reply) or ""
            audit(Event.SENT_AS, by, **place, **ids, as_user=message.as_user)
        if is_owed:
            await self.schedule.tell(Owed(head.reply.id, head.round, OwedKind.OUTCOME))
        else:
            metrics.REPORTS.labels("dropped").inc()
        return step


def _unforeseen(head: Head, failure: Unforeseen) -> Outcome:
    """Return the outcome of a failure that only the log tells; what is broken is not sent again."""
    detail, is_broken = delivery_reports.logged(failure.reference), head.flaw is not None
    kind = OutcomeKind.REFUSED if is_broken else OutcomeKind.UNCERTAIN
    return Outcome(kind=kind, refusal=Refusal.OTHER if is_broken else None, detail=detail)
