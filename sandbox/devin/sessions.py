"""The local Devin's state: its sessions with their messages, and the requests it received."""

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.devin.answers import STATES, Answer

DEMO_SESSIONS: tuple[tuple[str, str, str], ...] = (
    ("devin-5e1ea5e0c0ffee00a11ce0000000d0c5", "Release notes", "running"),
    ("devin-f1a4e7e57000000000000000000c1c1d", "Flaky tests", "running"),
    ("devin-51ee9000000000000000000000dead10", "Old dashboard", "suspended"),
    ("devin-ba5eba11000000000000000000000422", "Schema migration", "rejects"),
    ("devin-d0d0d0d0000000000000000000000503", "Nightly build", "down"),
)

_SESSION_ID = re.compile(r"(?:devin-)?([0-9a-f]+)", re.IGNORECASE)


class UnknownSessionError(LookupError):
    """No session with that id was added."""


@dataclass(frozen=True, slots=True)
class DevinRequest:
    """One POST to a message endpoint; `status` is "dropped" if no complete answer was sent."""

    session_id: str
    message: str
    at: float
    status: int | Literal["dropped"]
    taken: bool
    authorized: bool
    headers: dict[str, str]
    body: dict[str, Any]


Kind = Literal["initial_user_message", "user_message", "devin_message"]


@dataclass(frozen=True, slots=True)
class DevinMessage:
    """One entry of a session's `messages`, as `GET /v1/sessions/{session_id}` shows it."""

    kind: Kind
    text: str
    at: datetime
    event_id: str

    def as_json(self) -> dict[str, str]:
        """Return the documented fields; only people's messages name a user and an origin."""
        fields = {
            "type": self.kind,
            "event_id": self.event_id,
            "message": self.text,
            "timestamp": _timestamp(self.at),
        }
        if self.kind != "devin_message":
            fields |= {"username": "api", "origin": "api", "user_id": f"user-{uuid.UUID(int=1)}"}
        return fields


@dataclass(slots=True)
class DevinSession:
    """A session: its answer, the messages it took, and its number of concurrent requests."""

    session_id: str
    title: str
    state: str
    answer: Answer
    times: int | None = None
    tags: tuple[str, ...] = ()
    messages: list[DevinMessage] = field(default_factory=list)
    requests: list[DevinRequest] = field(default_factory=list)
    in_flight: int = 0
    max_in_flight: int = 0
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def received(self) -> list[str]:
        """Return the messages that the session took, in order."""
        return [entry.text for entry in self.messages if entry.kind == "user_message"]

    def take(self, text: str, *, kind: Kind, at: float) -> None:
        """Add a message to the session, written `at` (Unix seconds)."""
        written = datetime.fromtimestamp(at, UTC)
        self.messages.append(DevinMessage(kind, text, written, f"event-{uuid.uuid4().hex}"))

    def next_answer(self) -> Answer:
        """Return the answer to this request; after the last of `times`, the session runs again."""
        answer = self.answer
        if self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.state, self.answer, self.times = "running", STATES["running"], None
        return answer

    def as_json(self) -> dict[str, object]:
        """Return the body of `GET /v1/sessions/{session_id}`; suspended has no `status_enum`."""
        statuses = {"suspended": ("suspended", None), "finished": ("finished", "finished")}
        status, status_enum = statuses.get(self.state, ("running", "working"))
        updated_at = self.messages[-1].at if self.messages else self.created_at
        return {
            "session_id": self.session_id,
            "status": status,
            "status_enum": status_enum,
            "title": self.title,
            "created_at": _timestamp(self.created_at),
            "updated_at": _timestamp(updated_at),
            "messages": [message.as_json() for message in self.messages],
            "pull_request": None,
            "structured_output": None,
            "snapshot_id": None,
            "playbook_id": None,
            "tags": list(self.tags),
        }

    def as_created(self) -> dict[str, object]:
        """The answer of `POST /v1/sessions`."""
        address = f"https://app.devin.ai/sessions/{self.session_id.removeprefix('devin-')}"
        return {"session_id": self.session_id, "url": address, "is_new_session": True}

    def summary(self) -> dict[str, object]:
        """Return the session as an entry of `GET /v1/sessions`: the same, without its messages."""
        whole = self.as_json() | {"requesting_user_email": None}
        return {name: value for name, value in whole.items() if name != "messages"}


@dataclass(frozen=True, slots=True)
class DevinAttachment:
    """One uploaded file and the URL that was returned for it."""

    url: str
    name: str
    content: bytes


def canonical_id(session_id: str) -> str | None:
    """Return `devin-<hex>` for that or for the bare hex; None for anything else."""
    match = _SESSION_ID.fullmatch(session_id)
    return f"devin-{match[1].lower()}" if match else None


def _timestamp(at: datetime) -> str:
    """Format as ISO 8601 with microseconds and an offset, like the documented examples."""
    return at.isoformat(timespec="microseconds")
