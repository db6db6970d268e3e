"""Names of what is owed: to a thread, to a workflow, or to a person."""

from dataclasses import dataclass
from enum import StrEnum

from bot.model.replies import ReplyId


class ReportKind(StrEnum):
    """What is owed.

    To tell how a delivery ended, or that it waits; to begin a step; to say what somebody is told.
    """

    OUTCOME = "outcome"
    NOTICE = "notice"
    STEP = "step"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class ReportId:
    """One thing to be told about a reply; `round` counts the reply's sendings."""

    reply: ReplyId
    round: int
    kind: ReportKind

    def __str__(self) -> str:
        return f"{self.reply}|{self.round}|{self.kind}"


def parse_report(text: str) -> ReportId | None:
    """What `str` of a report id wrote; None for one of a kind that only a newer version knows."""
    try:
        reply, number, kind = text.split("|")
        return ReportId(ReplyId(reply), int(number), ReportKind(kind))
    except ValueError:
        return None
