"""The content of files in Slack, read with the bot token and from Slack's own hosts only.

Slack answers a download it does not allow with a sign-in page and status 200, and marks a file of
another organisation as one to ask for (docs.slack.dev, files.info and Slack Connect).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.attached import Attached, Hitch
from bot.errors import FileLeftOut, SlackAway, SlackRefused
from bot.slack_calls import call

FILES_HOST = "https://files.slack.com"
CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
"""Without a byte; how long a whole file may take is for `files.py` to say."""


class Download:
    """A file's content, as it comes; `size` in bytes, where Slack tells it.

    `broke_off`: why it ended early, which who sends it on may hide behind an error of theirs.
    """

    def __init__(self, response: aiohttp.ClientResponse, limit: int) -> None:
        is_plain = "Content-Encoding" not in response.headers
        self.size = response.content_length if is_plain else None
        self.broke_off: FileLeftOut | None = None
        self._response = response
        self._limit = limit

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content; raises `FileLeftOut`."""
        read = 0
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK):
                read += len(chunk)
                if read > self._limit:
                    self.broke_off = FileLeftOut(Hitch.TOO_LARGE)
                    raise self.broke_off
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.broke_off = FileLeftOut(Hitch.SLACK, type(error).__name__)
            raise self.broke_off from error


class SlackFiles:
    """The files of one workspace."""

    def __init__(self, client: AsyncWebClient) -> None:
        if client.session is None:
            raise ValueError("a client with a session of its own for each call")
        self._client = client
        self._session = client.session
        self._hosts = {_origin(FILES_HOST), _origin(client.base_url)}

    async def known(self, file: Attached) -> Attached:
        """`file` with what an event may leave open for `files.info` to tell.

        Raises:
            FileLeftOut: Slack does not tell.
        """
        if not file.look_up:
            return file
        try:
            answer = await call(self._client, "files.info", file=file.look_up)
        except (SlackAway, SlackRefused) as error:
            raise FileLeftOut(Hitch.SLACK, error.reason) from error
        return attached(answer.get("file") or {})

    @asynccontextmanager
    async def opened(self, file: Attached, limit: int) -> AsyncIterator[Download]:
        """The content of `file`, of at most `limit` bytes.

        Raises:
            FileLeftOut: here, or while the content is read.
        """
        self._check_host(file.url)
        headers = {"Authorization": f"Bearer {self._client.token}"}
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
        )
        try:
            async with self._session.get(
                file.url,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
                proxy=self._client.proxy,
            ) as response:
                _check(response, file)
                if (response.content_length or 0) > limit:
                    raise FileLeftOut(Hitch.TOO_LARGE)
                yield Download(response, limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise FileLeftOut(Hitch.SLACK, type(error).__name__) from error

    def _check_host(self, url: str) -> None:
        """Refuse an address to which the token may not go: scheme, host and port decide."""
        try:
            is_ours = _origin(url) in self._hosts
        except ValueError:
            is_ours = False
        if not is_ours:
            raise FileLeftOut(Hitch.ELSEWHERE)


def attached(file: Mapping[str, Any]) -> Attached:
    """A file as Slack describes it in events and in `files.info`."""
    name, mode = _text(file, "title") or _text(file, "name"), file.get("mode")
    is_elsewhere = file.get("is_external") is True or mode == "external"
    is_stub = mode == "file_access" or file.get("file_access") == "check_file_info"
    url = _text(file, "url_private_download") or _text(file, "url_private")
    size = file.get("size")
    return Attached(
        name=name or _text(file, "id") or "file",
        permalink=_text(file, "permalink"),
        filename=_text(file, "name"),
        look_up=_text(file, "id") if is_stub else "",
        url="" if is_elsewhere or is_stub else url,
        kind=_text(file, "mimetype"),
        size=size if isinstance(size, int) and size >= 0 else 0,
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; a `ValueError` for what has none, or names a user."""
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("no plain address")
    return parts.scheme, parts.hostname, parts.port


def _text(file: Mapping[str, Any], key: str) -> str:
    value = file.get(key)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _check(response: aiohttp.ClientResponse, file: Attached) -> None:
    if response.status != HTTPStatus.OK:
        raise FileLeftOut(Hitch.SLACK, f"HTTP {response.status}")
    is_page = response.content_type == "text/html"
    is_file = "attachment" in response.headers.get("Content-Disposition", "")
    is_expected = file.kind == "text/html" and response.content_length == file.size
    if is_page and not is_file and not is_expected:
        raise FileLeftOut(Hitch.SIGN_IN)
