"""Devin's sessions on the wire: what they do and say, and the answers by which a client reads it.

The answers are those of the generation that the wire speaks. A page of messages has a cursor only
if there is a next page, and times are in whole seconds on version 3.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal

from benchmarks.payloads import session_json
from bot.model.generation import Generation

Says = Literal["devin", "user"]
Doing = Literal["working", "waiting", "suspended", "finished"]

DOING: Mapping[Doing, tuple[str, str, str]] = {
    "working": ("running", "working", "working"),
    "waiting": ("running", "waiting_for_user", "blocked"),
    "suspended": ("suspended", "inactivity", "suspend_requested"),
    "finished": ("running", "finished", "finished"),
}
"""Version 3's `status` and `status_detail`, and version 1's `status_enum`."""

MOST_LISTED = 1_000
"""The sessions that version 1 lists, at most."""

WORDS = (
    "I have read the failing test and the code that it covers. The fixture opens a second "
    "connection, so the **lock** is never released; `close()` is called on the first one only."
)
"""The end of each message: about as long as those that Devin writes between two steps."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a session, and when it was written (Unix seconds)."""

    id: str
    source: Says
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that Devin said, by its number, in a post in a thread; monotonic seconds."""

    number: str
    thread: str
    at: float


@dataclass(slots=True)
class Session:
    """A session; `updated_at` is in Unix seconds."""

    doing: Doing = "working"
    updated_at: float = field(default_factory=time.time)
    said: list[Said] = field(default_factory=list)


@dataclass
class Sessions:
    """All sessions; one that is not known begins to work when it is asked for or written to.

    `said_at` has the time (monotonic seconds) of each thing that Devin said, by its number, and
    `reads` counts what was asked for. With `moves` off, a message does not move `updated_at`.
    """

    api: Generation
    moves: bool = True
    known: dict[str, Session] = field(default_factory=dict)
    said_at: dict[str, float] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=count)

    def of(self, session: str) -> Session:
        """Return a session."""
        return self.known.setdefault(session, Session())

    def say(self, session: str) -> None:
        """Let Devin say one more thing in a session."""
        number = f"{len(self.said_at):07d}"
        self.said_at[number] = time.monotonic()
        self.take(session, "devin", f"Step {number} is done. {WORDS}")

    def take(self, session: str, source: Says, text: str) -> None:
        """Add a message to a session."""
        known, now = self.of(session), time.time()
        known.said.append(Said(f"event-{next(self._numbers):012d}", source, text, now))
        if self.moves:
            known.updated_at = now

    def read(self, resource: Sequence[str], query: Mapping[str, Sequence[str]]) -> object:
        """Answer a read of `sessions` or of what is below them; None if there is no such thing."""
        match resource:
            case ["sessions"]:
                self.reads["states"] += 1
                return self._listed(query)
            case ["sessions", session] if self.api is Generation.V1:
                self.reads["messages"] += 1
                return self.shown(session) | {
                    "messages": [_said_v1(one) for one in self.of(session).said]
                }
            case ["sessions", session]:
                self.reads["session"] += 1
                return self.shown(session)
            case ["sessions", session, "messages"] if self.api is Generation.V3:
                self.reads["messages"] += 1
                return self._page(session, query)
        return None

    def shown(self, session: str) -> dict[str, Any]:
        """Return a session as the generation shows it."""
        known = self.of(session)
        status, detail, enum = DOING[known.doing]
        if self.api is Generation.V3:
            return session_json(session, status, detail, int(known.updated_at))
        at = datetime.fromtimestamp(known.updated_at, UTC).isoformat()
        return {
            "session_id": session,
            "status": known.doing,
            "status_enum": enum,
            "title": "Benchmark",
            "created_at": at,
            "updated_at": at,
            "tags": [],
            "snapshot_id": None,
            "playbook_id": None,
            "pull_request": None,
        }

    def _listed(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        if self.api is Generation.V1:
            limit = int(query.get("limit", ["100"])[0])
            latest = sorted(self.known, key=lambda one: -self.known[one].updated_at)
            return {"sessions": [self.shown(one) for one in latest[: min(limit, MOST_LISTED)]]}
        first = int(query.get("first", ["100"])[0])
        wanted = [one for one in query.get("session_ids", self.known) if one in self.known]
        items = [self.shown(one) for one in wanted[:first]]
        return {"items": items, "end_cursor": None, "has_next_page": False, "total": len(items)}

    def _page(self, session: str, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        first, after = int(query.get("first", ["100"])[0]), int(query.get("after", ["0"])[0])
        said = self.of(session).said
        ends, has_next = after + first, len(said) > after + first
        return {
            "items": [_said_v3(one) for one in said[after:ends]],
            "end_cursor": str(ends) if has_next else None,
            "has_next_page": has_next,
            "total": len(said),
        }


def numbers_in(post: str) -> Sequence[str]:
    """Return the numbers of what Devin said in a post."""
    return _SAID.findall(post)


_SAID = re.compile(r"\bStep (\d{7}) is done\.")


def _said_v3(one: Said) -> dict[str, Any]:
    return {
        "event_id": one.id,
        "source": one.source,
        "message": one.text,
        "created_at": int(one.at),
    }


def _said_v1(one: Said) -> dict[str, Any]:
    return {
        "type": "devin_message" if one.source == "devin" else "user_message",
        "event_id": one.id,
        "message": one.text,
        "timestamp": datetime.fromtimestamp(one.at, UTC).isoformat(),
        "username": None,
        "origin": None,
        "user_id": None,
    }
