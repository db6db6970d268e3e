"""Files that the relay puts into threads, in three steps between which a caller can persist.

Nobody sees anything before the last one (docs.slack.dev/messaging/working-with-files).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp

from bot.model.errors import RelayError, SlackAway, SlackRefused
from bot.model.record import mappings, string
from bot.model.threads import ThreadRef
from bot.runtime import metrics
from bot.runtime.outgoing import broken
from bot.slack.api import SlackClient, call, is_passing
from bot.slack.files import TRANSFER
from bot.slack.threads import Threads
from bot.urls import is_secure

BEGIN = "files.getUploadURLExternal"
COMPLETE = "files.completeUploadExternal"
SEND = "upload"
"""The name of the second step, in errors and metrics; it is no method of the Web API."""

WRONG_SIZE, NO_PLACE = "wrong size", "no usable address"
"""Reasons for `SlackRefused` that are ours."""

_E = TypeVar("_E", SlackAway, SlackRefused)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the `size` bytes of a file go."""

    file_id: str
    url: str
    size: int


class Uploads:
    """Uploads into threads. Each method may raise `SlackAway` and `SlackRefused`.

    A refusal for `MISSING_SCOPE` says that the app lacks `files:write`.
    """

    def __init__(self, client: SlackClient, threads: Threads) -> None:
        self._client = client
        self._threads = threads

    async def begin(self, name: str, size: int) -> Place:
        """Ask for a place, which is safe to send to, for a file of `size` bytes (at least 1)."""
        answer = await call(self._client, BEGIN, filename=name, length=size)
        place = Place(string(answer, "file_id"), string(answer, "upload_url"), size)
        if not place.file_id or not is_secure(place.url):
            raise _counted(SlackRefused(BEGIN, NO_PLACE))
        return place

    async def send(self, place: Place, chunks: AsyncIterator[bytes]) -> None:
        """Send the content to `place`, without the token, which the address stands in for.

        If this fails, begin again. It also raises what `chunks` raises.
        """
        body = _Body(chunks, place.size)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(place.size)}
        try:
            async with self._client.web.post(
                place.url,
                data=body.chunks(),
                headers=headers,
                allow_redirects=False,
                timeout=TRANSFER,
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if body.failure is not None:
                raise body.failure from error
            raise _counted(SlackAway(SEND, broken(error), maybe_done=False)) from error
        if is_passing(status):
            raise _counted(SlackAway(SEND, f"HTTP {status}", maybe_done=False))
        if status != HTTPStatus.OK:
            raise _counted(SlackRefused(SEND, f"HTTP {status}"))

    async def complete(self, thread: ThreadRef, file_id: str, title: str) -> None:
        """Show a file that was sent in `thread`, named `title`.

        If `SlackAway.maybe_done`, look whether it `is_there` before trying again.
        """
        where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
        await call(self._client, COMPLETE, files=[{"id": file_id, "title": title}], **where)

    async def is_there(self, thread: ThreadRef, file_id: str, since: str = "") -> bool:
        """Return True if a message of `thread` has the file; `since` is as for `Threads.look`."""

        def has_it(message: Mapping[str, Any]) -> bool:
            return any(file.get("id") == file_id for file in mappings(message.get("files")))

        return await self._threads.first(thread, since, has_it) is not None


class _Body:
    """The content on its way; `failure` is why it ended, which aiohttp hides behind its own."""

    def __init__(self, chunks: AsyncIterator[bytes], size: int) -> None:
        self.failure: RelayError | None = None
        self._chunks = chunks
        self._size = size

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content; if it is longer or shorter than announced, the request breaks off."""
        left = self._size
        try:
            async for chunk in self._chunks:
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
            if left:
                raise _counted(SlackRefused(SEND, WRONG_SIZE))
        except RelayError as error:
            self.failure = error
            raise


def _counted(error: _E) -> _E:
    """Count an error of a call that `api.call` did not make."""
    metrics.SLACK_ERRORS.labels(error.method, error.reason).inc()
    return error
