"""Devin's API: the only module that speaks HTTP to it.

Every answer of `POST /v1/sessions/{session_id}/message` becomes an `Outcome`, or a `Wait` where
nothing was sent and the same call may be made again. Wire facts: the API's v1 OpenAPI description
(kept in `tests/contract/devin-v1.openapi.yaml`), where 200 has two meanings: `null` for sent, and a
`detail` for a session that did not confirm it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from bot.devin_session import Look, find
from bot.models import Outcome, OutcomeKind, Problem, Refusal, SessionId, Wait

TIMEOUT = httpx.Timeout(connect=5.0, write=10.0, read=30.0, pool=5.0)

BODY_LIMIT = 64 * 1024
"""As much of an answer as is read; what the contract describes is far below."""

DETAIL_LIMIT = 32_000
"""As much of Devin's words as is kept; a thread is shown less, and told how much there is."""

PROBLEM_LIMIT = 20

SESSION_LIMIT = 8 * 1024 * 1024
"""As much of a session's record as is read; a longer one cannot be searched."""

LOOK_SECONDS = 5.0

TOTAL_SECONDS = 45.0
"""For a whole call: httpx' read timeout starts anew with each byte."""

# Nothing has reached Devin when one of these is raised: no connection was made, or none was free.
# httpx-aiohttp 0.2 maps *every* lost connection to httpx.ConnectTimeout, also one that was lost
# after sending, so the cause is what counts, not the httpx class. The first that fits is told.
_NOT_SENT: Sequence[tuple[type[Exception], str]] = (
    (aiohttp.ClientConnectorDNSError, "its address was not found"),
    (aiohttp.ClientSSLError, "no secure connection"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
)


class PostMessageParams(BaseModel):
    """The request body; nothing beside `message` is in the contract."""

    model_config = ConfigDict(title="PostMessageParams")

    message: str


class MessageSentResponse(BaseModel):
    """A 200 that says the session's state in words."""

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


class Devin:
    """Devin's sessions, as far as a relay needs them."""

    def __init__(self, client: httpx.AsyncClient, total_seconds: float = TOTAL_SECONDS) -> None:
        self._client = client
        self._total_seconds = total_seconds

    async def post_message(self, session: SessionId, message: str) -> Outcome | Wait:
        """Send `message` to `session`; every failure of the wire is an answer, none is raised.

        It is sent once: a lost answer is `UNCERTAIN`, never sent again from here.
        """
        path = f"/v1/sessions/{quote(session, safe='')}/message"
        body = PostMessageParams(message=message).model_dump(mode="json")
        try:
            async with (
                asyncio.timeout(self._total_seconds),
                self._client.stream("POST", path, json=body) as response,
            ):
                return _read(response, self._keyless(await _start_of(response)))
        except (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError) as error:
            # asyncio.timeout raises its TimeoutError from a CancelledError, which tells nothing.
            is_ours = isinstance(error, TimeoutError)
            return _failure(error if is_ours else error.__cause__ or error)

    async def look(self, session: SessionId, message: str, since: datetime) -> Look:
        """Whether the session lists `message` among what users wrote since then; never raises."""
        path = f"/v1/sessions/{quote(session, safe='')}"
        try:
            async with (
                asyncio.timeout(LOOK_SECONDS),
                self._client.stream("GET", path) as response,
            ):
                status, body = response.status_code, await _start_of(response, SESSION_LIMIT)
        except (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError):
            return Look.AWAY
        if status == HTTPStatus.OK:
            return find(body, message, since)
        is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        is_passing |= status == HTTPStatus.TOO_MANY_REQUESTS
        return Look.AWAY if is_passing else Look.UNREADABLE

    async def probe(self) -> str:
        """Say in a word how Devin takes our key, without sending anything to a session.

        A message that lacks its required field is refused before any session sees it: 401 and 403
        speak of the key, 404 and 422 of a key that is good.
        """
        try:
            response = await self._client.post("/v1/sessions/devin-0/message", json={})
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            return type(error.__cause__ or error).__name__
        return str(response.status_code)

    def _keyless(self, body: bytes) -> bytes:
        """An answer that echoes the request, as debug pages do, must not bring our key to Slack."""
        key = self._client.headers.get("Authorization", "").partition(" ")[2]
        return body.replace(key.encode(), b"(key)") if key else body


@asynccontextmanager
async def open_devin(
    url: str,
    key: SecretStr,
    connections: int,
    timeouts: httpx.Timeout = TIMEOUT,
    total_seconds: float = TOTAL_SECONDS,
) -> AsyncIterator[Devin]:
    """A client for the API at `url`, for the life of the process, with that many connections.

    httpx's own transport collapses above some 32 requests in flight; over aiohttp it does not.
    Redirects are not followed: they would carry the key to another place.
    """
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key.get_secret_value()}", "User-Agent": "devin-relay"},
        timeout=timeouts,
        transport=AiohttpTransport(limits=httpx.Limits(max_connections=connections)),
        trust_env=False,
    ) as client:
        yield Devin(client, total_seconds)


def _failure(cause: BaseException) -> Outcome | Wait:
    for kind, why in _NOT_SENT:
        if isinstance(cause, kind):
            return Wait(why)
    why = "no answer in time" if isinstance(cause, TimeoutError) else "connection lost"
    return Outcome(kind=OutcomeKind.UNCERTAIN, detail=why)


async def _start_of(response: httpx.Response, limit: int = BODY_LIMIT) -> bytes:
    """The beginning of the body, as far as it can be decoded.

    A body that breaks off counts as its beginning where the status says what became of the message;
    a 200 has two meanings, so there the loss is raised.
    """
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) >= limit:
                break
    except httpx.DecodingError:
        return body
    except (httpx.HTTPError, aiohttp.ClientError, OSError):
        if response.status_code == HTTPStatus.OK:
            raise
    return body[:limit]


def _read(response: httpx.Response, body: bytes) -> Outcome | Wait:
    status = response.status_code
    if status == HTTPStatus.OK:
        return _read_sent(body)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return Wait(f"HTTP {status}", _retry_after(response.headers.get("retry-after", "")))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome(kind=OutcomeKind.UNCERTAIN, detail=f"HTTP {status}", status=status)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and (problems := _problems(body)):
        return _refused(Refusal.INVALID, status, problems=problems)
    return _refused(_REFUSALS.get(status, Refusal.OTHER), status, body)


def _read_sent(body: bytes) -> Outcome:
    try:
        answer = _SENT.validate_json(body)
    except ValidationError:
        return _refused(Refusal.OTHER, HTTPStatus.OK, body)
    if answer is None:
        return Outcome(kind=OutcomeKind.DELIVERED, status=HTTPStatus.OK)
    return Outcome(
        kind=OutcomeKind.SUSPENDED, detail=answer.detail[:DETAIL_LIMIT], status=HTTPStatus.OK
    )


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
    """FastAPI's `{"detail": "..."}` as its words; anything else as it came."""
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return detail if isinstance(detail, str) else body.decode(errors="replace")


def _retry_after(value: str) -> float | None:
    """Seconds from now, from either form of `Retry-After` (RFC 9110, 10.2.3)."""
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
