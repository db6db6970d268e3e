"""Outcomes of deliveries."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from bot.model.files import Upload
from bot.model.record import Record


class OutcomeKind(StrEnum):
    """The ways a delivery can end; each has its own row in docs/delivery.md."""

    DELIVERED = "delivered"
    UNCONFIRMED = "unconfirmed"
    """Devin answered, but neither took nor refused the message (v1)."""
    SUSPENDED = "suspended"
    """Devin didn't confirm the message, and the session is suspended (v1)."""
    ENDED = "ended"
    """Devin didn't take the message, and the session takes no more."""
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    GIVEN_UP = "given_up"


UNCLEAR = frozenset({OutcomeKind.UNCONFIRMED, OutcomeKind.SUSPENDED, OutcomeKind.UNCERTAIN})
"""The outcomes after which Devin may have the message."""

SENDABLE_AGAIN = UNCLEAR | {OutcomeKind.GIVEN_UP}
"""The outcomes whose report carries *Send again*; the reply's text is kept for it."""

MAY_BE_THERE = UNCLEAR | {OutcomeKind.DELIVERED}
"""The outcomes after which Devin has the message or may have it, with links for some files."""


class Refusal(StrEnum):
    """The reasons why Devin refused a message."""

    INVALID = "invalid"
    KEY_REJECTED = "key_rejected"
    FORBIDDEN = "forbidden"
    NO_SESSION = "no_session"
    OTHER = "other"


FOR_OPERATOR = frozenset({Refusal.KEY_REJECTED, Refusal.FORBIDDEN})
"""The refusals that only the operator can end."""


class Problem(Record):
    """One entry of a 422: the place in the request, the problem, and Devin's type for it."""

    where: str
    what: str
    type: str


class Outcome(Record):
    """The end of a delivery, with what Devin said about it, and the files that went as links."""

    kind: OutcomeKind
    refusal: Refusal | None = None
    detail: str = ""
    status: int | None = None
    problems: tuple[Problem, ...] = ()
    left_out: tuple[Upload, ...] = ()

    @property
    def is_plain(self) -> bool:
        """True if a mark tells everything: the reply was delivered with all of its files."""
        return self.kind is OutcomeKind.DELIVERED and not self.left_out

    def needs_only_a_mark(self, number: int, *, is_awaited: bool, was_delayed: bool) -> bool:
        """True if a first ✅ is all there is to report in the reply's round `number`.

        A mark that replaces another one does not count, nor does one that a workflow waits for.
        """
        return self.is_plain and number == 1 and not is_awaited and not was_delayed

    @property
    def is_unread(self) -> bool:
        """True for a success whose body could not be parsed."""
        is_success = self.status in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
        return self.kind is OutcomeKind.UNCERTAIN and is_success


@dataclass(frozen=True, slots=True)
class Wait:
    """Devin neither accepted nor refused the message, so it is safe to send it again.

    `retry_after` is in seconds, from Devin's `Retry-After`. With `is_turn`, Devin was not asked,
    since it limits another message.
    """

    reason: str
    retry_after: float | None = None
    is_turn: bool = False
