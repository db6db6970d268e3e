"""The local Devin's answers: one table of states, for both generations of the API.

An answer says what happens; the page's menu shows its `meaning`. `wire` puts it into the words of
the generation that was asked: FastAPI's `detail` in v1, a `ProblemDetail` in v3. A `body` is sent
as it is by both, since a gateway or a broken server keeps to no contract. Many real bodies are not
published.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Literal, TypeAlias

Api = Literal["v1", "v3"]
Ending = Literal["answers", "drops", "refuses", "half"]
Read = Literal[
    "self", "sessions", "session", "messages", "file", "repositories", "playbooks", "members",
    "reviews",
]  # fmt: skip
"""The reads that are counted and can fail: of the caller, a list, a session, its messages, a file
that Devin sent, the two lists of what a session may be started with, the lists of members, and
reviews, with the requests for them. A session of v1 comes with
its messages, and v1 has no read of the caller and none of repositories."""
Quirk = Literal[
    "refuses unknown ids", "gives no cursor", "gives ISO times", "lists messages only at rest",
    "sleeps on",
]  # fmt: skip
"""What version 3 may do, as no document says otherwise: refuse a list whose filter has an id that
it doesn't know, leave out the cursor of a page that another one follows, give times as text, or
take a message without waking the session."""

RetryAfter = float | str | datetime
DownloadFailure = int | Literal["cut", "unsized"]
"""The status that the storage answers, a body whose second half never comes, or one whose length is
not told."""
ReadFailure: TypeAlias = "int | tuple[int, RetryAfter] | Answer"
"""The status that a read is answered with, with its `Retry-After` if it has one; or the answer."""

JSON = "application/json"
HTML = "text/html"
PLAIN = "text/plain"

SUSPENDED = "Session is suspended. The message was not delivered."
OUT_OF_CREDITS = "Session is suspended: the organization is out of credits."
CAPPED = "Session is suspended: it has reached its ACU limit."
FINISHED = "Session has finished and no longer accepts messages."
ARCHIVED = "Session is archived and no longer accepts messages."
FAILED = "Session has failed and no longer accepts messages."
NOT_FOUND = "Session not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The end of a request: its response, whether the message is kept, and the connection's end.

    `detail` is worded by each generation; `body` replaces its words in both. `v3` is the answer of
    the later generation where it differs.
    """

    meaning: str
    status: int = 200
    detail: object = None
    body: str | None = None
    content_type: str = JSON
    retry_after: str | None = None
    takes: bool = False
    resumes: bool = False
    ending: Ending = "answers"
    delay: float = 0.0
    until: asyncio.Event | None = None
    v3: "Answer | None" = None

    def by(self, api: Api) -> "Answer":
        """Return the answer of that generation."""
        return self if api == "v1" or self.v3 is None else self.v3

    async def pause(self) -> None:
        """Wait for as long as the session takes to answer."""
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.until is not None:
            await self.until.wait()


class UnknownStateError(ValueError):
    """A session was given a state that the table does not have."""


def _gateway(meaning: str, status: int, title: str) -> Answer:
    """The page of the gateway in front of the API."""
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(meaning=meaning, status=status, body=page, content_type=HTML)


def _ended(meaning: str, detail: str) -> Answer:
    """A session that is over: v1 says so in a 200, v3 in a conflict."""
    conflict = Answer(meaning=f"{meaning} (409)", status=409, detail=detail)
    return Answer(meaning=f"{meaning} (200)", detail=detail, v3=conflict)


_REJECTED = [
    {
        "type": "string_too_long",
        "loc": ["body", "message"],
        "msg": "String should have at most 2000 characters",
        "input": "…",
        "ctx": {"max_length": 2000},
    },
    {
        "type": "value_error",
        "loc": ["body", "message", 0],
        "msg": "Value error, the first line must not be empty",
        "input": "…",
    },
]

STATES: Mapping[str, Answer] = {
    "running": Answer(meaning="Running", takes=True),
    "blocked": Answer(meaning="Waiting for someone", takes=True),
    "approval": Answer(meaning="Waiting for approval", takes=True),
    "idle": Answer(meaning="Done for now", takes=True),
    "suspended": Answer(
        meaning="Suspended",
        detail=SUSPENDED,
        v3=Answer(meaning="Suspended (resumes)", takes=True, resumes=True),
    ),
    "out_of_credits": Answer(
        meaning="Out of credits",
        detail=OUT_OF_CREDITS,
        v3=Answer(meaning="Out of credits", takes=True),
    ),
    "capped": Answer(
        meaning="Used up its cap", detail=CAPPED, v3=Answer(meaning="Used up its cap", takes=True)
    ),
    "finished": _ended("Finished", FINISHED),
    "failed": _ended("Failed", FAILED),
    "archived": _ended("Archived", ARCHIVED),
    "slow": Answer(meaning="Answers late", takes=True, delay=2.0),
    "rejects": Answer(meaning="Rejects message (422)", status=422, detail=_REJECTED),
    "unauthorized": Answer(meaning="Rejects API key (401)", status=401, detail="Invalid API key"),
    "forbidden": Answer(
        meaning="Denies access (403)", status=403, detail="Not authorized to access this session"
    ),
    "missing": Answer(meaning="Doesn't exist (404)", status=404, detail=NOT_FOUND),
    "rate_limited": Answer(meaning="Rate limited (429)", status=429, detail="Rate limit exceeded"),
    "down": Answer(meaning="Unavailable (503)", status=503, detail="Service unavailable"),
    "server_error": Answer(
        meaning="Server error (500)", status=500, body="Internal Server Error", content_type=PLAIN
    ),
    "gateway": _gateway("Bad gateway (502)", 502, "502 Bad Gateway"),
    "timeout": _gateway("Gateway timeout (504)", 504, "504 Gateway Time-out"),
    "drops": Answer(meaning="Accepts, then hangs up", takes=True, ending="drops"),
    "half": Answer(meaning="Accepts, answers half", takes=True, ending="half"),
    "refuses": Answer(meaning="Drops the connection", ending="refuses"),
    "garbage": Answer(meaning="Nonsense (200)", body="{'ok': True"),
    "teapot": Answer(
        meaning="Plain text (418)", status=418, body="I'm a teapot", content_type=PLAIN
    ),
    "other": _gateway("Bad request (400)", 400, "400 Bad Request"),
}
ENDED = frozenset({"finished", "failed", "archived"})
"""The states in which a session is over."""
SHOWN = ENDED | {"blocked", "approval", "idle", "suspended", "out_of_credits", "capped"}
"""The states that a read shows; in any other than these, only messages fare differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A test's changes to a state's answer; None keeps the table's value."""

    detail: object = None
    status: int | None = None
    body: object = None
    retry_after: RetryAfter | None = None
    delay: float | None = None
    until: asyncio.Event | None = None
    takes: bool | None = None


def answer_in(state: str, changes: Changes | None = None) -> Answer:
    """Return the answer of a session in `state`; raises `UnknownStateError` if there is none."""
    if state not in STATES:
        raise UnknownStateError(f"unknown state {state!r}; known are {', '.join(STATES)}")
    answer = STATES[state]
    if changes is None:
        return answer
    later = None if answer.v3 is None else _changed(answer.v3, changes)
    return replace(_changed(answer, changes), v3=later)


def _changed(answer: Answer, changes: Changes) -> Answer:
    if changes.detail is not None:
        answer = replace(answer, detail=changes.detail, body=None, content_type=JSON)
    if changes.body is not None:
        answer = _with_body(answer, changes.body)
    return replace(
        answer,
        status=answer.status if changes.status is None else changes.status,
        delay=answer.delay if changes.delay is None else changes.delay,
        until=changes.until,
        takes=answer.takes if changes.takes is None else changes.takes,
        retry_after=retry_after_of(changes.retry_after),
    )


def _with_body(answer: Answer, body: object) -> Answer:
    """Set the body: text as it is, HTML or plain by its first character; anything else as JSON."""
    if not isinstance(body, str):
        return replace(answer, body=json.dumps(body), content_type=JSON)
    content_type = HTML if body.lstrip().startswith("<") else PLAIN
    return replace(answer, body=body, content_type=content_type)


def retry_after_of(value: RetryAfter | None) -> str | None:
    """Return the header: a number of seconds, any text, or an HTTP date."""
    if isinstance(value, datetime):
        return format_datetime(value, usegmt=True)
    if isinstance(value, float):
        return f"{value:g}"  # RFC 9110 has whole seconds, which JSON may have made 4.0
    return None if value is None else str(value)
