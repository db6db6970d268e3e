"""Reads the files that Devin sent, from the addresses that `places.py` allows.

Redirects are followed by hand, and each request carries the key only if its place gets it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from bot.devin.answers import LOST, Read, reason, unread
from bot.devin.api import IncomingFile, Unread
from bot.devin.places import Place, Places
from bot.runtime import metrics
from bot.runtime.version import user_agent

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 3
CHUNK = 64 * 1024

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=15.0)
"""That of the session; the caller bounds the whole file, and how many are read at once."""


class Downloads:
    """Reads files with one key; `session` adds nothing to a request, and decodes nothing."""

    def __init__(self, session: aiohttp.ClientSession, places: Places, key: str) -> None:
        self._session = session
        self._places = places
        self._key = key

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[IncomingFile | Unread]:
        """Open the file at `url`; one that is compressed is not read, since it may get large."""
        try:
            found = await self._followed(url)
        except LOST as error:
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
        """Return the response that `url` leads to, still open."""
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

    async def _ask(self, place: Place) -> aiohttp.ClientResponse:
        metrics.DEVIN_READS.labels(Read.FILE).inc()
        headers = {"Accept-Encoding": "identity", "User-Agent": user_agent()}
        if place.gets_key:
            headers["Authorization"] = f"Bearer {self._key}"
        return await self._session.get(place.url, headers=headers, allow_redirects=False)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    while True:
        try:
            chunk = await response.content.read(CHUNK)
        except LOST as error:
            raise ConnectionError(reason(error)) from error
        if not chunk:
            return
        yield chunk
