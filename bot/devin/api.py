"""Devin's API as the rest of the bot sees it: one Protocol, with its own types of values.

Each generation of the API is a package beside this module (`v1/`, `v3/`), and nothing here depends
on one. No method raises an error of Devin or of the connection: each failure is a value.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import NewType, Protocol, TypeAlias

from bot.model.findings import Finding
from bot.model.options import Options, Playbook
from bot.model.replies import Outcome, Wait
from bot.model.sessions import NamedSession, PullRequest, Review, SessionId, SessionState, Trouble

Failure: TypeAlias = Outcome | Wait
"""A write that did not succeed: refused or uncertain, or a `Wait` if nothing was accepted."""

MOST_CHILDREN = 20
"""The most sessions that are known of those which one has started: the first ones."""

Cursor = NewType("Cursor", str)
"""A place in a session's messages. Only the implementation that issued it can read it."""


class Source(StrEnum):
    """The side that wrote a message; `USER` is anybody but Devin."""

    USER = "user"
    DEVIN = "devin"


@dataclass(frozen=True, slots=True)
class DevinMessage:
    """One message of a session; an `id` that is not Devin's own begins with `-`, and stays so."""

    id: str
    source: Source
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages of a session in Devin's order, each id once, and the cursor to read on from.

    `skew` is how far Devin's clock is ahead of the caller's. `reads` is the number of calls to
    Devin that the page took, and `left_out` that of the messages that could not be parsed.
    `is_hidden`: Devin listed none, though a session has at least its prompt, and may do so later.
    """

    messages: Sequence[DevinMessage]
    cursor: Cursor | None
    skew: timedelta
    has_more: bool = False
    reads: int = 1
    left_out: int = 0
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session without its messages.

    One that `is_beginning` may not take messages yet. `limit` is Devin's word for what has stopped
    it, if that is a limit. `unclear` has Devin's words for its state if
    the relay doesn't know them, or "none": then `state` is only as much as they tell.
    """

    session: SessionId
    title: str
    state: SessionState
    updated_at: datetime | None
    url: str = ""
    trouble: Trouble | None = None
    limit: str = ""
    pull_requests: tuple[PullRequest, ...] = ()
    acus: float | None = None
    tags: frozenset[str] = frozenset()
    created_at: datetime | None = None
    parent: SessionId | None = None
    children: tuple[SessionId, ...] = ()
    is_archived: bool = False
    is_beginning: bool = False
    origin: str = ""
    unclear: str = field(default="", compare=False)


LATE = "no answer in time"


def patience(slow: int) -> tuple[int, int]:
    """Return the most messages on a page, and how often longer it may take than usual."""
    return ((200, 1), (200, 1), (20, 4), (1, 6))[min(slow, 3)]


LIMITED_SECONDS = 30.0
"""The pause of all reads after a 429 that names none: then at most two a minute are refused."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A read without a result; `status` is that of the answer, 0 if none came in time.

    Then `why` says how the connection failed, or why the relay did not ask (`is_forbidden`).
    `retry_after` is in seconds; `reads` are the calls that a survey took.
    """

    status: int = 0
    why: str = field(default="", compare=False)
    retry_after: float | None = field(default=None, compare=False)
    is_forbidden: bool = False
    is_too_long: bool = False
    reads: int = field(default=1, compare=False)

    @property
    def reason(self) -> str:
        """The status or the failure, in words for an operator."""
        if self.is_too_long:
            return "answer too long"
        return f"HTTP {self.status}" if self.status else self.why or "no answer"

    @property
    def pause(self) -> float | None:
        """The seconds for which nothing is to be read of Devin; None if it limits no reads."""
        is_limited = self.status == HTTPStatus.TOO_MANY_REQUESTS
        return LIMITED_SECONDS if is_limited and self.retry_after is None else self.retry_after

    @property
    def is_late(self) -> bool:
        """True if the answer took too long."""
        return self.why == LATE

    @property
    def is_passing(self) -> bool:
        """True if the same read may succeed later."""
        if self.is_forbidden:
            return False
        is_limited = self.status == HTTPStatus.TOO_MANY_REQUESTS
        return not self.status or is_limited or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Survey:
    """The sessions that were found, and the calls it took; absence means nothing.

    `left_out` are those that hide others in a list, and why: nothing is known of them.
    """

    found: Mapping[SessionId, SessionSummary]
    reads: int
    left_out: Mapping[SessionId, Unread] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file for Devin, of `size` bytes if known; `chunks` raises the errors of reading it."""

    name: str
    kind: str
    chunks: AsyncIterator[bytes]
    size: int | None


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file that Devin sent, as it arrives; `size` in bytes and `content_type` are not checked.

    The caller stops reading what is too long. `chunks` raises `ConnectionError` if it breaks off.
    """

    size: int | None
    content_type: str
    chunks: AsyncIterator[bytes]


class Devin(Protocol):
    """The operations on Devin's sessions that a relay needs; no generation documents approving."""

    @property
    def lacks(self) -> frozenset[str]:
        """The options of a start that this generation of the API doesn't have, by their keys."""

    @property
    def is_legacy(self) -> bool:
        """True for a generation without costs, archives, members, reviews, children and origins."""

    @property
    def over(self) -> frozenset[SessionState]:
        """The states in which nobody would go on with a session."""

    async def begin(self) -> None:
        """Find out what every call needs, now or at the first call; raises `OperatorError`."""

    async def post_message(
        self, session: SessionId, message: str, attachments: Sequence[str] = (), as_user: str = ""
    ) -> Outcome | Wait:
        """Send `message` to `session`, once: a lost answer is `UNCERTAIN`, never sent again.

        With `as_user`, the id of a `member`, it is that person's; Devin may refuse this by a 403.

        `attachments` are addresses that `upload` returned. An outcome whose reason may be the
        session's state has that state, if it could be read in time.
        """

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:
        """Return the text under which `messages` lists a message that was sent so."""

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] | None = None,
        slow: int = 0,
    ) -> MessagePage | Unread:
        """Read the messages behind `after`, or from the first one, as many as come in time.

        Up to 200 messages before `after` are repeated, so that one that is listed late, at an
        earlier place, is not missed: the caller drops what it knows by id. The `skew` of the
        result compares Devin's clock with `clock`, if that is given. After some reads that were too
        `slow`, it asks for less at once, if it can, and waits longer.
        """

    async def survey(self, sessions: Sequence[SessionId]) -> Survey | Unread:
        """Read the states and titles of sessions by few calls, the first ones first.

        It may take long: a caller for whom a person waits bounds it.
        """

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`; only those with `tags`, which takes longer."""

    async def repositories(self) -> Sequence[str] | Unread:
        """List the repositories that sessions may work in, as many as could be read in time."""

    async def playbooks(self) -> Sequence[Playbook] | Unread:
        """List all playbooks of the organization; a list that can be read in part is `Unread`."""

    async def member(self, email: str) -> str | Unread | None:
        """Return the id of the one member with exactly this address; None for none, or several."""

    async def matching(
        self, tags: Sequence[str], repos: Sequence[str], origins: Sequence[str], since: datetime
    ) -> Sequence[SessionSummary] | Unread:
        """List the sessions created after `since` with these tags, repositories and origins.

        The oldest come first. A list that can be read only in part is `Unread`.
        """

    async def ask_review(self, pull_request: str) -> Review | Failure | None:
        """Ask for a review of a pull request's latest commit; None if one is under way already."""

    async def review(self, pull_request: str, commit: str = "") -> Review | Unread | None:
        """Read the last review at a commit, by default the latest one; None if there is none."""

    async def upload(self, file: OutgoingFile) -> str | Failure:
        """Upload a file and return its address; if it is uploaded twice, one copy stays unused."""

    async def create(
        self, prompt: str, options: Options, tag: str, as_user: str = ""
    ) -> NamedSession | Failure:
        """Start a session, once, perhaps `as_user` as in `post_message`.

        After an uncertain outcome it may exist, and its `tag` finds it. The playbook is an ID, and
        no option is one that this generation `lacks`.
        """

    async def end(self, session: SessionId) -> Failure | None:
        """End `session` for good; return None once Devin confirms it."""

    async def archive(self, session: SessionId) -> Failure | None:
        """Archive and so end `session`, unless `is_legacy`; return None if confirmed."""

    def open_file(self, url: str) -> AbstractAsyncContextManager[IncomingFile | Unread]:
        """Open a file that Devin sent; `url` is untrusted text of a message (`files.py`)."""

    async def probe(self) -> Sequence[Finding]:
        """Test the key, and what it may do, without sending anything to a session."""
