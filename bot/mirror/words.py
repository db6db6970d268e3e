"""Posts what a session says in a thread, in order, a batch at a time, and then the files of it.

What waits is posted together, and a batch ends with its last post. Files are another entry, and so
is each question whose buttons give way: no words wait while a host hangs, or Slack takes no edits.

If the thread no longer follows the session, or other organizations share its channel by now, what
waits is dropped, but for lines about a cap where the thread is still linked.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from bot.mirror.agents import StatusLines
from bot.mirror.audience import Heard
from bot.mirror.posting import Part, Place, Posting
from bot.model.errors import OPERATOR_MUST_ACT, SlackRefused
from bot.model.record import Record
from bot.model.replies import OutcomeKind, Reply
from bot.model.sessions import (
    NEEDS_PERSON,
    Follow,
    NamedSession,
    Said,
    SaidKind,
    still_asked,
)
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis
from bot.runtime import metrics
from bot.slack.api import MARGIN_SECONDS
from bot.store.outbox import (
    MANY,
    Begun,
    Ended,
    Fate,
    Leaves,
    OwedKind,
    RefusedAs,
    Teller,
    answer_key,
    post_owed,
    thread_of,
)
from bot.store.words import REFUSED, Batch, BatchEnded
from bot.wording.mirror import posts
from bot.wording.mirror.posts import NOT_SHOWN, DevinPost, Framing


class _Pressed(Record):
    """What is kept of an answer by a button: the reply, of the thread in which it was pressed."""

    reply: Reply


LONG = 5_000
"""Characters beyond which a batch is composed in a thread: hostile Markdown takes its time."""

LATE_AFTER = timedelta(seconds=60)
"""Words that are older than this when they are posted have waited: they come with their times."""


@dataclass(frozen=True, slots=True)
class WordsTeller(Teller):
    """The teller of what sessions say."""

    place: Place
    status_lines: StatusLines
    kind = OwedKind.WORDS
    lanes = MANY
    refused: ClassVar[Fate] = BatchEnded()

    async def tell(self, begun: Begun) -> Fate:
        """Post the next batch, unless the thread may not be shown all of it."""
        thread, began = thread_of(begun.owed.subject), time.monotonic()
        now = self.place.workspace.clock.before_now()
        batch = await self.place.state.words.cut(begun, thread, now)
        # A link that is made after this moment has nothing in the batch.
        heard = await self.place.hearing(thread)
        link = heard.link
        if batch is None or link is None or not any(map(heard.hears, batch.items)):
            return BatchEnded(told=False)
        items, closed = still_asked(batch.items)
        is_whole, refused = True, None
        if items:
            try:
                is_whole = await self._show(begun, heard, link, batch, items)
            except SlackRefused as error:
                if error.reason in OPERATOR_MUST_ACT:
                    raise
                refused = error
            if is_whole and refused is None:
                _count(items, heard, batch.read_at + int((time.monotonic() - began) * 1000))
            self.status_lines.again(thread, heard.seen)
        if refused is not None:  # the next batch tells the thread
            raise RefusedAs(refused, BatchEnded(refused=link.session, closed=closed))
        files = [one for one in batch.items if posts.may_have_files(one)] if is_whole else ()
        return BatchEnded(told=is_whole, files=files, closed=closed)

    async def _show(
        self, begun: Begun, heard: Heard, link: Link, batch: Batch, items: Sequence[Said]
    ) -> bool:
        thread = thread_of(begun.owed.subject)
        framing = Framing(
            thread=thread,
            session=heard.named,
            mention=await self._mention(thread, link, items),
            is_late=batch.read_at - items[0].at > LATE_AFTER // timedelta(milliseconds=1),
            knows_end=await self._knows_end(thread, link, items),
        )
        shown = [(post, post.items) for post in await _composed(items, framing)]
        if batch.notes.get(REFUSED) == link.session:
            shown = [(NOT_SHOWN, tuple(items)), *shown]
        named = [Part(f"post:{number}", *one) for number, one in enumerate(shown)]

        def only(some: Sequence[Said]) -> DevinPost:
            return posts.compose(some, framing)[0]

        return await Posting(self.place, begun, batch, thread, only).show(named, heard)

    async def _knows_end(self, thread: ThreadRef, link: Link, items: Sequence[Said]) -> bool:
        """Return True if a reply's report has told a thread of its session's end, and ways on."""
        if not {one.kind for one in items} & {SaidKind.ENDED, SaidKind.FINISHED}:
            return False
        last = await self.place.state.watches.last_outcome(link.session, thread)
        return last is not None and last.kind is OutcomeKind.ENDED

    async def _mention(self, thread: ThreadRef, link: Link, items: Sequence[Said]) -> str:
        """Return the id of the person to mention; who has ended a session knows of it."""
        needs = {one.kind for one in items} & NEEDS_PERSON
        if not self.place.workspace.settings.notify or not needs:
            return ""
        writer, ended_by = await self.place.state.watches.last_people(link.session, thread)
        person = next((one for one in (writer, link.by) if one and one[0] in "UW"), "")
        return "" if person == ended_by and needs == {SaidKind.ENDED} else person


@dataclass(frozen=True, slots=True)
class FilesTeller(Teller):
    """The teller of files that belong to what a thread was shown."""

    place: Place
    status_lines: StatusLines
    kind = OwedKind.FILES
    lanes = MANY
    refused: ClassVar[Fate] = BatchEnded()

    async def tell(self, begun: Begun) -> Fate:
        """Show the files of the next batch, unless the thread may not be shown all."""
        thread, now = thread_of(begun.owed.subject), self.place.workspace.clock.before_now()
        batch = await self.place.state.words.cut(begun, thread, now)
        if batch is None:
            return BatchEnded(told=False)
        heard = await self.place.hearing(thread)
        named = await asyncio.to_thread(_files_in, batch, heard.named)
        # No post here has two items.
        posting = Posting(self.place, begun, batch, thread, lambda _: NOT_SHOWN)
        is_whole = bool(named) and await posting.show(named, heard)
        if is_whole:
            self.status_lines.again(thread, heard.seen)
        return BatchEnded(told=is_whole)


@dataclass(frozen=True, slots=True)
class Closings(Teller):
    """The teller of what a session asked and that is no longer open."""

    place: Place
    kind = OwedKind.CLOSING
    is_decorative = True
    refused: ClassVar[Fate] = Ended(Leaves.NOTHING)

    async def tell(self, begun: Begun) -> Fate:
        """Let its buttons give way; who pressed one in this thread stands there (`Speaker`)."""
        thread, one = thread_of(begun.owed.subject), Said.parse(begun.record["content"])
        is_heard = one is not None and (await self.place.hearing(thread)).hears(one)
        if one is None or not is_heard or await self._is_pressed(thread, one):
            return Ended(Leaves.NOTHING, told=False)
        since = f"{int(one.at) // 1000 - MARGIN_SECONDS}.000000"
        note = posts.closed(one.kind)
        await self.place.workspace.threads.close(thread, one.id, note, since=since)
        return Ended(Leaves.NOTHING)

    async def _is_pressed(self, thread: ThreadRef, closed: Said) -> bool:
        subject = post_owed(thread.team, answer_key(closed.session, closed.id)).subject
        pressed = _Pressed.parse(await self.place.state.outbox.content(subject))
        return pressed is not None and pressed.reply.thread == thread


def _files_in(batch: Batch, session: NamedSession) -> Sequence[Part]:
    files = [(file, (one,)) for one in batch.items for file in posts.files_of(one, session)]
    return [Part(f"file:{number}", *one) for number, one in enumerate(files)]


async def _composed(items: Sequence[Said], framing: Framing) -> Sequence[DevinPost]:
    if sum(len(one.text) for one in items) > LONG:
        return await asyncio.to_thread(posts.compose, items, framing)
    return posts.compose(items, framing)


def _count(items: Sequence[Said], heard: Heard, posted_at: Millis) -> None:
    """Count the messages; a thread that follows turns waits for their ends, so it has no lag."""
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            metrics.MIRRORED.inc()
            if heard.follow is Follow.ALL:
                metrics.MIRROR_LAG_SECONDS.observe(max(0, posted_at - one.at) / 1000)
