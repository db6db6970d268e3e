"""Devin's API as the rest of the bot sees it: one Protocol, and values of our own.

A generation of the API is a room beside this module (`v1/`), and nothing here names one. No method
raises for what Devin or the wire does: each failure is a value.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import NewType, Protocol, TypeAlias

from bot.model.outcomes import Outcome, Refusal, Wait
from bot.model.sessions import SessionId, SessionState

Failure: TypeAlias = Outcome | Wait
"""A write that did not succeed: refused or uncertain, or a `Wait` where nothing was taken."""

Cursor = NewType("Cursor", str)
"""A place in a session's messages. Only the implementation that issued it can read it."""


class Source(StrEnum):
    """The side that wrote a message; `USER` is everybody but Devin."""

    USER = "user"
    DEVIN = "devin"


@dataclass(frozen=True, slots=True)
class DevinMessage:
    """One message of a session; `id` is Devin's own, and empty where Devin gives none."""

    id: str
    source: Source
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages of a session in Devin's order, and the cursor to read on from.

    `skew` is how far Devin's clock is ahead of the caller's.
    """

    messages: Sequence[DevinMessage]
    cursor: Cursor | None
    skew: timedelta


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session without its messages; the title may be empty, and is somebody's words."""

    session: SessionId
    title: str
    state: SessionState
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unread:
    """A read without a result; `status` is that of the answer, 0 where none came in time."""

    status: int = 0

    @property
    def is_passing(self) -> bool:
        """Whether the same read may succeed later."""
        is_limited = self.status == HTTPStatus.TOO_MANY_REQUESTS
        return not self.status or is_limited or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file on its way to Devin; `size` is in bytes, None where it is not known.

    Iterating over `chunks` raises what reading the file raises.
    """

    name: str
    kind: str
    chunks: AsyncIterator[bytes]
    size: int | None


@dataclass(frozen=True, slots=True)
class Probe:
    """A trial of the key: `refusal` is None for a good one, `answer` is Devin's in a word."""

    refusal: Refusal | None
    answer: str


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)


class Devin(Protocol):
    """Devin's sessions, as far as a relay needs them.

    Archiving a session and approving an action are left out: not every generation of the API
    documents them.
    """

    async def post_message(self, session: SessionId, message: str) -> Outcome | Wait:
        """Send `message` to `session`, once: a lost answer is `UNCERTAIN`, never sent again."""

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> MessagePage | Unread:
        """Read the messages behind `after`, or all of them; known ones may come again.

        `clock` is the one that the result's `skew` compares Devin's with.
        """

    async def states(self, sessions: Sequence[SessionId]) -> Sequence[SessionSummary]:
        """Read what each of `sessions` is doing; one that cannot be read in time is left out."""

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`, and with `tags` only those that carry them."""

    async def upload(self, file: OutgoingFile) -> str | Failure:
        """Give Devin a file and return its address; uploaded twice, one copy goes unused."""

    async def create(
        self, prompt: str, title: str = "", tags: Sequence[str] = ()
    ) -> SessionId | Failure:
        """Start a session, once; an uncertain one may exist, and its tags find it."""

    async def end(self, session: SessionId) -> Failure | None:
        """End `session` for good; None once Devin says that it did."""

    async def probe(self) -> Probe:
        """Try the key without reaching any session."""
