"""HTTP to Devin's API: a request in, the answer or its failure out; nothing here raises.

`wire.py` interprets failures of the connection.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from bot.devin.answers import unread
from bot.devin.api import Failure, OutgoingFile, Unread, utc_now
from bot.devin.downloads import CONNECTIONS, Downloads
from bot.devin.multipart import Multipart
from bot.devin.wire import LOST, Answer, Read, failure, reason, skew, start_of
from bot.runtime import metrics

TIMEOUT = httpx.Timeout(connect=5.0, write=10.0, read=30.0, pool=5.0)

TOTAL_SECONDS = 45.0
"""The timeout of a whole call: httpx's read timeout restarts with each byte."""

LOOK_SECONDS = 5.0
"""The timeout for reading a session while its mail waits."""

STATE_SECONDS = 3.0
"""The timeout for reading the state of a session that did not take a message."""

SURVEY_SECONDS = 5.0
"""The timeout of each read of a survey: no person waits for it."""

LIST_SECONDS = 0.8
"""The timeout of lists and titles: a person waits for them, and can do without them."""

READ_LIMIT = 8 * 1024 * 1024
"""The part of an answer to a read that is used, in bytes."""

RECORD_LIMIT = 1024 * 1024
"""The same for a record without messages."""

JSON = {"Content-Type": "application/json"}

_LIKE_A_KEY = re.compile(rb"\b(?:apk|cog)_[\w-]+")

Param = int | str | Sequence[str]


class DevinHttp:
    """One pool of connections to Devin's API, with the key in every request."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        transport: httpx.AsyncBaseTransport,
        downloads: Downloads,
        total_seconds: float,
    ) -> None:
        self.downloads = downloads
        self._client = client
        self._transport = transport
        self._total_seconds = total_seconds
        self._base_url = str(client.base_url).rstrip("/")
        self._bare_headers = httpx.Headers(client.headers)
        self._bare_headers["Host"] = client.base_url.netloc.decode()
        self._headers = httpx.Headers(self._bare_headers)
        self._headers.update(JSON)
        self._timeout = {"timeout": client.timeout.as_dict()}

    async def post(self, path: str, body: bytes) -> Answer | Failure:
        """POST a JSON `body`."""
        return await self._answered(self._sent("POST", path, body))

    async def delete(self, path: str) -> Answer | Failure:
        """DELETE what is at `path`."""
        return await self._answered(self._client.stream("DELETE", path))

    async def upload(self, path: str, file: OutgoingFile) -> Answer | Failure:
        """POST a file as the form's field `file`, while it is still being read."""
        form = Multipart(file.name, file.kind, file.chunks, file.size)
        return await self._answered(
            self._client.stream("POST", path, content=form.content(), headers=form.headers)
        )

    async def get(
        self,
        kind: Read,
        path: str,
        seconds: float,
        params: Mapping[str, Param] | None = None,
        clock: Callable[[], datetime] = utc_now,
        most: int = READ_LIMIT,
    ) -> Answer | Unread:
        """Return the answer to a read that succeeded within `seconds`, at most `most` bytes."""
        metrics.DEVIN_READS.labels(kind).inc()
        try:
            async with (
                asyncio.timeout(seconds),
                self._sent("GET", _with(path, params)) as response,
            ):
                status, ahead = response.status_code, skew(response.headers, clock())
                body = await start_of(response, most)
        except LOST as error:
            return Unread(why=reason(error))
        if status != HTTPStatus.OK:
            return unread(status, response.headers)
        return Answer(status, response.headers, body, ahead)

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

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, body: bytes = b""
    ) -> AsyncIterator[httpx.Response]:
        """Send without the client's redirects, cookies and authentication, of which we use none.

        Every reply and every look at sessions makes this call, and the client would add an eighth
        to the CPU time of a reply (docs/architecture/decisions/0025).
        """
        # With `content`, httpx would build the headers twice, to add a length that aiohttp adds.
        request = httpx.Request(
            method,
            f"{self._base_url}{path}",
            headers=self._headers if method == "POST" else self._bare_headers,
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
        """Mask our key, which debug pages may echo with the request, before it reaches Slack.

        They may cut it, so anything that begins like a key is masked.
        """
        key = self._client.headers.get("Authorization", "").partition(" ")[2]
        return _LIKE_A_KEY.sub(b"(key)", body.replace(key.encode(), b"(key)") if key else body)


def _with(path: str, params: Mapping[str, Param] | None) -> str:
    """Return `path` with a query; a parameter with several values comes once for each."""
    return f"{path}?{urlencode(params, doseq=True)}" if params else path


@asynccontextmanager
async def open_http(
    url: str,
    key: SecretStr,
    connections: int,
    timeouts: httpx.Timeout = TIMEOUT,
    total_seconds: float = TOTAL_SECONDS,
) -> AsyncIterator[DevinHttp]:
    """Open a pool of connections to the API at `url`.

    httpx's own transport collapses above some 32 concurrent requests; aiohttp's does not. Files are
    read by a session of their own, which has no key to give away.
    Redirects are not followed: they would carry the key to another place.
    """
    transport = AiohttpTransport(limits=httpx.Limits(max_connections=connections))
    secret = key.get_secret_value()
    async with (
        httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {secret}", "User-Agent": "devin-relay"},
            timeout=timeouts,
            transport=transport,
            trust_env=False,
        ) as client,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=transport.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        ) as session,
    ):
        yield DevinHttp(client, transport, Downloads(session, url, secret), total_seconds)
