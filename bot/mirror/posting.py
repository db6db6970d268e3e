"""Shows a batch in its thread, part by part: each once, in order, however many tries it takes.

How many parts are in the thread is noted after each, so a try goes on where the last one ended, and
only its first part may be there already. A part that Slack does not draw, or a file that cannot be
brought, is noted as replaced by other parts. So each try counts the same ones.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from bot.mirror.files import FilePart, SentFiles
from bot.model.errors import SlackAway, SlackRefused
from bot.model.threads import ThreadRef
from bot.slack.limits import LIMITED
from bot.slack.threads import Threads
from bot.store.outbox import PARTS, Batch, Begun, Words
from bot.text.devin_markdown import SentFile
from bot.timing import Timing
from bot.wording.mirror import posts as devin_posts
from bot.wording.mirror.posts import Composed, DevinPost, LongText

log = logging.getLogger(__name__)

UNSHOWABLE = frozenset(
    {"invalid_blocks", "msg_too_long", "msg_blocks_too_long", "invalid_blocks_format"}
)
"""Slack's codes for a post that it does not draw, perhaps for its several tables."""

REPLACED = "replaced"
"""Noted for a part that is shown in another form, so that no later try shows it as it was."""


@dataclass(frozen=True, slots=True)
class Part:
    """A post or a file; `name` is that for notes, empty for what stands in the place of another."""

    name: str
    what: DevinPost | SentFile | LongText


async def parts_of(composed: Composed, notes: Mapping[str, str]) -> Sequence[Part]:
    """Return the parts of a batch; a long text that is replaced by posts is split in a thread."""
    if REPLACED not in notes.values():
        return list(_laid_out(composed, notes))
    return await asyncio.to_thread(lambda: list(_laid_out(composed, notes)))


def _laid_out(composed: Composed, notes: Mapping[str, str]) -> Iterator[Part]:
    named = [Part(f"post:{number}", post) for number, post in enumerate(composed.posts)]
    named += [Part(f"file:{number}", file) for number, file in enumerate(composed.files)]
    for part in named:
        if notes.get(part.name) == REPLACED:
            yield from (Part("", post) for post in _instead_of(part.what))
        else:
            yield part


def _instead_of(what: DevinPost | SentFile | LongText) -> Sequence[DevinPost]:
    match what:
        case DevinPost():
            return what.plain()
        case SentFile():
            return [devin_posts.file_link(what)]
        case LongText():
            return devin_posts.rest_of(what)
        case _:
            assert_never(what)


MayHear = Callable[[], Awaitable[bool]]
"""Says whether the thread may still be shown what the session says."""


class _Shown(Enum):
    """The result for a part: it is there, it must be replaced, or nothing more may be shown."""

    THERE = auto()
    REPLACED = auto()
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to show a batch."""

    words: Words
    threads: Threads
    files: SentFiles
    timing: Timing


class Posting:
    """One try at a batch."""

    def __init__(self, ways: Ways, begun: Begun, batch: Batch, may_hear: MayHear) -> None:
        self._ways = ways
        self._begun = begun
        self._batch = batch
        self._may_hear = may_hear
        self._notes = dict(batch.notes)
        self._may_be_there = begun.again

    async def show(self, thread: ThreadRef, composed: Composed) -> bool:
        """Show what is left of the batch; return False if the thread may not be shown all of it.

        Raises:
            SlackAway, DevinAway: try again.
            SlackRefused: Slack takes a part in no form.
        """
        ends = time.monotonic() + self._ways.timing.turn_seconds
        parts, done = await parts_of(composed, self._notes), self._batch.parts
        while done < len(parts):
            shown = await self._show(thread, parts[done], done)
            if shown is _Shown.STOP:
                return False
            if shown is _Shown.REPLACED:
                await self._note(parts[done].name, REPLACED)
                parts = await parts_of(composed, self._notes)
                continue
            done += 1
            self._may_be_there = False
            if done < len(parts):  # else the batch ends now
                await self._ways.words.note(self._begun, PARTS, str(done))
                # A file needs the time of a whole try.
                is_file = not isinstance(parts[done].what, DevinPost)
                if is_file or time.monotonic() >= ends:
                    wait = self._ways.timing.post_pause
                    raise SlackAway("posting", LIMITED, retry_after=wait, maybe_done=False)
                await asyncio.sleep(self._ways.timing.post_pause)
        return True

    async def _show(self, thread: ThreadRef, part: Part, number: int) -> _Shown:
        if not await self._may_hear():
            return _Shown.STOP
        if isinstance(part.what, DevinPost):
            return await self._post(thread, part, part.what, number)
        return await self._put_file(thread, part.name, part.what)

    async def _post(self, thread: ThreadRef, part: Part, post: DevinPost, number: int) -> _Shown:
        ids = self._begun.owed.log_fields
        key = f"{self._begun.owed}|{self._batch.number}.{number}"
        try:
            await self._ways.threads.post_once(
                thread, post, key, again=self._may_be_there, ids=ids, since=self._batch.since
            )
        except SlackRefused as error:
            if not part.name or error.reason not in UNSHOWABLE:
                raise
            log.warning("post not drawn", extra=ids | {"reason": str(error)})
            return _Shown.REPLACED
        return _Shown.THERE

    async def _put_file(self, thread: ThreadRef, name: str, file: SentFile | LongText) -> _Shown:
        part = FilePart(self._begun, thread, self._batch, name, file)
        file_id = await self._ways.files.bring(part)
        if not file_id:
            return _Shown.REPLACED if file_id is None else _Shown.THERE
        if not await self._may_hear():  # bringing it took its time
            return _Shown.STOP
        is_shown = await self._ways.files.show(part, file_id)
        return _Shown.THERE if is_shown else _Shown.REPLACED

    async def _note(self, name: str, what: str) -> None:
        await self._ways.words.note(self._begun, name, what)
        self._notes[name] = what
