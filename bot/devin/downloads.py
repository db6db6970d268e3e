"""Reads the files that Devin sent, without giving the key, or this network, away.

The address stands in Devin's text, which whoever steers Devin may have chosen. So:

- The first address is at the API's own origin, or at a host of Devin's (`HOSTS`) by https. If the
  API itself is on this machine, as the sandbox is, any port of it will do.
- The key goes only to the API's own origin, for a path that ends in `/attachments/…`: with it, any
  other path would bring what the thread may not see. After a redirect to another origin, no
  request carries it any more, not even one that leads back.
- A redirect, of which there may be `HOPS`, leads to the API's own origin, or by https to any host
  that is not written as an address of a private network, of this machine or link-local. A name is
  not resolved to check where it leads: Devin's own hosts choose it, and a dedicated deployment may
  keep its storage in a private network.

Devin's API redirects to a short-lived address elsewhere; the key must not follow it there (a client
that was observed: github.com/vasturnonthegas/devin-mobile).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urljoin

import aiohttp
from yarl import URL

from bot.devin.answers import unread
from bot.devin.api import IncomingFile, Unread
from bot.devin.wire import LOST, Read, reason
from bot.runtime import metrics
from bot.urls import is_loopback, is_written_as_private

HOSTS = ("devin.ai", "devinenterprise.com")
"""Devin's domains: wherever the API is, its files are below one of them."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 3
CHUNK = 64 * 1024

FILE_SECONDS = 60.0
"""The time for a whole file, redirects and the caller's own work included."""

CONNECTIONS = 4
"""The connections for files, of which each takes one; messages have others."""

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=15.0)

FOREIGN = Unread(why="its address is not one of Devin's", is_forbidden=True)

_ADDRESS = re.compile(r"https?://[!-\[\]-~]{1,8000}", re.IGNORECASE)
_FILE = re.compile(r"/(?:.*/)?attachments/[^/]+(?:/[^/]+)?")


@dataclass(frozen=True, slots=True)
class _Place:
    """An address that may be asked; `is_own` if all that led to it were at the API's origin."""

    url: URL
    is_own: bool


class Downloads:
    """Reads files with one key, over a `session` that adds nothing to a request by itself."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api: str,
        key: str,
        seconds: float = FILE_SECONDS,
    ) -> None:
        self._session = session
        self._api = _origin(URL(api))
        self._is_local = is_loopback(URL(api).host or "")
        self._key = key
        self._seconds = seconds

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[IncomingFile | Unread]:
        """Open the file at `url`, or yield the reason why it cannot be read.

        A file that comes compressed is not read: nobody knows how large it gets.
        """
        deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(deadline):
                found = await self._followed(url)
        except LOST as error:
            found = Unread(why=reason(error))
        if isinstance(found, Unread):
            yield found
            return
        kind = found.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            yield IncomingFile(found.content_length, kind, _chunks(found, deadline))
        finally:
            found.close()

    async def _followed(self, url: str) -> aiohttp.ClientResponse | Unread:
        """Return the response that `url` leads to, still open."""
        place = self._first(url)
        for hop in range(HOPS + 1):
            if place is None:
                return FOREIGN
            response = await self._ask(place)
            is_plain = response.headers.get("Content-Encoding", "identity") == "identity"
            if response.status == HTTPStatus.OK and is_plain:
                return response
            response.close()
            location = response.headers.get("Location", "")
            if response.status not in REDIRECTS or not location or hop == HOPS:
                break
            place = self._next(place, location)
        return unread(response.status, response.headers)

    async def _ask(self, place: _Place) -> aiohttp.ClientResponse:
        metrics.DEVIN_READS.labels(Read.FILE).inc()
        headers = {"Accept-Encoding": "identity", "User-Agent": "devin-relay"}
        if place.is_own and _is_file(place.url):
            headers["Authorization"] = f"Bearer {self._key}"
        return await self._session.get(
            place.url, headers=headers, allow_redirects=False, timeout=TIMEOUT
        )

    def _first(self, text: str) -> _Place | None:
        """Return the place that Devin's text names, if it is one of Devin's."""
        url = _parsed(text)
        if url is None:
            return None
        if _origin(url) == self._api:
            return _Place(url, is_own=True)
        host = (url.host or "").lower()
        is_devin = any(host == one or host.endswith(f".{one}") for one in HOSTS)
        is_known = url.scheme == "https" and is_devin
        return _Place(url, is_own=False) if is_known or self._is_near(url) else None

    def _next(self, before: _Place, location: str) -> _Place | None:
        """Return the place that a redirect leads to, unless it is a private one."""
        url = _parsed(urljoin(str(before.url), location))
        if url is None:
            return None
        if _origin(url) == self._api:
            return _Place(url, before.is_own)
        is_public = url.scheme == "https" and not is_written_as_private(url.host or "")
        return _Place(url, is_own=False) if is_public or self._is_near(url) else None

    def _is_near(self, url: URL) -> bool:
        """Return True for this machine's addresses, if the API is here, too."""
        return self._is_local and is_loopback(url.host or "")


async def _chunks(response: aiohttp.ClientResponse, deadline: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await response.content.read(CHUNK)
        except LOST as error:
            raise ConnectionError(reason(error)) from error
        if not chunk:
            return
        yield chunk


def _parsed(text: str) -> URL | None:
    """Parse an address exactly as it is written: a signature in it may cover each character."""
    if not _ADDRESS.fullmatch(text):
        return None
    try:
        url = URL(text, encoded=True)
        is_bare = url.host and url.port and url.user is None and url.password is None
    except ValueError:
        return None
    return url if is_bare else None


def _origin(url: URL) -> tuple[str, str, int | None]:
    return url.scheme, (url.host or "").lower(), url.port


def _is_file(url: URL) -> bool:
    """Return True if the path is that of an attachment, also for a server that decodes it."""
    path = unquote(url.raw_path)
    return _FILE.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))
