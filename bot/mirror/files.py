"""Uploads files that Devin sends, and messages that are too long for a post.

A file's id in Slack is noted before Slack is asked to show it, so that a second try finds it in the
thread. One that a host has not let through in its time is linked, and so are at once the others of
the batch that need that host.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.devin.api import Devin, Unread
from bot.model.errors import OPERATOR_MUST_ACT, DevinAway, SlackAway, SlackRefused
from bot.model.files import FileLeftOut, WhyLink
from bot.model.threads import ThreadRef
from bot.model.times import Millis
from bot.runtime import metrics
from bot.slack.api import PAUSED
from bot.slack.app.workspace import Workspace
from bot.slack.files import UPLOAD, Uploads
from bot.store.outbox import Begun
from bot.store.words import Batch, Words
from bot.text.devin_markdown import SentFile
from bot.wording.mirror.posts import LongText

log = logging.getLogger(__name__)

BEGAN = "began:"
"""Precedes a file's name where the time of its first try is noted."""

SLOW = "slow:"
"""Precedes the host that a file has waited for in vain, where that is noted."""

SLACK = "Slack"
"""What stands for Slack's hosts there."""

FILES_AT_ONCE = 4
"""The files that are brought at once."""

ROOM_SECONDS = 2.0
"""The time after which a thread asks again whether its file may be brought."""

PAGES, PAGE_NAMES = {"text/html", "application/xhtml+xml"}, (".html", ".htm", ".xhtml")
"""A page in place of a file that isn't called so is a form to sign in, or an error."""

PATIENCE = 5
"""A file is tried for so many times the time that it has: its thread may wait for other reasons."""

UNSIZED_LIMIT = 5_000_000
"""The most bytes of a file of unknown size, which is held in memory: Slack wants the size first."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a batch, which was `read` then (`time.monotonic`), and its name for notes."""

    begun: Begun
    thread: ThreadRef
    batch: Batch
    name: str
    file: SentFile | LongText
    read: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Way:
    """The way of a file, and the `host` for which it waits at the moment."""

    host: str = SLACK

    async def through(self, chunks: AsyncIterator[bytes], host: str) -> AsyncIterator[bytes]:
        """Yield the chunks, which come from `host` and go to Slack."""
        self.host = host
        async for chunk in chunks:
            self.host = SLACK
            yield chunk
            self.host = host
        self.host = SLACK


class SentFiles:
    """Uploads the files of batches; one that is too large, or takes too long, is linked."""

    def __init__(self, workspace: Workspace, words: Words, devin: Devin) -> None:
        self._devin = devin
        self._uploads = Uploads(workspace.client, workspace.threads)
        self._words = words
        self._limit = workspace.settings.file_limit
        timing = workspace.timing
        self._seconds, self._try_seconds = timing.file_seconds, timing.upload_seconds
        self._pause = timing.tell_pauses[0]
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
        except SlackAway as error:
            await self._is_slow(part, SLACK, error)  # so the next try links it, if it isn't there
            self._wait(part, error)
            raise
        metrics.FILES_SENT.labels("uploaded").inc()
        return True

    async def _try(self, part: FilePart) -> str:
        """Try once, if the file has time left and this process has room."""
        notes, hosts = part.batch.notes, {SLACK, _host(part.file)}
        if slow := next((host for host in hosts if SLOW + host in notes), None):
            raise FileLeftOut(WhyLink.SLOW, slow)
        if (waited := _waited_before(part)) > PATIENCE * self._seconds:
            raise FileLeftOut(WhyLink.SLOW, f"after {waited:.0f} s")
        if self._room.locked():
            raise SlackAway(UPLOAD, PAUSED, retry_after=ROOM_SECONDS, maybe_done=False)
        way = _Way()
        error: SlackAway | DevinAway = SlackAway(UPLOAD, "too slow", maybe_done=False)
        async with self._room:
            await self._words.note(part.begun, f"{BEGAN}{part.name}", str(_began(part)))
            try:
                async with asyncio.timeout(self._try_seconds):
                    return await self._brought(part, way)
            except TimeoutError:
                pass
            except (SlackAway, DevinAway) as away:
                error = away
        if await self._is_slow(part, way.host, error):
            raise FileLeftOut(WhyLink.SLOW, f"{way.host}: {error.reason}")
        self._wait(part, error)
        raise error

    async def _brought(self, part: FilePart, way: _Way) -> str:
        file = part.file
        if isinstance(file, LongText):
            return await self._upload_whole(part, file.text.encode())
        way.host = host = _host(file)
        try:
            async with self._devin.open_file(file.url) as incoming:
                if isinstance(incoming, Unread):
                    raise self._away(incoming)
                if incoming.size is not None and incoming.size > self._limit:
                    raise FileLeftOut(WhyLink.TOO_LARGE)
                if incoming.content_type in PAGES and not file.name.lower().endswith(PAGE_NAMES):
                    raise FileLeftOut(WhyLink.DEVIN, incoming.content_type)
                if incoming.size:
                    way.host = SLACK
                    chunks = way.through(incoming.chunks, host)
                    return await self._upload(part, incoming.size, chunks)
                content = await _read(incoming.chunks, min(self._limit, UNSIZED_LIMIT))
        except ConnectionError as error:
            raise DevinAway(str(error)) from error
        way.host = SLACK
        return await self._upload_whole(part, content)

    async def _upload_whole(self, part: FilePart, content: bytes) -> str:
        return await self._upload(part, len(content), _whole(content))

    async def _upload(self, part: FilePart, size: int, chunks: AsyncIterator[bytes]) -> str:
        file_id = await self._uploads.send(part.file.name, size, chunks)
        await self._words.note(part.begun, part.name, file_id)
        return file_id

    async def _is_slow(self, part: FilePart, host: str, error: SlackAway | DevinAway) -> bool:
        """Note that `host` was too slow, if the file has no time left, or it asks for more."""
        left = self._seconds - self._waited(part)
        if left > 0 and (error.retry_after or 0.0) <= left:
            return False
        await self._words.note(part.begun, SLOW + host, error.reason)
        return True

    def _wait(self, part: FilePart, error: SlackAway | DevinAway) -> None:
        """Let the next try come sooner the less the file has waited, but not after its time."""
        waited = self._waited(part)
        wait = max(error.retry_after or 0.0, self._pause, waited / 2)
        error.retry_after = min(wait, max(self._pause, self._seconds - waited))

    @staticmethod
    def _waited(part: FilePart) -> float:
        return _waited_before(part) + time.monotonic() - part.read

    def _away(self, unread: Unread) -> DevinAway | FileLeftOut:
        if unread.is_passing:
            return DevinAway(unread.reason, retry_after=unread.retry_after)
        return FileLeftOut(WhyLink.DEVIN, unread.reason)


def _began(part: FilePart) -> Millis:
    return Millis(part.batch.notes.get(f"{BEGAN}{part.name}") or int(part.batch.read_at))


def _waited_before(part: FilePart) -> float:
    """Return the seconds from the first try at a file to this one."""
    return (part.batch.read_at - _began(part)) / 1000


def _host(file: SentFile | LongText) -> str:
    if isinstance(file, LongText):
        return SLACK
    try:
        return urlsplit(file.url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


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
