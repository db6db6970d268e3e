"""Names of the outbox's entries: what must be posted or done until Slack has taken it."""

from dataclasses import dataclass
from enum import StrEnum


class OwedKind(StrEnum):
    """The kinds of entries. The values are kept in Redis, and in the log's `report`."""

    OUTCOME = "outcome"
    """The end of a delivery must be reported to its thread."""

    DELAY = "delay"
    """A thread must be told that a reply is waiting."""

    STEP = "step"
    """A workflow step must be carried out."""

    NOTICE = "notice"
    """One person, or everybody in a thread, must be told something."""

    WORDS = "words"
    """What a session says must be posted in a thread."""

    CARD = "card"
    """A thread's card must be posted, or edited."""

    START = "start"
    """A session must be started, and its thread linked."""

    POST = "post"
    """What a person says must be posted in their name, and sent to its session or start one."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An outbox entry: its subject, a number that tells its rounds apart, and its kind.

    The subject names a record in Redis. For a reply it is the reply's id, and `number` is its
    round.
    """

    subject: str
    number: int
    kind: OwedKind

    def __str__(self) -> str:
        return f"{self.subject}|{self.number}|{self.kind}"

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields by which the log names the entry."""
        return {"reply_id": self.subject, "report": self.kind.value}


def parse_owed(text: str) -> Owed:
    """Parse an entry that `str` wrote."""
    subject, number, kind = text.split("|")
    return Owed(subject, int(number), OwedKind(kind))
