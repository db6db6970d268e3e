"""HTTP to Devin's API: a request in, the answer or its failure out; nothing here raises.

`wire.py` interprets failures of the connection.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from functools import cache, lru_cache
from http import HTTPStatus
from ssl import SSLContext
from urllib.parse import urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

from bot.devin.answers import LOST, Answer, Read, failure, reason, skew, start_of, unread
from bot.devin.api import Failure, OutgoingFile, Unread, utc_now
from bot.devin.downloads import CONNECTIONS, Downloads
from bot.devin.multipart import Multipart
from bot.devin.places import Places
from bot.runtime import metrics
from bot.runtime.outgoing import open_session
from bot.runtime.version import user_agent
from bot.timing import TIMING, Timing

READ_LIMIT = 8 * 1024 * 1024
"""The part of an answer to a read that is used, in bytes."""

LONGEST_READ = 4 * READ_LIMIT
"""The same for what can't be asked for in smaller pieces: one message, or version 1's session."""

RECORD_LIMIT = 1024 * 1024
"""The same for a record without messages."""

KEEP_ALIVE_SECONDS = 5.0
"""The time for which a connection is kept without a call: one that Devin closes costs a message."""

_KEYS_BEGIN = (b"apk_", b"cog_")
_LIKE_A_KEY = re.compile(rb"\b(?:apk|cog)_[\w-]+")

Param = int | str | Sequence[str]


class DevinHttp:
    """One pool of connections to Devin's API, with the key in every request."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        transport: httpx.AsyncBaseTransport,
        downloads: Downloads,
        key: str,
        timing: Timing,
    ) -> None:
        self.timing = timing
        self.downloads = downloads
        self._client = client
        self._transport = transport
        self._base_url = str(client.base_url).rstrip("/")
        self._timeout = {"timeout": client.timeout.as_dict()}
        self._key = key.encode()
        self._headers = httpx.Headers(_headers(key))
        self._json_headers = httpx.Headers({**_headers(key), "Content-Type": "application/json"})

    async def post(self, path: str, body: bytes) -> Answer | Failure:
        """POST a JSON `body`."""
        return await self._answered(self._sent("POST", _address(self._base_url + path), body))

    async def delete(self, path: str) -> Answer | Failure:
        """DELETE what is at `path`."""
        request = self._client.build_request("DELETE", path)
        return await self._answered(self._client.send(request, stream=True))

    async def upload(self, path: str, file: OutgoingFile) -> Answer | Failure:
        """POST a file as the form's field `file`, while it is still being read."""
        form = Multipart(file.name, file.kind, file.chunks, file.size)
        request = self._client.build_request(
            "POST", path, content=form.content(), headers=form.headers
        )
        return await self._answered(self._client.send(request, stream=True))

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
                aclosing(await self._sent("GET", self._base_url + _with(path, params))) as response,
            ):
                status, ahead = response.status_code, skew(response.headers, clock())
                body = await start_of(response, most)
        except LOST as error:
            return Unread(why=reason(error))
        if status != HTTPStatus.OK:
            return unread(status, response.headers)
        return Answer(status, response.headers, body, ahead)

    async def _answered(self, sending: Awaitable[httpx.Response]) -> Answer | Failure:
        """Return Devin's answer to a write, without our key; without one, the failure."""
        try:
            async with (
                asyncio.timeout(self.timing.call_seconds),
                aclosing(await sending) as response,
            ):
                body = self._keyless(await start_of(response))
                return Answer(response.status_code, response.headers, body)
        except LOST as error:
            return failure(error)

    async def _sent(self, method: str, url: httpx.URL | str, body: bytes = b"") -> httpx.Response:
        """Send without the client's redirects, cookies and authentication, of which we use none.

        Every reply and every look at sessions makes this call, and the client would add an eighth
        to the CPU time of a reply (docs/architecture/decisions/0025).
        """
        # With `content`, httpx would add headers that aiohttp adds.
        request = httpx.Request(
            method,
            url,
            headers=self._json_headers if method == "POST" else self._headers,
            stream=httpx.ByteStream(body),
            extensions=self._timeout,
        )
        request.read()
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    def _keyless(self, body: bytes) -> bytes:
        """Mask our key, which debug pages may echo with the request, before it reaches Slack.

        They may cut it, so anything that begins like a key is masked.
        """
        if not any(one in body for one in (self._key, *_KEYS_BEGIN)):
            return body
        return _LIKE_A_KEY.sub(b"(key)", body.replace(self._key, b"(key)") if self._key else body)


@lru_cache(maxsize=1_000)
def _address(url: str) -> httpx.URL:
    """Return a parsed address: the next reply to the same session has the same."""
    return httpx.URL(url)


def _with(path: str, params: Mapping[str, Param] | None) -> str:
    """Return `path` with a query; a parameter with several values comes once for each."""
    return f"{path}?{urlencode(params, doseq=True)}" if params else path


@asynccontextmanager
async def open_http(
    url: str,
    key: SecretStr,
    connections: int,
    timing: Timing = TIMING,
    proxy: SecretStr | None = None,
    organization: str | None = None,
) -> AsyncIterator[DevinHttp]:
    """Open a pool of connections to the API at `url`, through `proxy` if there is one.

    Files are read of `organization` only, if it is given.

    httpx's own transport collapses above some 32 concurrent requests; aiohttp's does not. Files are
    read by a session of their own, which has no key to give away.
    Redirects are not followed: they would carry the key to another place.
    """
    secret = key.get_secret_value()
    timeouts = httpx.Timeout(
        connect=timing.connect_seconds,
        pool=timing.connect_seconds,
        write=timing.write_seconds,
        read=timing.answer_seconds,
    )
    async with (
        _session(proxy, connections) as api,
        _session(proxy, CONNECTIONS) as files,
        AiohttpTransport(verify=_tls(), client=api) as transport,
        httpx.AsyncClient(
            base_url=url,
            headers=_headers(secret),
            timeout=timeouts,
            transport=transport,
            trust_env=False,
        ) as client,
    ):
        downloads = Downloads(files, Places(url, organization), secret)
        yield DevinHttp(client, transport, downloads, secret, timing)


@cache
def _tls() -> SSLContext:
    """Return what verifies certificates; to load the authorities takes most of an opening."""
    return httpx.create_ssl_context()


def _headers(key: str) -> Mapping[str, str]:
    """Return the headers of every request."""
    return {
        "Authorization": f"Bearer {key}",
        "User-Agent": user_agent(),
        "Accept-Encoding": "gzip, deflate",  # aiohttp may ask for more than httpx can undo
    }


def _session(proxy: SecretStr | None, connections: int) -> aiohttp.ClientSession:
    """Return a session without cookies: to send them back would cost half as much as the call."""
    return open_session(
        proxy,
        connector=aiohttp.TCPConnector(
            limit=connections, ssl=_tls(), keepalive_timeout=KEEP_ALIVE_SECONDS
        ),
        auto_decompress=False,
    )
