"""How deliveries end."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Literal

from bot.model.files import Upload
from bot.model.record import Record


class OutcomeKind(StrEnum):
    """How a delivery ended; each has its own row in the README's table."""

    DELIVERED = "delivered"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    GIVEN_UP = "given_up"


SENDABLE_AGAIN = frozenset({OutcomeKind.SUSPENDED, OutcomeKind.UNCERTAIN, OutcomeKind.GIVEN_UP})
"""The outcomes whose report carries *Send again*; their text is kept for it."""


class Refusal(StrEnum):
    """Why Devin refused."""

    INVALID = "invalid"
    KEY_REJECTED = "key_rejected"
    FORBIDDEN = "forbidden"
    NO_SESSION = "no_session"
    OTHER = "other"


class Problem(Record):
    """One entry of a 422: where in the request, what is wrong, and Devin's type for it."""

    where: str
    what: str
    type: str


class Outcome(Record):
    """How a delivery ended, with what Devin said about it, and the files that went as links."""

    v: Literal[1] = 1
    kind: OutcomeKind
    refusal: Refusal | None = None
    detail: str = ""
    status: int | None = None
    problems: tuple[Problem, ...] = ()
    left_out: tuple[Upload, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether a mark says it all: delivered, with all of its files."""
        return self.kind is OutcomeKind.DELIVERED and not self.left_out

    def needs_only_a_mark(self, number: int, *, is_awaited: bool, was_delayed: bool) -> bool:
        """Whether a first ✅ is all that is to be told, in the reply's round `number`.

        One that replaces another mark is not, nor is one for which a workflow waits.
        """
        return self.is_plain and number == 1 and not is_awaited and not was_delayed

    @property
    def is_unread(self) -> bool:
        """Whether it only counts as refused: an answer of success that says nothing we know."""
        is_success = self.status in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
        return self.kind is OutcomeKind.REFUSED and is_success


@dataclass(frozen=True, slots=True)
class Wait:
    """Devin did not take the message and did not refuse it: it can be sent again safely.

    `retry_after` is in seconds, from Devin's `Retry-After`.
    """

    reason: str
    retry_after: float | None = None
