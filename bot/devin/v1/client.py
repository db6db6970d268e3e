"""The HTTP client for version 1: every method is one operation, and every failure is a value.

`v1/wire.py` interprets failures of the connection, and `v1/responses.py` Devin's own answers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from bot.devin.api import (
    Cursor,
    Failure,
    MessagePage,
    OutgoingFile,
    Probe,
    SessionSummary,
    Unread,
    utc_now,
)
from bot.devin.multipart import Multipart
from bot.devin.v1.responses import (
    CreateSessionParams,
    PostMessageParams,
    attachment_address,
    parse_answer,
    parse_created,
    parse_probe,
)
from bot.devin.v1.sessions import behind, cursor_of, parse_list, parse_messages, parse_record
from bot.devin.wire import LOST, Answer, failure, skew, start_of
from bot.model.outcomes import Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import SessionId

TIMEOUT = httpx.Timeout(connect=5.0, write=10.0, read=30.0, pool=5.0)

SESSION_LIMIT = 8 * 1024 * 1024
"""The part of a session's record that is read, in bytes; a longer record cannot be searched."""

STATE_LIMIT = 1024 * 1024
"""The part of a record that is read for its title and state, while a person waits."""

LOOK_SECONDS = 5.0
LIST_SECONDS = 0.8
"""The timeout of lists and titles: a person waits for them, and can do without them."""

TOTAL_SECONDS = 45.0
"""The timeout of a whole call: httpx's read timeout restarts with each byte."""

JSON = {"Content-Type": "application/json"}


class DevinV1:
    """A client for Devin's sessions by version 1 of its API.

    Messages come only with their whole session, so `messages` reads all of it each time. No call
    returns the states of several sessions, so `states` reads each by its own call, concurrently.
    """

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
        self._headers.update(JSON)
        self._headers["Host"] = client.base_url.netloc.decode()
        self._timeout = {"timeout": client.timeout.as_dict()}

    async def post_message(self, session: SessionId, message: str) -> Outcome | Wait:
        """Send `message` to `session`, once: a lost answer is `UNCERTAIN`, never sent again."""
        body = PostMessageParams(message=message).model_dump_json().encode()
        answer = await self._answered(self._sent(f"{_path(session)}/message", body))
        if not isinstance(answer, Answer):
            return answer
        return parse_answer(answer.status, answer.headers, answer.body)

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> MessagePage | Unread:
        """Read the session, and keep the messages behind the one whose id is `after`."""
        answer = await self._get(_path(session), LOOK_SECONDS, clock=clock)
        if isinstance(answer, Unread):
            return answer
        found = parse_messages(answer.body)
        if found is None:
            return Unread(answer.status)
        return MessagePage(behind(found, after), cursor_of(found, after), answer.skew)

    async def states(self, sessions: Sequence[SessionId]) -> Sequence[SessionSummary]:
        """Read each of `sessions`; one that takes longer than `LIST_SECONDS` is left out."""
        found = await asyncio.gather(*(self._state(session) for session in sessions))
        return [one for one in found if one is not None]

    async def _state(self, session: SessionId) -> SessionSummary | None:
        answer = await self._get(_path(session), LIST_SECONDS, STATE_LIMIT)
        return None if isinstance(answer, Unread) else parse_record(session, answer.body)

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`, within `LIST_SECONDS`."""
        answer = await self._get("/v1/sessions", LIST_SECONDS, limit=limit, tags=tags)
        if isinstance(answer, Unread):
            return answer
        found = parse_list(answer.body)
        return Unread(answer.status) if found is None else found[:limit]

    async def upload(self, file: OutgoingFile) -> str | Failure:
        """Upload a file and return its address.

        `POST /v1/attachments` with the field `file` returns the address
        (docs.devin.ai, "Upload files for Devin to work with").
        """
        form = Multipart(file.name, file.kind, file.chunks, file.size)
        answer = await self._answered(
            self._client.stream(
                "POST", "/v1/attachments", content=form.content(), headers=form.headers
            )
        )
        if not isinstance(answer, Answer):
            return answer
        if answer.status == HTTPStatus.OK and (address := attachment_address(answer.body)):
            return address
        found = parse_answer(answer.status, answer.headers, answer.body)
        is_wait = isinstance(found, Wait)
        return found if is_wait else Outcome(kind=OutcomeKind.REFUSED, status=answer.status)

    async def create(
        self, prompt: str, title: str = "", tags: Sequence[str] = ()
    ) -> SessionId | Failure:
        """Start a session (docs.devin.ai, "Create a new Devin session"), once.

        `idempotent` is left out: it would return an earlier session for the same prompt.
        """
        params = CreateSessionParams(prompt=prompt, title=title or None, tags=tags or None)
        answer = await self._answered(
            self._client.stream(
                "POST", "/v1/sessions", content=params.model_dump_json(), headers=JSON
            )
        )
        if not isinstance(answer, Answer):
            return answer
        return parse_created(answer.status, answer.headers, answer.body)

    async def end(self, session: SessionId) -> Failure | None:
        """Terminate the session (docs.devin.ai, "Terminate a session")."""
        answer = await self._answered(self._client.stream("DELETE", _path(session)))
        if not isinstance(answer, Answer):
            return answer
        if answer.status == HTTPStatus.OK:
            return None
        return parse_answer(answer.status, answer.headers, answer.body)

    async def probe(self) -> Probe:
        """Test the key by a message that lacks its required field, which reaches no session."""
        try:
            response = await self._client.post("/v1/sessions/devin-0/message", json={})
        except LOST as error:
            return Probe(Refusal.OTHER, type(error.__cause__ or error).__name__)
        return parse_probe(response.status_code)

    async def _answered(
        self, opening: AbstractAsyncContextManager[httpx.Response]
    ) -> Answer | Failure:
        """Return Devin's answer to a write, without our key; without one, the failure."""
        try:
            async with asyncio.timeout(self._total_seconds), opening as response:
                body = self._keyless(await start_of(response))
                return Answer(response.status_code, response.headers, body)
        except LOST as error:
            return failure(error)

    async def _get(
        self,
        path: str,
        seconds: float,
        most: int = SESSION_LIMIT,
        clock: Callable[[], datetime] = utc_now,
        **params: int | Sequence[str],
    ) -> Answer | Unread:
        """Return the answer to a read that succeeded in time, at most `most` bytes of it."""
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream("GET", path, params=params) as response,
            ):
                status, ahead = response.status_code, skew(response.headers, clock())
                body = await start_of(response, most)
        except LOST:
            return Unread()
        is_read = status == HTTPStatus.OK
        return Answer(status, response.headers, body, ahead) if is_read else Unread(status)

    @asynccontextmanager
    async def _sent(self, path: str, body: bytes) -> AsyncIterator[httpx.Response]:
        """POST without the client's redirects, cookies and authentication, of which we use none.

        Every reply makes this call, and the client would add an eighth to the CPU time of a reply
        (docs/architecture/decisions/0025).
        """
        # With `content`, httpx would build the headers twice, to add a length that aiohttp adds.
        request = httpx.Request(
            "POST",
            f"{self._base_url}{path}",
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
        """Mask our key, which debug pages may echo with the request, before it reaches Slack."""
        key = self._client.headers.get("Authorization", "").partition(" ")[2]
        return body.replace(key.encode(), b"(key)") if key else body


@asynccontextmanager
async def open_devin(
    url: str,
    key: SecretStr,
    connections: int,
    timeouts: httpx.Timeout = TIMEOUT,
    total_seconds: float = TOTAL_SECONDS,
) -> AsyncIterator[DevinV1]:
    """Open a client for the API at `url`, for the life of the process.

    httpx's own transport collapses above some 32 concurrent requests; aiohttp's does not.
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
        yield DevinV1(client, transport, total_seconds)


def _path(session: SessionId) -> str:
    return f"/v1/sessions/{quote(session, safe='')}"
