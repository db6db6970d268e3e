"""Names of what the outbox holds: what must be posted or done until Slack took it."""

from dataclasses import dataclass
from enum import StrEnum


class OwedKind(StrEnum):
    """The kinds of entries. The values are kept in Redis, and in the log's `report`."""

    OUTCOME = "outcome"
    """A thread must be told how a delivery ended."""

    DELAY = "notice"
    """A thread must be told that a reply waits."""

    STEP = "step"
    """A workflow's step must be done."""

    NOTICE = "answer"
    """Somebody, or everybody in a thread, must be told something."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An entry: its subject, a number that tells its turns apart, and its kind.

    The subject names a record in Redis. For a reply it is the reply's id, and `number` its round.
    """

    subject: str
    number: int
    kind: OwedKind

    def __str__(self) -> str:
        return f"{self.subject}|{self.number}|{self.kind}"


def parse_owed(text: str) -> Owed | None:
    """The entry that `str` wrote; None for one of a kind that only a newer version knows."""
    try:
        subject, number, kind = text.split("|")
        return Owed(subject, int(number), OwedKind(kind))
    except ValueError:
        return None
