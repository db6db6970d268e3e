"""Devin's API as the rest of the bot sees it: one Protocol, with its own types of values.

Each generation of the API is a package beside this module (`v1/`, `v3/`), and nothing here depends
on one. No method raises an error of Devin or of the connection: each failure is a value.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import NewType, Protocol, TypeAlias

from bot.model.findings import Finding
from bot.model.outcomes import Outcome, Wait
from bot.model.sessions import SessionId, SessionState

Failure: TypeAlias = Outcome | Wait
"""A write that did not succeed: refused or uncertain, or a `Wait` if nothing was accepted."""

Cursor = NewType("Cursor", str)
"""A place in a session's messages. Only the implementation that issued it can read it."""


class Source(StrEnum):
    """The side that wrote a message; `USER` is anybody but Devin."""

    USER = "user"
    DEVIN = "devin"


@dataclass(frozen=True, slots=True)
class DevinMessage:
    """One message of a session; `id` is Devin's own, and empty if Devin gives none."""

    id: str
    source: Source
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages of a session in Devin's order, and the cursor to read on from.

    `skew` is how far Devin's clock is ahead of the caller's. With `has_more`, the session has more
    messages than could be read at once.
    """

    messages: Sequence[DevinMessage]
    cursor: Cursor | None
    skew: timedelta
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session without its messages; the title may be empty, and is people's text.

    `url` is its page in Devin's web app, empty if the API does not tell it.
    """

    session: SessionId
    title: str
    state: SessionState
    updated_at: datetime | None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A read without a result; `status` is that of the answer, 0 if none came in time.

    `why` says how the connection failed, then.
    """

    status: int = 0
    why: str = field(default="", compare=False)

    @property
    def reason(self) -> str:
        """The status or the failure, in words for an operator."""
        return f"HTTP {self.status}" if self.status else self.why or "no answer"

    @property
    def is_passing(self) -> bool:
        """True if the same read may succeed later."""
        is_limited = self.status == HTTPStatus.TOO_MANY_REQUESTS
        return not self.status or is_limited or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file on its way to Devin; `size` is in bytes, None if it is unknown.

    Iterating over `chunks` raises the errors of reading the file.
    """

    name: str
    kind: str
    chunks: AsyncIterator[bytes]
    size: int | None


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


class Devin(Protocol):
    """The operations on Devin's sessions that a relay needs.

    Archiving a session and approving an action are left out: not every generation of the API
    documents them.
    """

    async def begin(self) -> None:
        """Find out what every call needs, if Devin can be reached; or else at the first call.

        Raises:
            OperatorError: Devin answers, but not with what is needed.
        """

    async def post_message(
        self, session: SessionId, message: str, attachments: Sequence[str] = ()
    ) -> Outcome | Wait:
        """Send `message` to `session`, once: a lost answer is `UNCERTAIN`, never sent again.

        `attachments` are addresses that `upload` returned. An outcome whose reason may be the
        session's state has that state, if it could be read in time.
        """

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:
        """Return the text under which `messages` lists a message that was sent so."""

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> MessagePage | Unread:
        """Read the messages behind `after`, or all of them; known ones may be repeated.

        The `skew` of the result compares Devin's clock with `clock`.
        """

    async def states(self, sessions: Sequence[SessionId]) -> Sequence[SessionSummary]:
        """Read the state of each of `sessions`; one that cannot be read in time is left out."""

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`; with `tags`, only those that have them."""

    async def upload(self, file: OutgoingFile) -> str | Failure:
        """Upload a file and return its address; if it is uploaded twice, one copy stays unused."""

    async def create(
        self, prompt: str, title: str = "", tags: Sequence[str] = ()
    ) -> SessionId | Failure:
        """Start a session, once; after an uncertain outcome it may exist, and its tags find it."""

    async def end(self, session: SessionId) -> Failure | None:
        """End `session` for good; return None once Devin confirms it."""

    async def probe(self) -> Sequence[Finding]:
        """Test the key, and what it may do, without sending anything to a session."""
