"""What the threads have still to be told.

A report is owed from the same step that writes an outcome, and stays owed until Slack took it or
refused it for good; so a crash anywhere between delays a report and never loses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot import scripts
from bot.models import Outcome, Reply, ReplyId, SessionId
from bot.store import DUE_KEY, PREFIX, UNTOLD_KEY, Store, millis, reply_key

RETRY = timedelta(seconds=60)
"""A report that was begun and not told is looked at again after this time."""

TELLING = timedelta(seconds=45)
"""Longer than telling takes with Slack's timeouts; until then nobody else begins."""

_WAITING = frozenset({"waiting", "sending"})


class ReportKind(StrEnum):
    """What a report tells: how a delivery ended, or that it waits."""

    OUTCOME = "outcome"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class ReportId:
    """One thing to be told about a reply; `round` counts the reply's sendings."""

    reply: ReplyId
    round: int
    kind: ReportKind

    def __str__(self) -> str:
        return f"{self.reply}|{self.round}|{self.kind}"

    @classmethod
    def parse(cls, text: str) -> "ReportId":
        """Read what `str` wrote.

        Raises:
            ValueError: it is nothing of the sort.
        """
        reply, number, kind = text.split("|")
        return cls(ReplyId(reply), int(number), ReportKind(kind))


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to tell.

    `begun`: an earlier try may have told it. `is_waiting`: the reply has no outcome yet.
    `was_noticed`: the thread was told that it waits. `is_current`: it was not sent again since.
    """

    id: ReportId
    begun: bool
    is_waiting: bool
    reply: Reply | None
    outcome: Outcome | None
    was_noticed: bool
    is_current: bool
    session: SessionId


class Reports:
    """The untold reports, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, report: ReportId) -> Report | None:
        """What there is to tell; None when it has been told, or another is telling it now."""
        answer = await self._store.run(
            scripts.BEGIN_REPORT,
            [reply_key(report.reply), UNTOLD_KEY],
            [str(report), _begun(report), millis(RETRY), millis(TELLING)],
        )
        if not answer:
            return None
        begun, state, reply, outcome, noticed, number, session = answer
        return Report(
            id=report,
            begun=bool(begun),
            is_waiting=state in _WAITING,
            reply=Reply.model_validate_json(reply) if reply else None,
            outcome=Outcome.model_validate_json(outcome) if outcome else None,
            was_noticed=bool(noticed),
            is_current=number == str(report.round),
            session=SessionId(session),
        )

    async def pause(self, report: ReportId, *, may_be_told: bool) -> None:
        """This try is over and another one may begin."""
        await self._store.run(
            scripts.PAUSE_REPORT, [reply_key(report.reply)], [_begun(report), int(may_be_told)]
        )

    async def end(self, report: ReportId, *, told: bool) -> bool:
        """The thread has been told, or never can or need be; True while the reply still waits."""
        gave_notice = told and report.kind is ReportKind.NOTICE
        state = await self._store.run(
            scripts.END_REPORT,
            [reply_key(report.reply), UNTOLD_KEY],
            [str(report), int(gave_notice)],
        )
        return state in _WAITING

    async def overdue(
        self, grace: timedelta, limit: int
    ) -> tuple[Sequence[SessionId], Sequence[ReportId]]:
        """Sessions whose mail nobody delivers, and reports that nobody tells, since `grace`."""
        sessions, reports = await self._store.run(
            scripts.OVERDUE, [DUE_KEY, UNTOLD_KEY], [millis(grace), limit, f"{PREFIX}:hold:"]
        )
        return [SessionId(s) for s in sessions], [ReportId.parse(r) for r in reports]

    async def depths(self) -> tuple[int, int]:
        """How many sessions have mail, and how many reports are untold."""
        return await self._store.size(DUE_KEY), await self._store.size(UNTOLD_KEY)


def _begun(report: ReportId) -> str:
    return f"begun:{report.round}:{report.kind}"
