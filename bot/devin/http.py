"""HTTP to Devin's API: a request in, the answer or its failure out; nothing here raises."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from bot.devin.answers import (
    CONNECTION_ERRORS,
    READ_LIMIT,
    Answer,
    Read,
    failure,
    reason,
    skew,
    unread,
    unsent,
)
from bot.devin.api import Failure, OutgoingFile, Unread
from bot.devin.files import Downloads
from bot.runtime import metrics
from bot.runtime.version import user_agent
from bot.timing import Timing

BODY_LIMIT = 64 * 1024
"""The most that is read of an answer to a write, in bytes."""

_LIKE_A_KEY = re.compile(rb"\b(?:apk|cog)_[\w-]+")

Param = int | str | Sequence[str]

Path = str | Unread
"""The path of a resource, or why it is not known: then nothing is sent, and that is the answer."""


def client_over(
    session: aiohttp.ClientSession, url: str, key: str, timing: Timing
) -> httpx.AsyncClient:
    """Return a client over `session`, which verifies certificates and knows the proxy.

    httpx's own transport collapses above some 32 concurrent requests; aiohttp's does not.
    """
    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session, trust_env=False),
        base_url=url,
        headers={
            "Authorization": f"Bearer {key}",
            "User-Agent": user_agent(),
            # httpx inflates without a limit: a few kilobytes may become gigabytes.
            "Accept-Encoding": "identity",
        },
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=httpx.Timeout(timing.connect_seconds, read=timing.answer_seconds),
        event_hooks={"response": [_forget_location]},
        follow_redirects=False,
        trust_env=False,
    )


async def _forget_location(response: httpx.Response) -> None:
    """Forget where a redirect leads: httpx parses that though it isn't followed, and may raise."""
    response.headers.pop("Location", None)


class DevinHttp:
    """Devin's API as `client` reaches it, which sends the key with every request."""

    def __init__(
        self, client: httpx.AsyncClient, key: str, downloads: Downloads, timing: Timing
    ) -> None:
        self.timing = timing
        self.downloads = downloads
        self._client = client
        self._key = key.encode()

    async def post(self, path: Path, body: bytes) -> Answer | Failure:
        """POST a JSON `body`."""
        return await self._write("POST", path, body, {"Content-Type": "application/json"})

    async def delete(self, path: Path) -> Answer | Failure:
        """DELETE what is at `path`."""
        return await self._write("DELETE", path)

    async def upload(self, path: Path, file: OutgoingFile) -> Answer | Failure:
        """POST a file as the form's field `file`, while it is still being read."""
        headers, form = multipart(file)
        return await self._write("POST", path, form, headers)

    async def get(
        self,
        kind: Read,
        path: Path,
        seconds: float,
        params: Mapping[str, Param] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Answer | Unread:
        """Return the answer to a read that succeeded within `seconds`, as far as it is used."""
        if isinstance(path, Unread):
            return path
        metrics.DEVIN_READS.labels(kind).inc()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream("GET", path, params=params) as response,
            ):
                ahead = skew(response.headers, clock()) if clock else timedelta(0)
                body = await start_of(response, READ_LIMIT)
        except CONNECTION_ERRORS as error:
            return Unread(why=reason(error))
        if not response.is_success:
            return unread(response.status_code, response.headers)
        is_cut = len(body) >= READ_LIMIT
        return Answer(response.status_code, response.headers, body, ahead, is_cut=is_cut)

    async def _write(
        self,
        method: str,
        path: Path,
        body: bytes | AsyncIterator[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Failure:
        if isinstance(path, Unread):
            return unsent(path)
        try:
            async with (
                asyncio.timeout(self.timing.call_seconds),
                self._client.stream(method, path, content=body, headers=headers) as response,
            ):
                start = self._keyless(await start_of(response, BODY_LIMIT))
                return Answer(response.status_code, response.headers, start)
        except CONNECTION_ERRORS as error:
            return failure(error)

    def _keyless(self, body: bytes) -> bytes:
        """Mask our key, which debug pages may echo, and anything that begins like a part of it."""
        return _LIKE_A_KEY.sub(b"(key)", body.replace(self._key, b"(key)"))


async def start_of(response: httpx.Response, limit: int) -> bytes:
    """Return the beginning of the body, as far as it came; one that is compressed isn't inflated.

    A 200 has two meanings, so if its body breaks off, the error is raised.
    """
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) >= limit:
                break
    except CONNECTION_ERRORS:
        if response.is_success:
            raise
    return bytes(body[:limit])


def path_of(*segments: str) -> str:
    """Return the path of a resource; no segment can leave its place."""
    return "".join(f"/{quote(one, safe='')}" for one in segments)


def multipart(file: OutgoingFile) -> tuple[Mapping[str, str], AsyncIterator[bytes]]:
    """Return headers and content of a form (RFC 7578) with a file, whose errors it raises."""
    boundary = secrets.token_hex(16)
    # Names are escaped as browsers do it (HTML, multipart/form-data encoding algorithm). A part
    # with an empty one is a form field without a file: that is what browsers send for none.
    name = _printable(file.name).replace("%", "%25").replace('"', "%22")[:200] or "file"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {_printable(file.kind)}\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if file.size is not None:
        headers["Content-Length"] = str(len(head) + file.size + len(tail))

    async def content() -> AsyncIterator[bytes]:
        yield head
        async for chunk in file.chunks:
            yield chunk
        yield tail

    return headers, content()


def _printable(text: str) -> str:
    """Drop characters that could end the line, and replace those that UTF-8 cannot encode."""
    return "".join(c for c in text if c.isprintable()).encode("utf-8", "replace").decode()
