"""The local Devin's answers: one table of states.

`null`, `{"detail": string}` and the 422 list are the contract's; the other bodies have the shape
that FastAPI and the gateways before it use, since the real ones are not published.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

Ending = Literal["answers", "drops", "refuses", "half"]

JSON = "application/json"
HTML = "text/html"
PLAIN = "text/plain"

SUSPENDED = "Session is suspended. The message was not delivered."
FINISHED = "Session has finished and takes no more messages."
NOT_FOUND = "Session not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The end of a request: its response, whether the message is kept, and the connection's end."""

    meaning: str
    status: int = 200
    body: str = "null"
    content_type: str = JSON
    retry_after: str | None = None
    takes: bool = False
    ending: Ending = "answers"
    delay: float = 0.0
    until: asyncio.Event | None = None

    async def pause(self) -> None:
        """Wait for as long as the session takes to answer."""
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.until is not None:
            await self.until.wait()


class UnknownStateError(ValueError):
    """A session was given a state that the table does not have."""


def detailed(detail: object) -> str:
    """The body in which FastAPI says what is wrong."""
    return json.dumps({"detail": detail})


def _gateway_page(title: str) -> str:
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )


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
    "running": Answer(meaning="takes every message", takes=True),
    "suspended": Answer(meaning="200 with a detail", body=detailed(SUSPENDED)),
    "finished": Answer(meaning="200, has finished", body=detailed(FINISHED)),
    "slow": Answer(meaning="takes it, answers late", takes=True, delay=2.0),
    "rejects": Answer(meaning="422, two errors", status=422, body=detailed(_REJECTED)),
    "unauthorized": Answer(
        meaning="401, key rejected", status=401, body=detailed("Invalid API key")
    ),
    "forbidden": Answer(
        meaning="403, may not write",
        status=403,
        body=detailed("Not authorized to access this session"),
    ),
    "missing": Answer(meaning="404, no such session", status=404, body=detailed(NOT_FOUND)),
    "rate_limited": Answer(meaning="429", status=429, body=detailed("Rate limit exceeded")),
    "down": Answer(meaning="503", status=503, body=detailed("Service unavailable")),
    "server_error": Answer(
        meaning="500", status=500, body="Internal Server Error", content_type=PLAIN
    ),
    "gateway": Answer(
        meaning="502, an HTML page",
        status=502,
        body=_gateway_page("502 Bad Gateway"),
        content_type=HTML,
    ),
    "timeout": Answer(
        meaning="504, an HTML page",
        status=504,
        body=_gateway_page("504 Gateway Time-out"),
        content_type=HTML,
    ),
    "drops": Answer(meaning="takes it, then hangs up", takes=True, ending="drops"),
    "half": Answer(meaning="takes it, 200, hangs up", takes=True, ending="half"),
    "refuses": Answer(meaning="hangs up before reading", ending="refuses"),
    "garbage": Answer(meaning="200, not JSON", body="{'ok': True"),
    "teapot": Answer(
        meaning="418, plain text", status=418, body="I'm a teapot", content_type=PLAIN
    ),
    "other": Answer(
        meaning="400, an HTML page",
        status=400,
        body=_gateway_page("400 Bad Request"),
        content_type=HTML,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A test's changes to a state's answer; None keeps the table's value."""

    detail: object = None
    status: int | None = None
    body: object = None
    retry_after: float | str | datetime | None = None
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
    if changes.detail is not None:
        answer = replace(answer, body=detailed(changes.detail), content_type=JSON)
    if changes.body is not None:
        answer = _with_body(answer, changes.body)
    return replace(
        answer,
        status=answer.status if changes.status is None else changes.status,
        delay=answer.delay if changes.delay is None else changes.delay,
        until=changes.until,
        takes=answer.takes if changes.takes is None else changes.takes,
        retry_after=_retry_after(changes.retry_after),
    )


def _with_body(answer: Answer, body: object) -> Answer:
    """Set the body: text as it is, HTML or plain by its first character; anything else as JSON."""
    if not isinstance(body, str):
        return replace(answer, body=json.dumps(body), content_type=JSON)
    content_type = HTML if body.lstrip().startswith("<") else PLAIN
    return replace(answer, body=body, content_type=content_type)


def _retry_after(value: float | str | datetime | None) -> str | None:
    if isinstance(value, datetime):
        return format_datetime(value, usegmt=True)
    if isinstance(value, float):
        return f"{value:g}"  # RFC 9110 has whole seconds, which JSON may have made 4.0
    return None if value is None else str(value)
