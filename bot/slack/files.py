"""The content of files in Slack, read with the bot token and from Slack's own hosts only.

Slack answers a download it does not allow with a sign-in page and status 200, or redirects to that
of the workspace, and marks a file of another organization as one to ask for (docs.slack.dev,
files.info and Slack Connect). On Enterprise Grid the first host redirects to the second one, which
needs the token as well (github.com/NousResearch/hermes-agent/pull/114483, openclaw/openclaw#63523).

An upload has three steps; nobody sees anything before the last one
(docs.slack.dev/messaging/working-with-files).
"""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.model.errors import SlackAway, SlackRefused
from bot.model.files import AttachedFile, FileLeftOut, WhyLink
from bot.model.record import mapping, mappings, string
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.runtime.outgoing import CHUNK, HOPS, REDIRECTS, TRANSFER, broken
from bot.slack.api import SlackClient, call, is_passing, seconds_asked
from bot.slack.threads import Threads
from bot.urls import is_secure

FILE_HOSTS = ("https://files.slack.com", "https://files-origin.slack.com")
GOVSLACK = "slack-gov.com"
GOVSLACK_FILE_HOSTS = ("https://files.slack-gov.com", "https://files-origin.slack-gov.com")
"""GovSlack has a domain of its own (api.slack-gov.com/gov-slack/about).

The source of its first host is github.com/vercel/chat/pull/859; the second is inferred.
"""


class Download:
    """A file's content, as it arrives; `size` in bytes, if Slack tells it.

    `broke_off` is why it ended early, which an HTTP client that sends it on may hide.
    """

    def __init__(self, response: aiohttp.ClientResponse, limit: int) -> None:
        is_plain = "Content-Encoding" not in response.headers
        self.size = response.content_length if is_plain else None
        self.broke_off: FileLeftOut | None = None
        self._response = response
        self._left = limit

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content, once; raises `FileLeftOut`."""
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    self.broke_off = FileLeftOut(WhyLink.TOO_LARGE)
                    raise self.broke_off
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.broke_off = FileLeftOut(WhyLink.SLACK, broken(error), again_after=0.0)
            raise self.broke_off from error


class SlackFiles:
    """The files of one workspace; `more_hosts` are additional addresses that serve them."""

    def __init__(self, client: SlackClient, more_hosts: Collection[str] = ()) -> None:
        self._client = client
        is_gov = _is_within(client.base_url, GOVSLACK)
        hosts = GOVSLACK_FILE_HOSTS if is_gov else FILE_HOSTS
        self._hosts = {_origin(url) for url in (client.base_url, *hosts, *more_hosts)}

    async def known(self, file: AttachedFile) -> AttachedFile:
        """Return `file`, completed from `files.info` if it is a stub; raises `FileLeftOut`."""
        if not file.look_up:
            return file
        try:
            answer = await call(self._client, "files.info", file=file.look_up)
        except (SlackAway, SlackRefused) as error:
            after = (error.retry_after or 0.0) if isinstance(error, SlackAway) else None
            raise FileLeftOut(WhyLink.SLACK, error.reason, again_after=after) from error
        return attached(answer.get("file") or {})

    @asynccontextmanager
    async def opened(self, file: AttachedFile, limit: int) -> AsyncIterator[Download]:
        """Open `file`, of at most `limit` bytes; raises `FileLeftOut`, also while it is read."""
        try:
            async with self._answer(file.url) as response:
                _check(response, file)
                if (response.content_length or 0) > limit:
                    raise FileLeftOut(WhyLink.TOO_LARGE)
                yield Download(response, limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise FileLeftOut(WhyLink.SLACK, broken(error), again_after=0.0) from error

    @asynccontextmanager
    async def _answer(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request `url` and follow its redirects; each hop is checked before it is requested."""
        token = {"Authorization": f"Bearer {self._client.token}"}
        self._check_address(url)
        for _ in range(HOPS + 1):
            async with self._client.web.get(
                url, headers=token, allow_redirects=False, timeout=TRANSFER
            ) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTS or not location:
                    yield response
                    return
            try:
                url = urljoin(url, location)
            except ValueError:
                url = location
            self._check_address(url, is_hop=True)
        raise FileLeftOut(WhyLink.SLACK, "too many redirects")

    def _check_address(self, url: str, *, is_hop: bool = False) -> None:
        """Refuse an address to which the token may not go: scheme, host and port decide.

        A hop to a workspace's own site asks people to sign in.
        """
        with suppress(ValueError):
            if _origin(url) in self._hosts:
                return
        if is_hop and (_is_within(url, "slack.com") or _is_within(url, GOVSLACK)):
            raise FileLeftOut(WhyLink.SIGN_IN)
        place = _PLACE.match(url)
        raise FileLeftOut(WhyLink.FOREIGN, place[0] if place else "")


def attached(file: Mapping[str, Any]) -> AttachedFile:
    """Read a file as Slack describes it in events and in `files.info` (File object).

    One that is hidden, deleted or denied has only its id and a mode; a list's address is a page.
    """
    name, mode = string(file, "title") or string(file, "name"), file.get("mode")
    is_elsewhere = file.get("is_external") is True or mode == "external"
    is_stub = mode == "file_access" or file.get("file_access") == "check_file_info"
    is_given = not (is_elsewhere or is_stub or mode == "list")
    private = string(file, "url_private")
    is_link = is_elsewhere and _WEB_ADDRESS.fullmatch(private)
    spoken = mapping(mapping(file.get("transcription")).get("preview"))
    size = file.get("size")
    return AttachedFile(
        name=name,
        permalink=private if is_link else string(file, "permalink"),
        filename=string(file, "name"),
        look_up=string(file, "id") if is_stub else "",
        url=(string(file, "url_private_download") or private) if is_given else "",
        kind=string(file, "mimetype"),
        size=size if isinstance(size, int) and size >= 0 else 0,
        is_external=is_elsewhere,
        spoken=string(spoken, "content"),
        by=string(file, "user"),
    )


_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")
_PLACE = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?(?=[/?#]|\Z)")
"""The part of a plain address that is shown."""


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; `ValueError` if one is missing, or if a user is named."""
    parts = urlsplit(url)
    host = "/".join(url.split("/", 3)[:3])
    is_odd = "@" in parts.netloc or "\\" in url or _CONTROL.search(host)
    if not parts.hostname or parts.scheme not in _PORTS or is_odd:
        raise ValueError("no plain address")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname, port


_PORTS = {"https": 443, "http": 80}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # urlsplit drops some, aiohttp's parser others


def _is_within(url: str, domain: str) -> bool:
    """Return True if `url` is a plain https address of `domain` or of a host below it."""
    try:
        scheme, host, port = _origin(url)
    except ValueError:
        return False
    is_https = (scheme, port) == ("https", _PORTS["https"])
    return is_https and (host == domain or host.endswith(f".{domain}"))


def _check(response: aiohttp.ClientResponse, file: AttachedFile) -> None:
    status = response.status
    if status != HTTPStatus.OK:
        after = (seconds_asked(response.headers) or 0.0) if is_passing(status) else None
        raise FileLeftOut(WhyLink.SLACK, f"HTTP {status}", again_after=after)
    is_page = response.content_type == "text/html"
    is_file = "attachment" in response.headers.get("Content-Disposition", "")
    is_expected = file.kind == "text/html" and response.content_length == file.size
    if is_page and not is_file and not is_expected:
        raise FileLeftOut(WhyLink.SIGN_IN)


BEGIN = "files.getUploadURLExternal"
COMPLETE = "files.completeUploadExternal"
UPLOAD = "upload"
"""The name of the second step, in errors; it is no method of the Web API."""

NO_PLACE = "no usable address"
"""A reason for `SlackRefused` of ours."""


class Uploads:
    """Uploads into threads. Each method may raise `SlackAway` and `SlackRefused`.

    A refusal for `MISSING_SCOPE` says that the app lacks `files:write`.
    """

    def __init__(self, client: SlackClient, threads: Threads) -> None:
        self._client = client
        self._threads = threads

    async def send(self, name: str, size: int, chunks: AsyncIterator[bytes]) -> str:
        """Send a file of `size` bytes (at least 1), which nobody sees yet, and return its id.

        It goes without the token, which the address that Slack names stands in for.
        """
        answer = await call(self._client, BEGIN, filename=name, length=size)
        file_id, url = string(answer, "file_id"), string(answer, "upload_url")
        if not file_id or not is_secure(url):
            raise SlackRefused(BEGIN, NO_PLACE)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        try:
            async with self._client.web.post(
                url, data=chunks, headers=headers, allow_redirects=False, timeout=TRANSFER
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackAway(UPLOAD, broken(error), maybe_done=False) from error
        if is_passing(status):
            raise SlackAway(UPLOAD, f"HTTP {status}", maybe_done=False)
        if status != HTTPStatus.OK:
            raise SlackRefused(UPLOAD, f"HTTP {status}")
        return file_id

    async def complete(self, thread: ThreadRef, file_id: str, title: str) -> None:
        """Show a file that was sent in `thread`, named `title`.

        If `SlackAway.maybe_done`, look whether it `is_there` before trying again.
        """
        where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
        await call(self._client, COMPLETE, files=[{"id": file_id, "title": title}], **where)

    async def is_there(self, thread: ThreadRef, file_id: str, since: Ts = "") -> bool:
        """Return True if a message of `thread` has the file; `since` is as for `Threads.look`."""

        def has_it(message: Mapping[str, Any]) -> bool:
            return any(file.get("id") == file_id for file in mappings(message.get("files")))

        return await self._threads.first(thread, since, has_it) is not None
