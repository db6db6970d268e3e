"""Parses Devin's answers: each is an `Outcome`, or a `Wait` if nothing was accepted.

Their form follows the API's v1 OpenAPI description (`tests/contract/devin-v1.openapi.yaml`), where
200 has two meanings: `null` for sent, and a `detail` for a session that did not confirm it. Other
statuses, and the `Retry-After` of a 429, are not described; they are read as HTTP defines them.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.devin.api import Failure, Probe
from bot.model.lenient import encodable, parse_object, string
from bot.model.outcomes import Outcome, OutcomeKind, Problem, Refusal, Wait
from bot.model.sessions import SessionId, parse_session

DETAIL_LIMIT = 32_000
"""Most characters that are kept of Devin's text; a thread shows fewer, and is told the number."""

PROBLEM_LIMIT = 20


class PostMessageParams(BaseModel):
    """The request body; the contract has only `message`."""

    model_config = ConfigDict(title="PostMessageParams", hide_input_in_errors=True)

    message: str


class CreateSessionParams(BaseModel):
    """The body that starts a session; the other documented fields keep their defaults."""

    model_config = ConfigDict(hide_input_in_errors=True)

    prompt: str
    title: str | None
    tags: Sequence[str] | None


class MessageSentResponse(BaseModel):
    """A 200 that describes the session's state in words."""

    detail: str


class ValidationProblem(BaseModel):
    """One entry of a 422."""

    model_config = ConfigDict(title="ValidationError")

    loc: list[Annotated[str | int, Field(union_mode="left_to_right")]] = Field(title="Location")
    msg: str = Field(title="Message")
    type: str = Field(title="Error Type")


class HTTPValidationError(BaseModel):
    """The body of a 422."""

    detail: list[ValidationProblem] = []


_REFUSALS: Mapping[int, Refusal] = {
    HTTPStatus.UNAUTHORIZED: Refusal.KEY_REJECTED,
    HTTPStatus.FORBIDDEN: Refusal.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Refusal.NO_SESSION,
}

_SENT: TypeAdapter[MessageSentResponse | None] = TypeAdapter(MessageSentResponse | None)


def parse_answer(status: int, headers: Mapping[str, str], body: bytes) -> Outcome | Wait:
    """Parse Devin's answer to a message; never raises."""
    if status == HTTPStatus.OK:
        return _read_sent(body)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return Wait(f"HTTP {status}", _retry_after(headers.get("retry-after", "")))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome(kind=OutcomeKind.UNCERTAIN, detail=f"HTTP {status}", status=status)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and (problems := _problems(body)):
        return _refused(Refusal.INVALID, status, problems=problems)
    return _refused(_REFUSALS.get(status, Refusal.OTHER), status, body)


def parse_created(status: int, headers: Mapping[str, str], body: bytes) -> SessionId | Failure:
    """Parse Devin's answer to the start of a session; never raises.

    A success that does not name a session may have started one all the same.
    """
    if status != HTTPStatus.OK:
        return parse_answer(status, headers, body)
    named = parse_session(string(parse_object(body) or {}, "session_id"))
    return named or Outcome(kind=OutcomeKind.UNCERTAIN, detail=f"HTTP {status}", status=status)


def parse_probe(status: int) -> Probe:
    """Parse the answer to a message that lacks its required field, as a test of the key.

    Such a message is refused before any session sees it: 401 and 403 mean a bad key, 404 and 422 a
    valid one.
    """
    is_good = status in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
    return Probe(None if is_good else _REFUSALS.get(status, Refusal.OTHER), str(status))


def _read_sent(body: bytes) -> Outcome:
    try:
        answer = _SENT.validate_json(body)
    except ValidationError:
        detail = _detail(body)
        if detail is None:
            return _refused(Refusal.OTHER, HTTPStatus.OK, body)
    else:
        if answer is None:
            return Outcome(kind=OutcomeKind.DELIVERED, status=HTTPStatus.OK)
        detail = answer.detail
    return Outcome(kind=OutcomeKind.SUSPENDED, detail=detail[:DETAIL_LIMIT], status=HTTPStatus.OK)


def _refused(
    refusal: Refusal, status: int, body: bytes = b"", problems: tuple[Problem, ...] = ()
) -> Outcome:
    return Outcome(
        kind=OutcomeKind.REFUSED,
        refusal=refusal,
        status=status,
        detail=_plain(body)[:DETAIL_LIMIT],
        problems=problems,
    )


def _problems(body: bytes) -> tuple[Problem, ...]:
    try:
        error = HTTPValidationError.model_validate_json(body)
    except ValidationError:
        return ()
    return tuple(
        Problem(
            where=" → ".join(str(part) for part in one.loc)[:200],
            what=one.msg[:500],
            type=one.type[:100],
        )
        for one in error.detail[:PROBLEM_LIMIT]
    )


def _plain(body: bytes) -> str:
    """Return the text of FastAPI's `{"detail": "..."}`; any other body is returned as text."""
    detail = _detail(body)
    return body.decode(errors="replace") if detail is None else detail


def _detail(body: bytes) -> str | None:
    """Return the `detail` of a JSON object, if it is text, made safe to encode as UTF-8."""
    detail = (parse_object(body) or {}).get("detail")
    return encodable(detail) if isinstance(detail, str) else None


def _retry_after(value: str) -> float | None:
    """Parse either form of `Retry-After` (RFC 9110, 10.2.3) into seconds from now."""
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")


def attachment_address(body: bytes) -> str | None:
    """Parse the address of an uploaded file: a JSON string, or bare, as in the documented sample.

    Return None for anything that cannot stand between quotes on a line of its own.
    """
    text = body.decode(errors="replace").strip().strip('"')
    return text if _ADDRESS.fullmatch(text) and '"' not in text else None
