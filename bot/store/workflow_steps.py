"""Workflow Builder steps: kept from when Slack starts one until it has been told how it ended.

A step is begun like a report is told: owed in Redis, by one process at a time, again after a crash.
"""

from typing import Literal

from pydantic import JsonValue

from bot.model.owed import ReportId, ReportKind
from bot.model.record import Record
from bot.model.replies import ReplyId
from bot.model.workflow_steps import Flaw
from bot.store.outbox import KEEP, Outbox

SEND = "send_message"
LINK = "link_thread"


class StepAsked(Record):
    """A step that Slack has started, as its author filled it in; what cannot be read is a `flaw`.

    `at` is the event's `ts`, and `user` on whose behalf it shall be done, if that was said.
    """

    v: Literal[1] = 1
    execution: str
    callback: str
    at: str
    session: str = ""
    text: str = ""
    blocks: tuple[dict[str, JsonValue], ...] = ()
    channel: str = ""
    thread_ts: str = ""
    user: str = ""
    flaw: Flaw | None = None


class Executions:
    """The steps that were started, owed in Redis."""

    def __init__(self, reports: Outbox, team: str) -> None:
        self._reports = reports
        self._team = team

    async def keep(self, step: StepAsked) -> ReportId | None:
        """Keep `step`, once; what it is begun as, or None when it was begun before.

        Raises:
            StoreAway: it is not known to be kept: Slack must not be acknowledged.
        """
        report = _report(ReplyId(f"{self._team}:step:{step.execution}"))
        is_owed = await self._reports.owe(report, step.to_json(), KEEP)
        return report if is_owed else None

    async def asked(self, id_: ReplyId) -> StepAsked | None:
        """What `keep` kept; None when it has been done."""
        raw = await self._reports.owed(_report(id_))
        return StepAsked.model_validate_json(raw) if raw else None

    async def forget(self, id_: ReplyId) -> None:
        """The step was done, or never can be: only that it was started stays known."""
        await self._reports.forget(_report(id_))


def _report(id_: ReplyId) -> ReportId:
    return ReportId(id_, 1, ReportKind.STEP)
