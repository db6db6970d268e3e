"""Reports tell a thread, and a waiting workflow, how deliveries ended and which replies wait."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.model.errors import (
    OPERATOR_MUST_ACT,
    PersonError,
    SlackRefused,
)
from bot.model.people import UserId
from bot.model.replies import QUEUED, Outcome, OutcomeKind, Reply, place_of
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.reporting.reporter import having_posted
from bot.slack.app.workspace import Workspace
from bot.store.outbox import (
    MANY,
    MOOT,
    Begun,
    Ended,
    Fate,
    Owed,
    OwedKind,
    Teller,
)
from bot.store.state import State
from bot.wording import delivery_reports
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)


ReplyResult = Outcome | NamedSession | PersonError | SlackMessage
"""What comes of a reply: it ended so, began this session, or neither for that reason."""


Completes = Callable[[Reply, ReplyResult], Awaitable[None]]
"""Completes the workflow's step (`Reply.step`) that waits for what comes of a reply."""


Named = Callable[[SessionId, str, UserId], Awaitable[NamedSession]]
"""Names a session as a channel may see it, in which a person acts (`mirror/audience.py`)."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report on a reply that has an outcome, or waits, as the thread `delay_told_in` knows.

    Both are of its own round: once the reply is in a later one, it has no outcome and doesn't wait.
    """

    owed: Owed
    again: bool
    is_waiting: bool
    reply: Reply | None
    outcome: Outcome | None
    delay_told_in: Ts
    session: SessionId

    @classmethod
    def of(cls, begun: Begun) -> "Report":
        """Build it from a reply's record; raise ValidationError for a broken one."""
        record = begun.record
        reply, outcome = record["reply"], record["outcome"]
        is_current = record["round"] == str(begun.owed.number)
        return cls(
            owed=begun.owed,
            again=begun.again,
            is_waiting=is_current and record["state"] in QUEUED,
            reply=Reply.model_validate_json(reply) if reply else None,
            outcome=Outcome.model_validate_json(outcome) if is_current and outcome else None,
            delay_told_in=record["delay_told_in"],
            session=SessionId(record["session"]),
        )


@dataclass(frozen=True, slots=True)
class _Tellers(Teller):
    workspace: Workspace
    state: State
    named: Named

    async def _post(self, report: Report, reply: Reply, words: SlackMessage) -> None:
        key, threads = str(report.owed), self.workspace.threads
        await threads.post_once(reply.thread, words, key, again=report.again, follows=True)

    async def _mark(self, owed: Owed, emoji: str, *, takes_off: bool = False) -> None:
        _, channel, ts = place_of(owed.subject)
        await self.workspace.threads.mark(channel, ts, emoji, owed.log_fields, takes_off=takes_off)

    async def _take_back(self, report: Report) -> None:
        """Take ⏳ off, and edit the post that the reply waits: both would stay for good."""
        await self._mark(report.owed, delivery_reports.WAITING_MARK, takes_off=True)
        where = report.delay_told_in or (report.reply.thread.thread_ts if report.reply else "")
        if not where:
            return
        owed, (team, channel, ts) = report.owed, place_of(report.owed.subject)
        thread = ThreadRef(team=team, channel=channel, thread_ts=where)
        key, ids = str(replace(owed, kind=OwedKind.DELAY)), owed.log_fields
        post = await self.workspace.threads.find(thread, key, ts)
        if post is None:
            return
        by = report.reply.author if report.reply else UserId("")
        words = delivery_reports.waited(await self.named(report.session, channel, by))
        try:
            await self.workspace.threads.update(thread, post, words, follows=True)
        except SlackRefused as error:
            log.warning("delay not edited", extra={**ids, "reason": str(error)})


@dataclass(frozen=True, slots=True)
class Outcomes(_Tellers):
    """The teller of outcomes."""

    completes: Completes
    kind = OwedKind.OUTCOME
    lanes = MANY

    async def tell(self, begun: Begun) -> Fate:
        """Complete a step first, wherever its thread is; post a report, if any; mark the reply."""
        report = Report.of(begun)
        outcome, reply = report.outcome, report.reply
        if outcome is None:
            return MOOT
        if reply is not None and reply.step:
            await self.completes(reply, outcome)
        if reply is not None and reply.thread.is_nowhere:
            return Ended()
        if reply is not None and not outcome.is_plain:
            channel, admin = reply.thread.channel, self.workspace.admin
            session = await self.named(report.session, channel, reply.author)
            words = delivery_reports.report(outcome, reply, report.owed.number, session, admin)
            try:
                await self._post(report, reply, words)
            except SlackRefused as error:
                if error.reason not in OPERATOR_MUST_ACT:
                    await self._settle(report, outcome.kind)  # else ⏳ would stay
                raise
        with having_posted():
            await self._settle(report, outcome.kind)
        return Ended()

    async def _settle(self, report: Report, kind: OutcomeKind) -> None:
        """Add the outcome's mark to the reply, and remove what told of earlier states."""
        mark = delivery_reports.MARKS.get(kind)
        if mark is not None:
            await self._mark(report.owed, mark)
        stale = set(delivery_reports.MARKS.values()) - {mark} if report.owed.number > 1 else set()
        for emoji in stale:
            await self._mark(report.owed, emoji, takes_off=True)
        if report.delay_told_in:
            await self._take_back(report)


class Delays(_Tellers):
    """The teller of delays; once a reply no longer waits, a poll has it told that."""

    kind = OwedKind.DELAY
    is_found_by_polls = True

    async def tell(self, begun: Begun) -> Fate:
        """Post that the reply waits, and mark it with ⏳; once it doesn't, take both back."""
        report = Report.of(begun)
        reply = report.reply
        if not report.is_waiting:
            may_be_told = begun.again or bool(report.delay_told_in)
            if may_be_told:
                await self._take_back(report)
            return Ended(told=may_be_told)
        if reply is None or reply.thread.is_nowhere:
            return MOOT
        session = await self.named(report.session, reply.thread.channel, reply.author)
        longest = self.workspace.settings.give_up_after
        await self._post(report, reply, delivery_reports.waiting(reply, longest, session))
        with having_posted():
            await self._mark(report.owed, delivery_reports.WAITING_MARK)
        return Ended(delay_told_in=reply.thread.thread_ts)
