"""Files that the relay puts into threads, in three steps between which a caller can persist.

Slack gives a place for the bytes, takes them there, and then shows the file in the thread
(docs.slack.dev/messaging/working-with-files, files.getUploadURLExternal and
files.completeUploadExternal). Nobody sees anything before the last step.
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
from bot.runtime.reasons import broken
from bot.slack.api import SlackClient, call, is_passing
from bot.slack.files import TRANSFER
from bot.slack.threads import Threads
from bot.urls import is_secure

BEGIN = "files.getUploadURLExternal"
COMPLETE = "files.completeUploadExternal"
SEND = "upload"
"""The name of the second step, in errors and metrics; it is no method of the Web API."""

WRONG_SIZE = "wrong size"
NO_PLACE = "no usable address"
"""Reasons for `SlackRefused` that are ours."""

_E = TypeVar("_E", SlackAway, SlackRefused)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the `size` bytes of a file go."""

    file_id: str
    url: str
    size: int


class Uploads:
    """Uploads into the threads of one workspace. Each method may raise `SlackAway`.

    `SlackRefused` with the reason `MISSING_SCOPE` says that the app lacks `files:write`.
    """

    def __init__(self, client: SlackClient, threads: Threads) -> None:
        self._client = client
        self._threads = threads

    async def begin(self, name: str, size: int) -> Place:
        """Ask Slack for a place for a file of `size` bytes, which is at least 1.

        Raises:
            SlackRefused: Slack takes no such file, or named a place that is not safe to send to.
        """
        answer = await call(self._client, BEGIN, filename=name, length=size)
        place = Place(string(answer, "file_id"), string(answer, "upload_url"), size)
        if not place.file_id or not is_secure(place.url):
            raise _counted(SlackRefused(BEGIN, NO_PLACE))
        return place

    async def send(self, place: Place, chunks: AsyncIterator[bytes]) -> None:
        """Send the content to `place`, without the token, which the address stands in for.

        If this fails, begin again; what was sent is seen by nobody.

        Raises:
            RelayError: whatever `chunks` raises.
            SlackRefused: Slack does not take it, or it is not as long as `begin` said.
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

        Raises:
            SlackAway: if `maybe_done`, look whether it `is_there` before trying again.
            SlackRefused: Slack does not take it.
        """
        await call(
            self._client,
            COMPLETE,
            files=[{"id": file_id, "title": title}],
            channel_id=thread.channel,
            thread_ts=thread.thread_ts,
        )

    async def is_there(self, thread: ThreadRef, file_id: str, since: str = "") -> bool:
        """Return True if a message of `thread` has the file; `since` is as for `Threads.find`.

        Raises:
            SlackRefused: the thread cannot be read.
        """

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
