"""Uploads files that Devin sends, and messages that are too long for a post.

A file's id in Slack is noted before Slack is asked to show it, so that a second try finds it in the
thread. What comes behind a file waits for it, so each has little time.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.devin.api import Devin, Unread
from bot.model.errors import OPERATOR_MUST_ACT, DevinAway, SlackAway, SlackRefused
from bot.model.files import FileLeftOut, WhyLink
from bot.model.threads import ThreadRef
from bot.model.times import Millis
from bot.runtime import metrics
from bot.slack.api import PAUSED
from bot.slack.app.workspace import Workspace
from bot.slack.files import UPLOAD, Uploads
from bot.store.outbox import Batch, Begun, Words
from bot.text.devin_markdown import SentFile
from bot.wording.mirror.posts import LongText

log = logging.getLogger(__name__)

BEGAN = "began:"
"""Precedes a file's name where the time of its first try is noted."""

FILES_AT_ONCE = 4
"""The files that are brought at once."""

ROOM_SECONDS = 2.0
"""The time after which a thread asks again whether its file may be brought."""

UNSIZED_LIMIT = 5_000_000
"""The most bytes of a file of unknown size, which is held in memory: Slack wants the size first."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a batch, and its name for notes."""

    begun: Begun
    thread: ThreadRef
    batch: Batch
    name: str
    file: SentFile | LongText


class SentFiles:
    """Uploads the files of batches; one that is too large, or takes too long, is linked."""

    def __init__(self, workspace: Workspace, words: Words, devin: Devin) -> None:
        self._devin = devin
        self._uploads = Uploads(workspace.client, workspace.threads)
        self._words = words
        self._limit = workspace.settings.file_limit
        self._seconds = workspace.timing.file_seconds
        self._room = asyncio.Semaphore(FILES_AT_ONCE)

    async def bring(self, part: FilePart) -> str | None:
        """Bring a file to Slack, where nobody sees it yet.

        Return its id there, "" if an earlier try has shown it, or None if it must be linked. Raises
        like a teller.
        """
        try:
            known = part.batch.notes.get(part.name)
            if known and await self._uploads.is_there(part.thread, known, part.batch.since):
                return ""
            return await self._try(part)
        except (SlackRefused, FileLeftOut) as error:
            _leave_out(part, error)
            return None

    async def show(self, part: FilePart, file_id: str) -> bool:
        """Show a file that was brought; return False if it must be linked. Raises like a teller."""
        try:
            await self._uploads.complete(part.thread, file_id, part.file.name)
        except SlackRefused as error:
            _leave_out(part, error)
            return False
        metrics.FILES_SENT.labels("uploaded").inc()
        return True

    async def _try(self, part: FilePart) -> str:
        """Try once, if the file has time left and this process has room."""
        at = part.batch.read_at
        began = Millis(part.batch.notes.get(f"{BEGAN}{part.name}") or int(at))
        waited = (at - began) / 1000
        if waited > self._seconds:
            raise FileLeftOut(WhyLink.SLOW, f"after {waited:.0f} s")
        if self._room.locked():
            raise SlackAway(UPLOAD, PAUSED, retry_after=ROOM_SECONDS, maybe_done=False)
        async with self._room:
            await self._words.note(part.begun, f"{BEGAN}{part.name}", str(began))
            return await self._brought(part)

    async def _brought(self, part: FilePart) -> str:
        file = part.file
        if isinstance(file, LongText):
            return await self._upload_whole(part, file.text.encode())
        try:
            async with self._devin.open_file(file.url) as incoming:
                if isinstance(incoming, Unread):
                    raise self._away(incoming)
                if incoming.size is not None and incoming.size > self._limit:
                    raise FileLeftOut(WhyLink.TOO_LARGE)
                if incoming.size:
                    return await self._upload(part, incoming.size, incoming.chunks)
                content = await _read(incoming.chunks, min(self._limit, UNSIZED_LIMIT))
        except ConnectionError as error:
            raise DevinAway(str(error)) from error
        return await self._upload_whole(part, content)

    async def _upload_whole(self, part: FilePart, content: bytes) -> str:
        return await self._upload(part, len(content), _whole(content))

    async def _upload(self, part: FilePart, size: int, chunks: AsyncIterator[bytes]) -> str:
        file_id = await self._uploads.send(part.file.name, size, chunks)
        await self._words.note(part.begun, part.name, file_id)
        return file_id

    def _away(self, unread: Unread) -> DevinAway | FileLeftOut:
        if unread.is_passing and (unread.retry_after or 0.0) < self._seconds:
            return DevinAway(unread.reason, retry_after=unread.retry_after)
        return FileLeftOut(WhyLink.DEVIN, unread.reason)


def _leave_out(part: FilePart, error: SlackRefused | FileLeftOut) -> None:
    """Log that a file is linked, unless the operator must act."""
    if isinstance(error, SlackRefused) and error.reason in OPERATOR_MUST_ACT:
        raise error
    log.warning("file linked", extra=part.begun.owed.log_fields | {"reason": str(error)})
    metrics.FILES_SENT.labels("linked").inc()


async def _read(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise FileLeftOut(WhyLink.TOO_LARGE)
    if not content:
        raise FileLeftOut(WhyLink.DEVIN, "empty")
    return bytes(content)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
