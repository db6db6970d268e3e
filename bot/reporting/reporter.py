"""From outcomes to threads: what a thread must be told is told, however often Slack says no.

A workflow that waits is told in the same way, its steps are begun so, and what somebody is answered
is said so. A report never sends anything to Devin. One that may have been posted already is looked
for in the thread before it is posted again, since Slack has no idempotency key for messages.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Protocol

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.owed import ReportId, ReportKind
from bot.model.replies import Reply, ReplyId
from bot.model.schedule import Schedule
from bot.model.threads import ThreadRef
from bot.reporting.notices import Answer
from bot.runtime import metrics
from bot.slack.rate_limits import LIMITED, RateLimits
from bot.slack.threads import Threads
from bot.store.outbox import Outbox, Report
from bot.wording import messages
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

BACKOFF_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
SHED_SECONDS = 1.0
TELLING_SECONDS = 40.0
"""For one try at a report: noted in Redis before `reports.TELLING` lets somebody else begin."""

MARK_TRIES = 3
"""Slack takes about 50 reactions a minute; a mark that is refused this often is dropped."""


class Steps(Protocol):
    """Steps of workflows (`relay/workflow_steps.py`); both raise `SlackAway`, `SlackRefused`."""

    async def begin(self, id_: ReplyId, *, again: bool) -> None:
        """Do a step; `again`: an earlier try may have got some way."""

    async def end(self, reply: Reply, outcome: Outcome) -> None:
        """Complete the step that sent `reply`; harmless when it is completed."""


class Reporter:
    """Tells threads, and the workflows that wait, how their replies ended."""

    def __init__(
        self,
        *,
        reports: Outbox,
        threads: Threads,
        steps: Steps,
        schedule: Schedule,
        give_up_after: timedelta,
        seconds: float = TELLING_SECONDS,
    ) -> None:
        self._reports = reports
        self._threads = threads
        self._steps = steps
        self._schedule = schedule
        self._give_up_after = give_up_after
        self._seconds = seconds
        self._pauses = RateLimits()

    async def tell(self, id_: ReportId, attempt: int = 1) -> None:
        """Tell one report, or schedule another try; what was told already is not told again."""
        ends = asyncio.get_running_loop().time() + self._seconds
        report = await self._reports.begin(id_)
        if report is None:
            return
        try:
            told = await self._tell_until(ends, report)
        except SlackAway as error:
            await self._try_later(report, error, attempt)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                await self._try_later(report, self._pauses.all(error), attempt)
                return
            # The thread is out of reach: archived, left, deleted. Nobody there can be told.
            level = logging.WARNING if id_.kind is ReportKind.ANSWER else logging.ERROR
            log.log(level, "report refused", extra=_ids(report, reason=str(error)))
            metrics.REPORTS.labels("refused").inc()
            await self._reports.end(id_, told=False)
        else:
            metrics.REPORTS.labels("told" if told else "moot").inc()
            log.info("told" if told else "nothing to tell", extra=_ids(report))
            waits = await self._reports.end(id_, told=told)
            if id_.kind is ReportKind.NOTICE and not waits and (told or report.begun):
                await self._take_notice_back(report)

    async def mark(self, id_: ReportId) -> None:
        """Put the first ✅ on a reply, where that is all there is to tell.

        Redis is not asked first, since a second mark changes nothing. What fails is told as usual.
        """
        _, channel, ts = id_.reply.split(":")
        try:
            with self._pauses.kept("reactions.add", channel):
                await self._threads.mark(channel, ts, messages.DELIVERED_MARK)
        except (SlackAway, SlackRefused):
            await self.tell(id_)
            return
        metrics.REPORTS.labels("told").inc()
        log.info("told", extra={"reply_id": id_.reply, "report": id_.kind.value})
        await self._reports.end(id_, told=True)

    async def shed(self, id_: ReportId, attempt: int) -> None:
        """Make room: drop a mere ✅, and tell anything else a little later."""
        report = await self._reports.begin(id_)
        if report is None:
            return
        if _is_mark_only(report):
            await self.drop(id_)
            return
        await self._reports.pause(id_, SHED_SECONDS, may_be_told=report.begun)
        await self._schedule.tell(id_, SHED_SECONDS, attempt)

    async def drop(self, id_: ReportId, why: str = "too many at once") -> None:
        """Give up a ✅, where that is all there is to tell."""
        ids = {"reply_id": id_.reply, "report": id_.kind.value}
        log.info("mark dropped", extra=ids | {"reason": why})
        metrics.REPORTS.labels("dropped").inc()
        await self._reports.end(id_, told=False)

    async def _tell_until(self, ends: float, report: Report) -> bool:
        """Tell `report`; at `ends`, by the loop's clock, count it as a call that Slack may take."""
        try:
            async with asyncio.timeout_at(ends):
                return await self._tell(report)
        except TimeoutError as error:
            raise SlackAway("telling", "too slow", maybe_done=True) from error

    async def _tell(self, report: Report) -> bool:
        if report.id.kind is ReportKind.STEP:
            await self._steps.begin(report.id.reply, again=report.begun)
            return True
        if report.id.kind is ReportKind.ANSWER:
            return await self._answer(report)
        if report.id.kind is ReportKind.NOTICE:
            return await self._tell_notice(report)
        outcome = report.outcome
        if outcome is None or not report.is_current:
            return False
        if report.reply is not None and report.reply.step:
            await self._end_step(report, report.reply, outcome)
        if report.reply is not None and report.reply.thread.is_nowhere:
            return True
        if report.reply is not None:
            words = messages.report(outcome, report.reply, report.id.round, report.session)
            if words is not None:
                await self._post_once(report, report.reply.thread, words)
        await self._mark(report, outcome.kind)
        return True

    async def _answer(self, report: Report) -> bool:
        """Say what is owed; what is for one person Slack does not keep, so it is not looked for."""
        raw = await self._reports.owed(report.id)
        if raw is None:
            return False
        answer = Answer.model_validate_json(raw)
        if answer.to:
            with self._pauses.kept("chat.postEphemeral", answer.thread.channel):
                await self._threads.whisper(answer.thread, answer.to, answer.words)
        else:
            await self._post_once(report, answer.thread, answer.words)
        await self._reports.forget(report.id)
        return True

    async def _tell_notice(self, report: Report) -> bool:
        if not report.is_waiting or not report.is_current or report.reply is None:
            return False
        if report.reply.thread.is_nowhere:
            return False
        words = messages.waiting(report.reply, self._give_up_after)
        await self._post_once(report, report.reply.thread, words)
        await self._mark_with(report, messages.WAITING_MARK)
        return True

    async def _end_step(self, report: Report, reply: Reply, outcome: Outcome) -> None:
        """Before the thread is told, so that one out of reach leaves no workflow waiting."""
        try:
            await self._steps.end(reply, outcome)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.error("step not completed", extra=_ids(report, reason=str(error)))  # noqa: TRY400  (Slack's code says all)

    async def _post_once(self, report: Report, thread: ThreadRef, words: SlackMessage) -> None:
        key = str(report.id)
        if report.begun:
            try:
                with self._pauses.kept("conversations.replies", thread.channel):
                    if await self._threads.has(thread, key):
                        return
            except SlackRefused as error:
                log.warning("thread not readable", extra=_ids(report, reason=str(error)))
        with self._pauses.kept("chat.postMessage", thread.channel):
            await self._threads.post(thread, words, key)

    async def _mark(self, report: Report, kind: OutcomeKind) -> None:
        """Put the outcome's mark on the reply, and take off those of earlier states."""
        mark = messages.MARKS.get(kind)
        if mark is not None:
            await self._mark_with(report, mark)
        stale = set(messages.MARKS.values()) - {mark} if report.id.round > 1 else set()
        if report.was_noticed:
            stale.add(messages.WAITING_MARK)
        for emoji in stale:
            await self._unmark(report, emoji)

    async def _mark_with(self, report: Report, emoji: str) -> None:
        """Put `emoji` on the reply; a reply that takes none (deleted, too many) goes without."""
        _, channel, ts = report.id.reply.split(":")
        try:
            with self._pauses.kept("reactions.add", channel):
                await self._threads.mark(channel, ts, emoji)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.warning("mark refused", extra=_ids(report, reason=str(error)))

    async def _unmark(self, report: Report, emoji: str) -> None:
        _, channel, ts = report.id.reply.split(":")
        try:
            with self._pauses.kept("reactions.remove", channel):
                await self._threads.unmark(channel, ts, emoji)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.warning("mark not removed", extra=_ids(report, reason=str(error)))

    async def _take_notice_back(self, report: Report) -> None:
        """The outcome's report may have been told before there was a mark to take off."""
        try:
            await self._unmark(report, messages.WAITING_MARK)
        except SlackAway as error:
            log.warning("mark not removed", extra=_ids(report, reason=str(error)))

    async def _try_later(self, report: Report, error: SlackAway, attempt: int) -> None:
        if _is_mark_only(report) and attempt >= MARK_TRIES:
            await self.drop(report.id, str(error))
            return
        not_posted = not error.maybe_done and error.method == "chat.postMessage"
        delay = error.retry_after
        if delay is None:
            delay = BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS)) - 1]
        await self._reports.pause(report.id, delay, may_be_told=not not_posted)
        ids = _ids(report, reason=str(error)) | {"seconds": delay}
        log.log(_level(error), "report waits", extra=ids)
        await self._schedule.tell(report.id, delay, attempt + 1)


def _level(error: SlackAway) -> int:
    if error.reason in OPERATOR_MUST_ACT:
        return logging.ERROR
    return logging.INFO if error.reason == LIMITED else logging.WARNING


def _is_mark_only(report: Report) -> bool:
    """Whether a first ✅ is all that is to be told; one that replaces another mark is not."""
    is_awaited = report.reply is not None and report.reply.step != ""
    is_plain = report.outcome is not None and report.outcome.is_plain
    return is_plain and not is_awaited and not report.was_noticed and report.id.round == 1


def _ids(report: Report, **more: str) -> dict[str, object]:
    return {"reply_id": report.id.reply, "report": report.id.kind.value, **more}
