"""Devin's API: the only module that speaks HTTP to it.

Every failure of the wire is an answer: a `Wait` where nothing was sent and the same call may be
made again, an uncertain `Outcome` where it may have been. What Devin's own answers mean is told by
`devin/v1/responses.py`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from bot.devin.multipart import Multipart
from bot.devin.v1.responses import PostMessageParams, attachment_address, parse_answer
from bot.devin.v1.sessions import Look, find, listed, title_of
from bot.model.arrivals import Arrival
from bot.model.outcomes import Outcome, OutcomeKind, Wait
from bot.model.sessions import Listed, SessionId

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(connect=5.0, write=10.0, read=30.0, pool=5.0)

BODY_LIMIT = 64 * 1024
"""As much of an answer as is read; what the contract describes is far below."""

SESSION_LIMIT = 8 * 1024 * 1024
"""As much of a session's record as is read; a longer one cannot be searched."""

TITLE_LIMIT = 1024 * 1024
"""As much of it as is read for its title, which somebody waits for."""

LOOK_SECONDS = 5.0
LIST_SECONDS = 0.8
"""Somebody waits for the list, or for titles, and does without them."""

TOTAL_SECONDS = 45.0
"""For a whole call: httpx' read timeout starts anew with each byte."""

ADDRESSES = 1_000
"""Sessions whose address is remembered: httpx takes longer over it than over the rest of a call."""

# Nothing has reached Devin when one of these is raised: no connection was made, or none was free.
# httpx-aiohttp 0.2 maps *every* lost connection to httpx.ConnectTimeout, also one that was lost
# after sending, so the cause is what counts, not the httpx class. The first that fits is told.
_NOT_SENT: Sequence[tuple[type[Exception], str]] = (
    (aiohttp.ClientConnectorDNSError, "its address was not found"),
    (aiohttp.ClientSSLError, "no secure connection"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A read's status and body; `skew` is how far Devin's clock was ahead of the caller's."""

    status: int
    body: bytes
    skew: timedelta


def _now() -> datetime:
    return datetime.now(UTC)


class Devin:
    """Devin's sessions, as far as a relay needs them."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        transport: httpx.AsyncBaseTransport,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._client = client
        self._transport = transport
        self._total_seconds = total_seconds
        self._base_url = str(client.base_url).rstrip("/")
        self._headers = httpx.Headers(client.headers)
        self._headers["Content-Type"] = "application/json"
        self._headers["Host"] = client.base_url.netloc.decode()
        self._timeout = {"timeout": client.timeout.as_dict()}

    async def post_message(self, session: SessionId, message: str) -> Outcome | Wait:
        """Send `message` to `session`; every failure of the wire is an answer, none is raised.

        It is sent once: a lost answer is `UNCERTAIN`, never sent again from here.
        """
        body = PostMessageParams(message=message).model_dump_json().encode()
        url = _address(self._base_url, session)
        try:
            async with asyncio.timeout(self._total_seconds), self._sent(url, body) as response:
                body = self._keyless(await _start_of(response))
                return parse_answer(response.status_code, response.headers, body)
        except (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError) as error:
            # asyncio.timeout raises its TimeoutError from a CancelledError, which tells nothing.
            is_ours = isinstance(error, TimeoutError)
            return _failure(error if is_ours else error.__cause__ or error)

    async def upload(self, form: Multipart) -> str | Outcome | Wait:
        """Give Devin a file; its address, or what became of it otherwise. Never raises.

        `POST /v1/attachments` with the field `file` answers with the address
        (docs.devin.ai, "Upload files for Devin to work with"). An upload that is made twice leaves
        a file that nobody refers to.
        """
        try:
            async with (
                asyncio.timeout(self._total_seconds),
                self._client.stream(
                    "POST", "/v1/attachments", content=form.content(), headers=form.headers
                ) as response,
            ):
                status, body = response.status_code, await _start_of(response)
        except (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError) as error:
            is_ours = isinstance(error, TimeoutError)
            return _failure(error if is_ours else error.__cause__ or error)
        if status == HTTPStatus.OK and (address := attachment_address(body)):
            return address
        answer = parse_answer(status, response.headers, self._keyless(body))
        is_wait = isinstance(answer, Wait)
        return answer if is_wait else Outcome(kind=OutcomeKind.REFUSED, status=status)

    async def look(
        self,
        session: SessionId,
        message: str,
        since: datetime,
        arrivals: Sequence[Arrival],
        clock: Callable[[], datetime],
    ) -> Look:
        """Whether the session lists `message`, behind `arrivals`, since then; never raises.

        `clock` is the one that `since` and `arrivals` were read from.
        """
        path = f"/v1/sessions/{quote(session, safe='')}"
        answer = await self._get(path, LOOK_SECONDS, clock=clock)
        if answer is None:
            return Look.AWAY
        if answer.status == HTTPStatus.OK:
            return find(answer.body, message, since, arrivals, answer.skew)
        is_passing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        is_passing |= answer.status == HTTPStatus.TOO_MANY_REQUESTS
        return Look.AWAY if is_passing else Look.UNREADABLE

    async def recent(self, limit: int) -> Sequence[Listed]:
        """Sessions that have not ended, as Devin lists them; none if it does not. Never raises."""
        answer = await self._get("/v1/sessions", LIST_SECONDS, limit=limit)
        found = listed(answer.body) if answer and answer.status == HTTPStatus.OK else None
        if found is None:
            log.warning("sessions not listed", extra={"status": answer.status if answer else 0})
        return (found or ())[:limit]

    async def titled(self, sessions: Sequence[SessionId]) -> Sequence[Listed]:
        """`sessions` with their titles, each read on its own. Never raises.

        A title is empty where Devin does not tell it within `LIST_SECONDS`.
        """
        return await asyncio.gather(*(self._titled(session) for session in sessions))

    async def _titled(self, session: SessionId) -> Listed:
        path = f"/v1/sessions/{quote(session, safe='')}"
        answer = await self._get(path, LIST_SECONDS, TITLE_LIMIT)
        is_read = answer is not None and answer.status == HTTPStatus.OK
        return Listed(session, title_of(answer.body) if answer and is_read else "")

    async def _get(
        self,
        path: str,
        seconds: float,
        most: int = SESSION_LIMIT,
        clock: Callable[[], datetime] = _now,
        **params: int,
    ) -> "_Answer | None":
        """What a read is answered, `most` bytes of it; None without an answer in time."""
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream("GET", path, params=params) as response,
            ):
                skew = _skew(response.headers, clock())
                body = await _start_of(response, most)
                return _Answer(response.status_code, body, skew)
        except (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError):
            return None

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

    @asynccontextmanager
    async def _sent(self, url: httpx.URL, body: bytes) -> AsyncIterator[httpx.Response]:
        """POST without the client's redirects, cookies and authentication, of which we use none.

        This is the call that every reply makes.
        """
        # With `content` httpx would build the headers twice, to add a length that aiohttp adds.
        request = httpx.Request(
            "POST",
            url,
            headers=self._headers,
            stream=httpx.ByteStream(body),
            extensions=self._timeout,
        )
        request.read()
        response = await self._transport.handle_async_request(request)
        response.request = request
        try:
            yield response
        finally:
            await response.aclose()

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
    transport = AiohttpTransport(limits=httpx.Limits(max_connections=connections))
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key.get_secret_value()}", "User-Agent": "devin-relay"},
        timeout=timeouts,
        transport=transport,
        trust_env=False,
    ) as client:
        yield Devin(client, transport, total_seconds)


@lru_cache(maxsize=ADDRESSES)
def _address(base_url: str, session: SessionId) -> httpx.URL:
    return httpx.URL(f"{base_url}/v1/sessions/{quote(session, safe='')}/message")


def _skew(headers: Mapping[str, str], now: datetime) -> timedelta:
    """By the `Date` of an answer (RFC 9110, 6.6.1), to a second; none where it tells no time."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        return date.replace(tzinfo=date.tzinfo or UTC) - now
    except (TypeError, ValueError, OverflowError):
        return timedelta(0)


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
