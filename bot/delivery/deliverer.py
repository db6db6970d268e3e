"""Delivers a session's replies from its mailbox to Devin, one after the other.

A reply is marked as being sent before the POST and finished after it. A holder of the lease that
finds a reply marked by another one cannot know whether it arrived, so it reconciles the reply
instead of sending it again. A process that may have lost its lease, for instance because it was
frozen, must not send.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot.delivery.attachments import Files
from bot.delivery.compose import message_of
from bot.delivery.rate_limit import RateLimit
from bot.delivery.reconcile import Attempt, reconcile
from bot.devin.api import Devin
from bot.model.errors import StoreAway
from bot.model.files import Upload
from bot.model.owed import Owed, OwedKind, Schedule
from bot.model.replies import FOR_OPERATOR, MAY_BE_THERE, Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import SessionId
from bot.redis.keep import LEASE
from bot.runtime import metrics
from bot.runtime.in_flight import InFlight
from bot.runtime.logs import Unforeseen, guarded
from bot.slack.app.workspace import Workspace
from bot.slack.limits import MarkBudget
from bot.store.claims import renewed
from bot.store.mailbox import Head, Later, Mailbox, Nothing, Step
from bot.store.state import State
from bot.wording import delivery_reports

log = logging.getLogger(__name__)

T = TypeVar("T")

TURN_SECONDS = 1.0
"""The time after which a session with much mail makes room for others."""

RENEWALS = 3
"""The number of times a lease is renewed before it would expire."""

RETRY_SECONDS = 60.0
"""The time for which a step that Redis does not accept is retried; then a poll finds it."""

LAST_RETRY_SECONDS = 5.0
"""The same limit while the process is closing."""

RETRY_PAUSE = 0.5


class Lease:
    """A lease on a session, with the time until which this process is certain to have it."""

    def __init__(self, mailbox: Mailbox, session: SessionId) -> None:
        self.mailbox = mailbox
        self.session = session
        self.token = secrets.token_hex(8)
        self.turn_ends = time.monotonic() + TURN_SECONDS
        self._until = 0.0

    @property
    def is_certain(self) -> bool:
        """True until the lease may have expired; after that, nothing may be sent."""
        return time.monotonic() < self._until

    def extend(self, since: float) -> None:
        """Note that the lease was confirmed by a command that began at `since`."""
        self._until = since + LEASE.total_seconds() * 0.8

    def kept(self) -> AbstractAsyncContextManager[None]:
        """Renew the lease inside this context."""
        return renewed(self._renew, LEASE / RENEWALS, "lease", session_id=self.session)

    async def _renew(self) -> None:
        began = time.monotonic()
        if await self.mailbox.renew(self.session, self.token):
            self.extend(began)


async def retried(step: Callable[[], Awaitable[T]], in_flight: InFlight) -> T:
    """Make one step in the mailbox, and repeat it while Redis may come back.

    By the lease's token, a step that was made although its answer was lost is recognized.

    Raises:
        StoreAway: Redis did not come back in time.
    """
    began = time.monotonic()
    while True:
        try:
            return await step()
        except StoreAway as error:
            patience = LAST_RETRY_SECONDS if in_flight.is_closing else RETRY_SECONDS
            if time.monotonic() - began > patience:
                raise
            log.warning("Redis is waited for", extra={"reason": str(error)})
            await asyncio.sleep(RETRY_PAUSE)


@dataclass(frozen=True, slots=True)
class _Message:
    """The message for Devin, with its files' addresses; another holder may have sent it."""

    text: str
    attachments: tuple[str, ...]
    left_out: tuple[Upload, ...]
    may_be_there: bool


class Deliverer:
    """Delivers the mail of sessions to Devin."""

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        devin: Devin,
        files: Files,
        schedule: Schedule,
        in_flight: InFlight,
    ) -> None:
        self._mailbox = state.mailbox
        self._devin = devin
        self._files = files
        self._people = workspace.people
        self._schedule = schedule
        self._marks = MarkBudget()
        self._in_flight = in_flight
        self._give_up_after = workspace.settings.give_up_after
        self._rate_limit = RateLimit(self._give_up_after)
        self._timing = workspace.timing

    async def deliver(self, session: SessionId) -> None:
        """Send the session's mail, oldest first, until none is due or another has the lease.

        A session with much mail is scheduled again after `TURN_SECONDS`. The caller limits the
        number of concurrent deliveries.
        """
        if self._in_flight.is_closing:
            return  # Begin nothing more: another process polls for it, or ours after a restart.
        lease = Lease(self._mailbox, session)
        async with lease.kept():
            began = time.monotonic()
            step = await self._retried(lambda: self._mailbox.take(session, lease.token))
            lease.extend(began)
            while isinstance(step, Head):
                step = await self._send(lease, step)
        if isinstance(step, Later):
            await self._schedule.wake(session, step.after)

    async def _send(self, lease: Lease, head: Head) -> Step:
        ids = {"session_id": lease.session, "reply_id": head.reply.id}
        tried = await guarded(self._try(lease, head), log, StoreAway, **ids)
        if isinstance(tried, Unforeseen):
            return await self._finish(lease, head, _unforeseen(head, tried))
        answer, message = tried
        if answer is None:
            put_off = (lease.session, lease.token, head, timedelta(0))
            await self._retried(lambda: self._mailbox.defer(*put_off))
            return Later(0.0)
        if isinstance(answer, Wait):
            return await self._wait(lease, head, answer)
        return await self._finish(lease, head, answer, message)

    async def _try(self, lease: Lease, head: Head) -> tuple[Outcome | Wait | None, _Message | None]:
        """Try to send the head; the result is None if the lease may have expired before that."""
        if head.flaw is not None:
            raise head.flaw
        message = await self._compose(lease, head)
        if isinstance(message, Wait):
            backoff = self._backoff(head.attempts)
            return self._rate_limit.learn(lease.session, message, backoff), None
        if message is not None and message.may_be_there:
            lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail="the relay stopped while sending")
            return await self._look(lease, head, message, lost), message
        if message is None or not lease.is_certain:
            return None, message
        answer = await self._rate_limit.post(
            lease.session, lambda: self._post(lease.session, message), self._backoff(head.attempts)
        )
        if isinstance(answer, Outcome) and answer.kind is OutcomeKind.UNCERTAIN:
            answer = await self._look(lease, head, message, answer)
        return answer, message

    async def _post(self, session: SessionId, message: _Message) -> Outcome | Wait:
        began = time.monotonic()
        answer = await self._devin.post_message(session, message.text, message.attachments)
        metrics.DELIVERY_SECONDS.observe(time.monotonic() - began)
        return answer

    async def _compose(self, lease: Lease, head: Head) -> _Message | Wait | None:
        reply, may_be_there = head.reply, head.interrupted
        brought: Sequence[Upload] = ()
        if reply.all_files:
            # The uploads are recorded before the message is sent.
            if may_be_there:
                known = await self._retried(lambda: self._mailbox.uploads(reply.id))
                may_be_there = known is not None
            answer = await self._retried(lambda: self._files.bring(reply, lambda: lease.is_certain))
            if answer is None or isinstance(answer, Wait):
                return answer
            brought = answer
        text = await message_of(reply, self._people, brought)
        attachments = tuple(one.url for one in brought if one.url)
        left_out = tuple(one for one in brought if one.is_told)
        return _Message(text, attachments, left_out, may_be_there)

    async def _look(self, lease: Lease, head: Head, message: _Message, lost: Outcome) -> Outcome:
        since = datetime.fromtimestamp(head.sent / 1000, UTC)
        reply, text = head.reply.id, self._devin.listed(message.text, message.attachments)
        attempt = Attempt(lease.session, reply, text, since, head.clock)
        return await reconcile(self._devin, attempt, lost, self._timing.reconcile_pauses)

    async def _wait(self, lease: Lease, head: Head, wait: Wait) -> Step:
        if head.attempts and head.waited >= self._give_up_after:
            outcome = Outcome(kind=OutcomeKind.GIVEN_UP, detail=wait.reason)
            return await self._finish(lease, head, outcome)
        delay, notice = self._delay(head.attempts, wait), self._timing.notice_wait
        deferred = await self._retried(
            lambda: self._mailbox.defer(lease.session, lease.token, head, delay, notice)
        )
        if deferred is None:
            return Nothing.LOST
        attempts, notice_after = deferred
        if not wait.is_turn or attempts == 1:
            metrics.WAITS.labels(wait.reason).inc()
            ids = {"session_id": lease.session, "reply_id": head.reply.id, "reason": wait.reason}
            tried = {"attempts": attempts, "seconds": delay.seconds}
            log.warning("waits", extra={**ids, **tried})
        if notice_after is not None:
            owed = Owed(head.reply.id, head.round, OwedKind.DELAY)
            await self._schedule.tell(owed, notice_after)
        return Later(delay.total_seconds())

    def _delay(self, attempts: int, wait: Wait) -> timedelta:
        """Return the time until a reply's turn, or else a growing delay, up to giving up or 1 s."""
        if wait.retry_after is not None:
            return timedelta(seconds=wait.retry_after)
        longest = max(1.0, self._give_up_after.total_seconds())
        return timedelta(seconds=min(self._backoff(attempts), longest) * random.uniform(0.8, 1.2))  # noqa: S311  (jitter)

    async def _finish(
        self, lease: Lease, head: Head, outcome: Outcome, message: _Message | None = None
    ) -> Step:
        if message is not None and outcome.kind in MAY_BE_THERE:
            outcome = outcome.model_copy(update={"left_out": message.left_out})
        is_mark = outcome.needs_only_a_mark(
            head.round, is_awaited=bool(head.reply.step), was_delayed=bool(head.attempts)
        )
        is_owed = not is_mark or self._marks.spend()
        ids = {"session_id": lease.session, "reply_id": head.reply.id}
        began = time.monotonic()
        step = await self._retried(
            lambda: self._mailbox.finish(
                *(lease.session, lease.token, head, outcome),
                is_owed=is_owed,
                go_on=time.monotonic() < lease.turn_ends and not self._in_flight.is_closing,
            )
        )
        if step is Nothing.LOST:
            log.error("another took the session over", extra={**ids, "outcome": outcome.kind})
            return step
        lease.extend(began)
        metrics.OUTCOMES.labels(outcome.kind, outcome.refusal or "").inc()
        told = {"outcome": outcome.kind, "status": outcome.status, "why": outcome.refusal or ""}
        told |= {} if is_owed else {"mark": "dropped"}
        level = logging.ERROR if outcome.refusal in FOR_OPERATOR else logging.INFO
        log.log(level, "outcome", extra={**ids, **told})
        if is_owed:
            await self._schedule.tell(Owed(head.reply.id, head.round, OwedKind.OUTCOME))
        else:
            metrics.REPORTS.labels("dropped").inc()
        return step

    def _backoff(self, attempts: int) -> float:
        pauses = self._timing.send_pauses
        return pauses[min(attempts, len(pauses) - 1)]

    async def _retried(self, step: Callable[[], Awaitable[T]]) -> T:
        return await retried(step, self._in_flight)


def _unforeseen(head: Head, failure: Unforeseen) -> Outcome:
    """Return the outcome of a failure that only the log tells; what is broken is not sent again."""
    detail, is_broken = delivery_reports.logged(failure.reference), head.flaw is not None
    kind = OutcomeKind.REFUSED if is_broken else OutcomeKind.UNCERTAIN
    return Outcome(kind=kind, refusal=Refusal.OTHER if is_broken else None, detail=detail)
