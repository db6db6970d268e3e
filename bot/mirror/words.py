"""Posts what a session says in a thread, in order, a batch at a time.

What waits is posted together, part by part: each once, in order, however many tries it takes. How
many parts are in the thread is noted after each, so a try goes on where the last one ended, and
only its first part may be there already. A part that Slack refuses, or a file that cannot be
brought, is noted as replaced by other parts. So each try counts the same ones.

If the thread no longer follows the session, or other organizations share its channel by now, what
waits is dropped. If that happens between two tries at a batch, a line about a cap that is left in
it may be dropped, too; the card shows the cap.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from bot.mirror.agents import StatusLines
from bot.mirror.audience import Audience, Heard
from bot.mirror.files import FilePart, SentFiles
from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import NEEDS_PERSON, Follow, Said, SaidKind, SessionId, still_asked
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis
from bot.runtime import metrics
from bot.slack.api import MARGIN_SECONDS, PAUSED
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.links import thread_of
from bot.store.outbox import PARTS, REFUSED, Batch, Begun, Schedule, answer_key, post_owed
from bot.store.state import State
from bot.text.devin_markdown import SentFile
from bot.wording.message import SlackMessage
from bot.wording.mirror import posts
from bot.wording.mirror.posts import NOT_SHOWN, Composed, DevinPost, Framing, LongText

log = logging.getLogger(__name__)


REPLACED = "replaced"
"""Noted for a part that is shown in another form, so that no later try shows it as it was."""


@dataclass(frozen=True, slots=True)
class Part:
    """A post or a file; `name` is that for notes."""

    name: str
    what: DevinPost | SentFile | LongText


def parts_of(composed: Composed, notes: Mapping[str, str]) -> Iterator[Part]:
    """Yield the parts of a batch."""
    named = [Part(f"post:{number}", post) for number, post in enumerate(composed.posts)]
    named += [Part(f"file:{number}", file) for number, file in enumerate(composed.files)]
    is_gap = False
    for part in (form for one in named for form in _forms(one, notes)):
        if not (is_gap and part.what is NOT_SHOWN):
            yield part
        is_gap = part.what is NOT_SHOWN


def _forms(part: Part, notes: Mapping[str, str]) -> Iterator[Part]:
    """Yield a part, or what stands in its place; that may be replaced as well."""
    if notes.get(part.name) != REPLACED:
        yield part
        return
    for number, post in enumerate(_instead_of(part.what)):
        yield from _forms(Part(f"{part.name}.{number}", post), notes)


def _instead_of(what: DevinPost | SentFile | LongText) -> Sequence[DevinPost]:
    match what:
        case DevinPost():
            return what.instead() or [NOT_SHOWN]
        case SentFile():
            return [posts.file_link(what)]
        case LongText():
            return [posts.rest_link(what)]
        case _:
            assert_never(what)


class _Unheard(Exception):
    """The thread may not be shown any more of the batch."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One try at a batch, of which `items` are for the thread.

    A try looks in the thread for one part only: the first that isn't noted, if the try before may
    have posted it. So between a post and its note nothing else may be posted, and what raises
    `SlackAway` there says `maybe_done`. Otherwise the next try posts that part again.
    """

    teller: "WordsTeller"
    begun: Begun
    batch: Batch
    thread: ThreadRef
    items: Sequence[Said]

    async def show(self, composed: Composed) -> None:
        """Show what is left of the batch; raises `_Unheard` once the thread may not be shown it."""
        words, timing = self.teller.state.words, self.teller.workspace.timing
        ends = time.monotonic() + timing.batch_seconds
        notes, may_be_there = dict(self.batch.notes), self.begun.again
        parts, done = list(parts_of(composed, notes)), self.batch.parts
        while done < len(parts):
            name = parts[done].name
            if not await self._show(parts[done], done, may_be_there=may_be_there):
                await words.note(self.begun, name, REPLACED)
                notes[name] = REPLACED
                parts = list(parts_of(composed, notes))
                continue
            done += 1
            may_be_there = False
            if done < len(parts):  # else the batch ends now
                await words.note(self.begun, PARTS, str(done))
                # A file needs the time of a whole try.
                is_file = not isinstance(parts[done].what, DevinPost)
                if is_file or time.monotonic() >= ends:
                    wait = timing.post_pause
                    raise SlackAway("posting", PAUSED, retry_after=wait, maybe_done=False)
                await asyncio.sleep(timing.post_pause)

    async def _check(self) -> None:
        heard = await self.teller.hearing(self.thread)
        if not any(heard.hears(one) for one in self.items):
            raise _Unheard

    async def _show(self, part: Part, number: int, *, may_be_there: bool) -> bool:
        """Show a part; return False if it must be replaced."""
        await self._check()
        if isinstance(part.what, DevinPost):
            return await self._post(part.what, number, may_be_there=may_be_there)
        return await self._put_file(part.name, part.what)

    async def _post(self, post: DevinPost, number: int, *, may_be_there: bool) -> bool:
        ids = self.begun.owed.log_fields
        key = f"{self.begun.owed}|{self.batch.number}.{number}"
        try:
            await self.teller.workspace.threads.post_once(
                self.thread, post, key, again=may_be_there, since=self.batch.since
            )
        except SlackRefused as error:
            if post is NOT_SHOWN or error.reason in OPERATOR_MUST_ACT:
                raise
            if post.instead():
                log.warning("post not drawn", extra=ids | {"reason": str(error)})
            else:
                log.error("report refused", extra=ids | {"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            return False
        if post is NOT_SHOWN:
            metrics.REPORTS.labels("refused").inc()
        return True

    async def _put_file(self, name: str, file: SentFile | LongText) -> bool:
        part = FilePart(self.begun, self.thread, self.batch, name, file)
        file_id = await self.teller.files.bring(part)
        if not file_id:
            return file_id is not None
        await self._check()  # bringing it took its time
        return await self.teller.files.show(part, file_id)


class _Pressed(Record):
    """What is kept of an answer by a button: the reply, of the thread in which it was pressed."""

    reply: Reply


LONG = 5_000
"""Characters beyond which a batch is composed in a thread: hostile Markdown takes its time."""

LATE_AFTER = timedelta(seconds=60)
"""Words that are older than this when they are posted have waited: they come with their times."""


@dataclass(frozen=True, slots=True)
class WordsTeller:
    """The teller of what sessions say."""

    workspace: Workspace
    state: State
    audience: Audience
    files: SentFiles
    status_lines: StatusLines
    schedule: Schedule
    say_once: Callable[[ThreadRef, SlackMessage], Awaitable[None]]

    async def tell(self, begun: Begun) -> bool:
        """Post the next batch; return False if the thread may not be shown all of it."""
        thread = thread_of(begun.owed.subject)
        began = time.monotonic()
        batch = await self.state.words.cut(begun, thread, self.workspace.clock.before_now())
        # A link that is made after this moment has nothing in the batch.
        heard = await self.hearing(thread)
        link = heard.link
        found = [one for one in batch.items if heard.hears(one)] if batch else []
        if batch is None or link is None or not found:
            return False
        items, closed = still_asked(found)
        is_shown = True
        if items:
            is_shown = await self._show(begun, link, batch, items)
            if is_shown:
                _count(items, heard, batch.read_at + int((time.monotonic() - began) * 1000))
            await self.status_lines.again(thread, link.session)
        try:
            for one in closed:
                await self._close(thread, link.session, one)
        except SlackAway as error:
            # Slack has refused this call only: the last part was posted, and is not noted.
            error.maybe_done = True
            raise
        return is_shown

    async def _show(self, begun: Begun, link: Link, batch: Batch, items: Sequence[Said]) -> bool:
        """Post these items; if Slack takes nothing there, the next batch tells the thread."""
        thread = thread_of(begun.owed.subject)
        composed = await self._composed(link, thread, batch, items)
        if batch.notes.get(REFUSED) == link.session:
            composed = replace(composed, posts=[NOT_SHOWN, *composed.posts])
        try:
            await Posting(self, begun, batch, thread, items).show(composed)
        except _Unheard:
            return False
        except SlackRefused as error:
            if error.reason not in OPERATOR_MUST_ACT:
                # Who called `tell` ends it as well, which changes nothing then.
                await self.end(begun, told=False, refused=link.session)
            raise
        return True

    async def end(self, begun: Begun, *, told: bool, refused: SessionId | None = None) -> None:  # noqa: ARG002  (as `Teller` has it)
        """End the batch, shown or not, and go on with what has come meanwhile."""
        if await self.state.words.end(begun, thread_of(begun.owed.subject), refused):
            await self.schedule.tell(begun.owed)

    async def hearing(self, thread: ThreadRef) -> Heard:
        """Return who hears it; tell a thread that was shown Devin's words if it may not be now."""
        heard = await self.audience.of(thread, Need.WORDS)
        if heard.unsure is not None:
            raise heard.unsure
        if (
            heard.link is not None
            and heard.is_barred
            and await self.state.cards.was_open(thread, heard.link)
        ):
            await self.say_once(thread, posts.QUIET)
        return heard

    async def _composed(
        self, link: Link, thread: ThreadRef, batch: Batch, items: Sequence[Said]
    ) -> Composed:
        framing = Framing(
            thread=thread,
            session=await self.state.names.one(link.session),
            mention=await self._mention(thread, link, items),
            is_late=batch.read_at - items[0].at > LATE_AFTER // timedelta(milliseconds=1),
        )
        if sum(len(one.text) for one in items) > LONG:
            return await asyncio.to_thread(posts.compose, items, framing)
        return posts.compose(items, framing)

    async def _close(self, thread: ThreadRef, session: SessionId, closed: Said) -> None:
        """Let the buttons of what was asked give way; no try has posted them before that.

        If somebody pressed one in this thread, they do so with who chose what (`Speaker`).
        """
        subject = post_owed(thread.team, answer_key(session, closed.id)).subject
        pressed = _Pressed.parse(await self.state.outbox.content(subject))
        if pressed is not None and pressed.reply.thread == thread:
            return
        since = f"{int(closed.at) // 1000 - MARGIN_SECONDS}.000000"
        note = posts.closed(closed.kind)
        await self.workspace.threads.close(thread, closed.id, note, since=since)

    async def _mention(self, thread: ThreadRef, link: Link, items: Sequence[Said]) -> str:
        """Return the id of the person to mention; who has ended a session knows of it."""
        needs = {one.kind for one in items} & NEEDS_PERSON
        if not self.workspace.settings.notify or not needs:
            return ""
        writer, ended_by = await self.state.watches.last_people(link.session, thread)
        person = next((one for one in (writer, link.by) if one and one[0] in "UW"), "")
        return "" if person == ended_by and needs == {SaidKind.ENDED} else person


def _count(items: Sequence[Said], heard: Heard, posted_at: Millis) -> None:
    """Count the messages; a thread that follows turns waits for their ends, so it has no lag."""
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            metrics.MIRRORED.inc()
            if heard.follow is Follow.ALL:
                metrics.MIRROR_LAG_SECONDS.observe(max(0, posted_at - one.at) / 1000)
