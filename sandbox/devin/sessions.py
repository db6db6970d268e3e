"""The local Devin's state: its sessions with their messages, and the requests it received.

Both generations of the API show the same sessions, each in its own shape (`v1`, `v3`).
"""

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Literal
from urllib.parse import quote, unquote

from sandbox.devin.answers import SHOWN, Answer, Api

DEMO_SESSIONS: tuple[tuple[str, str, str], ...] = (
    ("devin-5e1ea5e0c0ffee00a11ce0000000d0c5", "Release notes", "running"),
    ("devin-f1a4e7e57000000000000000000c1c1d", "Flaky tests", "running"),
    ("devin-51ee9000000000000000000000dead10", "Old dashboard", "suspended"),
    ("devin-ba5eba11000000000000000000000422", "Schema migration", "rejects"),
    ("devin-d0d0d0d0000000000000000000000429", "Nightly build", "rate_limited"),
    ("devin-a2c417ed0000000000000000000b0705", "Last year's roadmap", "archived"),
)

_SESSION_ID = re.compile(r"(?:devin-)?([0-9a-f]+)", re.IGNORECASE)


class UnknownSessionError(LookupError):
    """No session with that id was added."""


@dataclass(frozen=True, slots=True)
class DevinPost:
    """The checked body of a message; `attachments` are v3's `attachment_urls`."""

    message: str = ""
    attachments: tuple[str, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewSession:
    """The parameters of a new session that the local Devin makes something of, and its `body`."""

    prompt: str
    title: str
    tags: tuple[str, ...]
    attachments: tuple[str, ...] = ()
    cap: int | None = None
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DevinRequest:
    """One POST to a message endpoint; `status` is "dropped" if no complete answer was sent.

    `at` is on the monotonic clock, `noted_at` on Devin's, as the messages of a session are.
    """

    session_id: str
    message: str
    at: float
    status: int | Literal["dropped"]
    taken: bool
    authorized: bool
    headers: dict[str, str]
    body: dict[str, Any]
    api: Api = "v1"
    attachments: tuple[str, ...] = ()
    noted_at: float = 0.0


Kind = Literal["initial_user_message", "user_message", "devin_message"]


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request that Devin opened: its address, and its state where the API tells one."""

    url: str
    state: str | None = "open"


@dataclass(frozen=True, slots=True)
class DevinMessage:
    """One message of a session; `attachments` are the addresses that came with it.

    Reads show it from `listed_at` (Unix seconds) on.
    """

    kind: Kind
    text: str
    at: datetime
    event_id: str
    attachments: tuple[str, ...] = ()
    listed_at: float = 0.0


Unread = int | Literal["garbage", "half", "hangs", "slow"] | None
"""How reads of a session's messages fail: with a status, another form, half of an answer, none, or
one that takes the longer the more messages are asked for."""


@dataclass(slots=True)
class DevinSession:
    """A session: its answer, the messages it took, and its number of concurrent requests.

    `before` is the state with its answer to which it returns after `times` requests. `cap` is what
    it may use, in ACUs, and `body` that of the request that started it. A read shows it with the
    fields in `shown_as`, which no document describes. Reads of its messages are `unread`.
    """

    session_id: str
    title: str
    state: str
    answer: Answer
    times: int | None = None
    before: tuple[str, Answer] | None = None
    tags: tuple[str, ...] = ()
    origin: str = "webapp"
    repos: tuple[str, ...] = ()
    parent: str | None = None
    children: list[str] = field(default_factory=list)
    web_app: str = "https://app.devin.ai"
    is_archived: bool = False
    pull_requests: list[PullRequest] = field(default_factory=list)
    acus: float = 0.0
    cap: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    shown_as: dict[str, object] = field(default_factory=dict)
    unread: Unread = None
    messages: list[DevinMessage] = field(default_factory=list)
    requests: list[DevinRequest] = field(default_factory=list)
    in_flight: int = 0
    max_in_flight: int = 0
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def url(self) -> str:
        """The session's address in Devin's web app, of which a dedicated deployment has its own."""
        return f"{self.web_app}/sessions/{self.session_id.removeprefix('devin-')}"

    @property
    def lasting(self) -> str:
        """The state apart from what somebody chose for the next `times` requests."""
        return self.before[0] if self.before else self.state

    def begin(self, wanted: NewSession) -> None:
        """Take over what it was started with through the API."""
        self.tags, self.origin = wanted.tags, "api"
        self.cap, self.body = wanted.cap, wanted.body
        self.repos = tuple(wanted.body.get("repos") or ())

    def received(self) -> list[str]:
        """Return the messages that the session took, in order."""
        return [entry.text for entry in self.messages if entry.kind == "user_message"]

    def take(
        self,
        text: str,
        *,
        kind: Kind,
        at: float,
        attachments: tuple[str, ...] = (),
        listed_at: float = 0.0,
    ) -> None:
        """Add a message to the session, written `at` (Unix seconds)."""
        event_id = f"event-{uuid.uuid4().hex}"
        written = datetime.fromtimestamp(at, UTC)
        message = DevinMessage(kind, text, written, event_id, attachments, listed_at)
        self.messages.append(message)

    def listed(self, now: float) -> list[DevinMessage]:
        """Return the messages that a read shows: up to the first that is not listed yet."""
        return list(takewhile(lambda one: one.listed_at <= now, self.messages))

    def change(self, pull_request: PullRequest) -> None:
        """Add a pull request, or change the one with the same address."""
        for number, one in enumerate(self.pull_requests):
            if one.url == pull_request.url:
                self.pull_requests[number] = pull_request
                return
        self.pull_requests.append(pull_request)

    def enter(self, state: str, answer: Answer, times: int | None = None) -> None:
        """Change to a state, for the next `times` requests or for good."""
        self.before = None if times is None else self.before or (self.state, self.answer)
        self.state, self.answer, self.times = state, answer, times
        self.is_archived = state == "archived"

    def next_answer(self, api: Api) -> Answer:
        """Return the answer to this request, which counts for `times`."""
        if self.times is not None:
            self.times -= 1
        return self.answer.by(api)

    def go_on(self) -> None:
        """Return to the state before the choice, after the last of its `times`."""
        if self.times == 0 and self.before is not None:
            self.enter(*self.before)

    def answered(self) -> None:
        """Go on now from a failure; what reads show stays until the next message."""
        if self.state not in SHOWN:
            self.go_on()


@dataclass(frozen=True, slots=True)
class DevinAttachment:
    """One file, uploaded or sent by Devin, and the address that it is known by."""

    url: str
    name: str
    content: bytes
    id: str
    content_type: str | None = None


def canonical_id(session_id: str) -> str | None:
    """Return `devin-<hex>` for that or for the bare hex; None for anything else."""
    match = _SESSION_ID.fullmatch(session_id)
    return f"devin-{match[1].lower()}" if match else None


def place_of(file_id: str, name: str) -> str:
    """Return the end of a file's address, which says its id and its name."""
    return f"{file_id}/{quote(name, safe='')}"


def name_in(url: str) -> str:
    """Return the name of the file that an address ends with."""
    return unquote(url.partition("?")[0].rpartition("/")[2]) or "file"
