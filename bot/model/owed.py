"""The outbox's entries: what must be posted or done until Slack has taken it, and who begins it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.model.sessions import SessionId


class OwedKind(StrEnum):
    """The kinds of entries. The values are kept in Redis, and in the log's `report`.

    A thread must be told the `OUTCOME` of a reply, or the `DELAY` while it waits; a workflow's
    `STEP` must be carried out; one person, or a thread, must get a `NOTICE`. `WORDS` are what a
    session says, for a thread, whose `CARD` must be posted or edited. A session must be started
    (`START`), or a person's words posted in their name (`POST`), and sent or begun with.
    """

    OUTCOME = "outcome"
    DELAY = "delay"
    STEP = "step"
    NOTICE = "notice"
    WORDS = "words"
    CARD = "card"
    START = "start"
    POST = "post"

    DIGEST = "digest"
    """A channel's digest must be posted at its time, which is the entry's due time."""

    REVIEW = "review"
    """A Devin Review must be asked for, or its result read and posted."""

    THREAD = "thread"
    """A session must get a thread of its own in a channel."""

    ADOPT = "adopt"
    """A channel's rules must be applied again at the entry's due time; it has no other end."""


WAITING_KINDS = frozenset({OwedKind.DIGEST, OwedKind.ADOPT})
"""The kinds whose entries wait in Redis for their time, and not in a process."""


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


class Schedule(Protocol):
    """Begins work in this process, now or later, if there is room (`schedule/local.py`).

    The work is due in Redis, where every process polls for it. So what finds no room here, or is
    lost with this process, is done a little later, here or elsewhere.
    """

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail in `after` seconds."""

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Post an outbox entry in `after` seconds."""
