"""Reports tell a thread, and a waiting workflow, how deliveries ended and which replies wait."""

import logging
import time
from dataclasses import replace
from datetime import timedelta

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.replies import Outcome, OutcomeKind, Reply, place_of
from bot.model.threads import ThreadRef, ts_micros
from bot.reporting.reporter import having_posted
from bot.runtime import metrics
from bot.slack.app.workspace import Workspace
from bot.store.outbox import REPORT_FIELDS, Begun, Owed, OwedKind, Report
from bot.store.state import State
from bot.wording import delivery_reports, workflows
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

MARK_TRIES = 3
"""A ✅ is dropped after this many failed attempts: several processes may exceed Slack's limit."""


class _Tellers:
    fields = REPORT_FIELDS

    def __init__(self, workspace: Workspace, state: State) -> None:
        self._workspace = workspace
        self._threads = workspace.threads
        self._outbox = state.outbox
        self._names = state.names

    async def _post(self, report: Report, reply: Reply, words: SlackMessage) -> None:
        key, ids = str(report.owed), report.owed.log_fields
        await self._threads.post_once(reply.thread, words, key, again=report.again, ids=ids)

    async def _mark(self, owed: Owed, emoji: str, *, takes_off: bool = False) -> None:
        react = self._threads.unmark if takes_off else self._threads.mark
        _, channel, ts = place_of(owed.subject)
        await react(channel, ts, emoji, owed.log_fields)

    async def _take_back(self, report: Report, noticed_in: str, kind: OutcomeKind) -> None:
        """Edit the notice that a reply waits, which would otherwise stay for good."""
        owed, (team, channel, ts) = report.owed, place_of(report.owed.subject)
        thread = ThreadRef(team=team, channel=channel, thread_ts=noticed_in)
        key, ids = str(replace(owed, kind=OwedKind.DELAY)), owed.log_fields
        notice = await self._threads.find(thread, key, ids=ids, since=ts)
        if notice is None:
            return
        how_long = timedelta(seconds=max(1, int(time.time() - ts_micros(ts) / 1e6)))
        words = delivery_reports.waited(kind, how_long, await self._names.one(report.session))
        try:
            await self._threads.update(thread, notice, words)
        except SlackRefused as error:
            log.warning("notice not edited", extra={**ids, "reason": str(error)})


class Outcomes(_Tellers):
    """The teller of outcomes."""

    async def tell(self, begun: Begun) -> bool:
        """Complete the step that waits, post a report if there is one, and mark the reply."""
        report = Report.of(begun)
        outcome, reply = report.outcome, report.reply
        if outcome is None or not report.is_current:
            return False
        if reply is not None and reply.step:
            await self._complete(report, reply, outcome)
        if reply is not None and reply.thread.is_nowhere:
            return True
        if reply is not None and not outcome.is_plain:
            session, admin = await self._names.one(report.session), self._workspace.admin
            words = delivery_reports.report(outcome, reply, report.owed.number, session, admin)
            await self._post(report, reply, words)
        with having_posted():
            await self._settle(report, outcome.kind)
        return True

    async def end(self, begun: Begun, *, told: bool) -> None:  # noqa: ARG002  (as `Teller` has it)
        """End the report."""
        await self._outbox.end(begun)

    async def drop(self, begun: Begun, attempt: float, why: str) -> bool:
        """Drop an entry that is only a ✅ after `MARK_TRIES` attempts; return True if dropped."""
        is_outcome = begun.owed.kind is OwedKind.OUTCOME
        if attempt < MARK_TRIES or not (is_outcome and _is_mark_only(Report.of(begun))):
            return False
        log.info("mark dropped", extra=begun.owed.log_fields | {"reason": why})
        metrics.REPORTS.labels("dropped").inc()
        await self._outbox.end(begun)
        return True

    async def _complete(self, report: Report, reply: Reply, outcome: Outcome) -> None:
        """Complete the workflow's step, before a thread out of reach could leave it waiting."""
        thread = "" if reply.thread.is_nowhere else reply.thread.thread_ts
        detail = workflows.step_detail(outcome)
        outputs = {"outcome": workflows.step_outcome(outcome), "detail": detail, "thread": thread}
        try:
            await self._workspace.functions.complete(reply.step, outputs)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.error("step not completed", extra=report.owed.log_fields | {"reason": str(error)})  # noqa: TRY400  (Slack's code says all)

    async def _settle(self, report: Report, kind: OutcomeKind) -> None:
        """Add the outcome's mark to the reply, and remove what told of earlier states."""
        mark = delivery_reports.MARKS.get(kind)
        if mark is not None:
            await self._mark(report.owed, mark)
        stale = set(delivery_reports.MARKS.values()) - {mark} if report.owed.number > 1 else set()
        if report.noticed_in:
            stale.add(delivery_reports.WAITING_MARK)
        for emoji in stale:
            await self._mark(report.owed, emoji, takes_off=True)
        if report.noticed_in:
            await self._take_back(report, report.noticed_in, kind)


class Delays(_Tellers):
    """The teller of delays."""

    async def tell(self, begun: Begun) -> bool:
        """Post that the reply waits, if it still does, and mark it with ⏳."""
        report = Report.of(begun)
        reply = report.reply
        is_due = report.is_waiting and report.is_current
        if not is_due or reply is None or reply.thread.is_nowhere:
            return False
        session = await self._names.one(report.session)
        longest = self._workspace.settings.give_up_after
        await self._post(report, reply, delivery_reports.waiting(reply, longest, session))
        with having_posted():
            await self._mark(report.owed, delivery_reports.WAITING_MARK)
        return True

    async def end(self, begun: Begun, *, told: bool) -> None:
        """End the report; take notice and mark back if the outcome was told before they came."""
        report = Report.of(begun)
        where = "" if report.reply is None else report.reply.thread.thread_ts
        waits, outcome = await self._outbox.end(begun, noticed_in=where if told else "")
        if waits or not (told or begun.again):
            return
        try:
            await self._mark(begun.owed, delivery_reports.WAITING_MARK, takes_off=True)
            if outcome is not None and where:
                await self._take_back(report, where, outcome.kind)
        except (SlackAway, SlackRefused) as error:
            log.warning(
                "notice not taken back", extra={**begun.owed.log_fields, "reason": str(error)}
            )


def _is_mark_only(report: Report) -> bool:
    """Return True if the report is only a first ✅, which replaces no other mark."""
    return report.outcome is not None and report.outcome.needs_only_a_mark(
        report.owed.number,
        is_awaited=report.reply is not None and bool(report.reply.step),
        was_delayed=bool(report.noticed_in),
    )
