"""Reads the files that Devin sent, after judging their addresses.

The address stands in Devin's text, which whoever steers Devin may have chosen. So:

- The first one is at the API's own origin, or by https at a host of Devin's (`HOSTS`). If the API
  is on this machine, as the sandbox is, any other port of it will do.
- The key goes only to the API's own origin, for the path of an attachment (`_FILE`), and of the
  organization that is set: with it, any other path would bring what the thread may not see. After a
  redirect to another origin, no request carries it any more, not even one that leads back.
- A redirect leads to the API's own origin, or by https to any host that is a name, not an address
  or this machine. Names are not resolved to check where they lead: Devin's own hosts choose them,
  perhaps in a private network of a dedicated deployment.

Redirects are followed by hand. Devin's API redirects to a short-lived address elsewhere, which
needs no key (seen by a client, github.com/vasturnonthegas/devin-mobile).
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urljoin

import aiohttp
from yarl import URL

from bot.devin.answers import CONNECTION_ERRORS, Read, reason, unread
from bot.devin.api import IncomingFile, Unread
from bot.runtime import metrics
from bot.runtime.outgoing import CHUNK, HOPS, REDIRECTS
from bot.runtime.version import user_agent
from bot.urls import is_loopback, is_name

HOSTS = ("devin.ai", "devinenterprise.com")
"""Devin's domains: wherever the API is, its files are below one of them."""

_ADDRESS = re.compile(r"https?://[!-\[\]-~]{1,8000}", re.IGNORECASE)
_FILE = re.compile(
    r"/(?:v1/|v3/organizations/(?P<organization>\w[\w.-]*)/)?attachments/[\w-]+(?:/(?P<name>[^/]+))?",
    re.ASCII,
)
"""The paths of attachments, as they are sent (docs.devin.ai, v1 and v3; the sandbox has both).

They name no session, so whoever knows an address gets that file shown.
"""


@dataclass(frozen=True, slots=True)
class FileAddress:
    """An address to ask; all that led to it `is_own`, at the API; an attachment's `gets_key`."""

    url: URL
    is_own: bool
    gets_key: bool = False


class FileAddresses:
    """The addresses that may be asked by the key of one API, and of an organization if given."""

    def __init__(self, api: str, organization: str | None = None) -> None:
        url = URL(api)
        self._organization = organization
        self._origin = _origin(url)
        self._is_local = is_loopback(url.host or "")

    def first(self, text: str) -> FileAddress | None:
        """Return the place that Devin's text names, if it is one of Devin's."""
        url = _parsed(text)
        if url is None:
            return None
        if _origin(url) == self._origin:
            return self._own(url)
        host = (url.host or "").lower()
        is_devin = any(host == one or host.endswith(f".{one}") for one in HOSTS)
        is_known = url.scheme == "https" and is_devin
        return FileAddress(url, is_own=False) if is_known or self._is_near(url) else None

    def next(self, before: FileAddress, location: str) -> FileAddress | None:
        """Return the place that a redirect leads to, unless it is an IP address or this machine."""
        try:
            url = _parsed(urljoin(str(before.url), location))
        except ValueError:
            return None
        if url is None:
            return None
        if _origin(url) == self._origin:
            return self._own(url) if before.is_own else FileAddress(url, is_own=False)
        is_public = url.scheme == "https" and is_name(url.host or "")
        return FileAddress(url, is_own=False) if is_public or self._is_near(url) else None

    def _own(self, url: URL) -> FileAddress:
        found = _FILE.fullmatch(url.raw_path)
        if found is None or not _is_plain(found["name"] or ""):
            return FileAddress(url, is_own=True)
        is_theirs = found["organization"] not in {None, self._organization}
        return FileAddress(url, is_own=True, gets_key=not (is_theirs and self._organization))

    def _is_near(self, url: URL) -> bool:
        return self._is_local and is_loopback(url.host or "")


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


def _is_plain(name: str) -> bool:
    """Return True if a name stays in its segment, however often a server decodes it."""
    while (decoded := unquote(name)) != name:
        name = decoded
    return re.match(r"\.{1,2}(?:;|$)", name) is None and not {"/", "\\"} & set(name)


def _origin(url: URL) -> tuple[str, str, int | None]:
    return url.scheme, (url.host or "").lower(), url.port


class Downloads:
    """Reads files with one key; `session` adds nothing to a request, and decodes nothing."""

    def __init__(self, session: aiohttp.ClientSession, places: FileAddresses, key: str) -> None:
        self._session = session
        self._places = places
        self._key = key

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[IncomingFile | Unread]:
        """Open the file at `url`; one that is compressed is not read, since it may get large."""
        try:
            found = await self._followed(url)
        except CONNECTION_ERRORS as error:
            found = Unread(why=reason(error))
        if isinstance(found, Unread):
            yield found
            return
        kind = found.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            yield IncomingFile(found.content_length, kind, _chunks(found))
        finally:
            found.close()

    async def _followed(self, url: str) -> aiohttp.ClientResponse | Unread:
        place = self._places.first(url)
        for hop in range(HOPS + 1):
            if place is None:
                return Unread(why="the address is not one of Devin's", is_forbidden=True)
            response = await self._ask(place)
            is_plain = response.headers.get("Content-Encoding", "identity") == "identity"
            if response.status == HTTPStatus.OK and is_plain:
                return response
            response.close()
            location = response.headers.get("Location", "")
            if response.status not in REDIRECTS or not location or hop == HOPS:
                break
            place = self._places.next(place, location)
        return unread(response.status, response.headers)

    async def _ask(self, place: FileAddress) -> aiohttp.ClientResponse:
        metrics.DEVIN_READS.labels(Read.FILE).inc()
        headers = {"Accept-Encoding": "identity", "User-Agent": user_agent()}
        if place.gets_key:
            headers["Authorization"] = f"Bearer {self._key}"
        return await self._session.get(place.url, headers=headers, allow_redirects=False)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    while True:
        try:
            chunk = await response.content.read(CHUNK)
        except CONNECTION_ERRORS as error:
            raise ConnectionError(reason(error)) from error
        if not chunk:
            return
        yield chunk
