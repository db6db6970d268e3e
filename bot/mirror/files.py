"""Puts files that Devin sends into the thread, and messages that are too long for a post.

A file's id in Slack is noted before Slack is asked to show it, so that a second try finds it in the
thread. What cannot be brought is linked instead.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.devin.api import Devin, Unread
from bot.model.errors import OPERATOR_MUST_ACT, FileLeftOut, SlackRefused
from bot.model.files import WhyLink
from bot.model.threads import ThreadRef
from bot.runtime import metrics
from bot.slack.posts import Posts
from bot.slack.uploads import Uploads
from bot.store.mirror.words import Batch, Words
from bot.store.outbox import Begun
from bot.text.devin_files import SentFile
from bot.wording.mirror import words as devin_words
from bot.wording.mirror.words import DevinPost, LongText

log = logging.getLogger(__name__)

LINKED = "linked"
"""Noted for a file, in the place of its id, once it was decided that it is linked: a later try that
could bring it must not show it twice."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of a batch: its number there, and what a second try needs."""

    begun: Begun
    thread: ThreadRef
    key: str
    since: str
    noted: Mapping[str, str]


class SentFiles:
    """Uploads the files of batches; `limit` is the size in bytes beyond which a file is linked."""

    def __init__(
        self, *, devin: Devin, uploads: Uploads, posts: Posts, words: Words, limit: int
    ) -> None:
        self._devin = devin
        self._uploads = uploads
        self._posts = posts
        self._words = words
        self._limit = limit

    async def send(
        self,
        begun: Begun,
        thread: ThreadRef,
        batch: Batch,
        files: Sequence[SentFile | LongText],
    ) -> None:
        """Put `files` into the thread, in order, each once.

        Raises:
            SlackAway: try again; what is there by then is found.
            SlackRefused: the thread is out of reach.
        """
        noted = dict(batch.files)
        for number, file in enumerate(files):
            part = _Part(begun, thread, f"{batch.number}.{number}", batch.since, noted)
            if noted.get(part.key) == LINKED:
                await self._instead(part, file)
                continue
            try:
                noted[part.key] = await self._send(part, file)
            except (SlackRefused, FileLeftOut) as error:
                reason = error.reason if isinstance(error, SlackRefused) else error.hitch.value
                if reason in OPERATOR_MUST_ACT:
                    raise
                log.warning("file linked", extra=begun.owed.log_fields | {"reason": str(error)})
                metrics.FILES_SENT.labels("linked").inc()
                await self._words.note_file(begun.owed, part.key, LINKED)
                await self._instead(part, file)
            else:
                metrics.FILES_SENT.labels("uploaded").inc()

    async def _send(self, part: _Part, file: SentFile | LongText) -> str:
        """Upload a file, unless it is in the thread; return its id."""
        known = part.noted.get(part.key)
        if known and await self._uploads.is_there(part.thread, known, part.since):
            return known
        if isinstance(file, LongText):
            content = file.text.encode()
            return await self._upload(part, file.name, len(content), _whole(content))
        async with self._devin.open_file(file.url) as incoming:
            if isinstance(incoming, Unread):
                raise FileLeftOut(WhyLink.DEVIN, incoming.reason)
            if incoming.size is not None and incoming.size > self._limit:
                raise FileLeftOut(WhyLink.TOO_LARGE)
            if incoming.size:
                return await self._upload(part, file.name, incoming.size, incoming.chunks)
            content = await self._read(incoming.chunks)
        return await self._upload(part, file.name, len(content), _whole(content))

    async def _upload(self, part: _Part, name: str, size: int, chunks: AsyncIterator[bytes]) -> str:
        place = await self._uploads.begin(name, size)
        try:
            await self._uploads.send(place, chunks)
        except ConnectionError as error:
            raise FileLeftOut(WhyLink.DEVIN, str(error)) from error
        await self._words.note_file(part.begun.owed, part.key, place.file_id)
        await self._uploads.complete(part.thread, place.file_id, name)
        return place.file_id

    async def _read(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Read a file of unknown size, which Slack wants to know before it takes the file."""
        content = bytearray()
        try:
            async for chunk in chunks:
                content += chunk
                if len(content) > self._limit:
                    raise FileLeftOut(WhyLink.TOO_LARGE)
        except ConnectionError as error:
            raise FileLeftOut(WhyLink.DEVIN, str(error)) from error
        if not content:
            raise FileLeftOut(WhyLink.DEVIN, "empty")
        return bytes(content)

    async def _instead(self, part: _Part, file: SentFile | LongText) -> None:
        """Link a file, or post the rest of a message that could not go as one."""
        posts: Sequence[DevinPost]
        match file:
            case SentFile():
                posts = [devin_words.file_link(file)]
            case LongText():
                posts = devin_words.rest_of(file.text)
            case _:
                assert_never(file)
        for number, post in enumerate(posts):
            key = f"{part.begun.owed}|{part.key}.instead.{number}"
            ids = part.begun.owed.log_fields
            await self._posts.post_once(
                part.thread, post, key, again=part.begun.again, ids=ids, since=part.since
            )


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
