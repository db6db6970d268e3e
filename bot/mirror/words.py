"""Posts what a session says in a thread, in order, a batch at a time.

What waits is posted together. Each post carries its batch and its part as a key, so that a second
try finds what the first one posted. If the thread no longer follows the session, or other
organizations share its channel by now, what waits is dropped.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.mirror.audience import Audience, Heard
from bot.mirror.files import SentFiles
from bot.mirror.hold import Hold
from bot.mirror.status import StatusLines
from bot.model.errors import SlackAway, SlackRefused
from bot.model.mirror import NEEDS_PERSON, Follow, Said, SaidKind, Watched
from bot.model.schedule import Schedule
from bot.model.sessions import NamedSession, SessionState
from bot.model.threads import Link, ThreadRef
from bot.runtime import metrics
from bot.slack.clock import SECOND, SlackClock
from bot.slack.posts import Posts
from bot.store.mirror.cards import Cards, thread_of
from bot.store.mirror.watches import Watches
from bot.store.mirror.words import Batch, Words
from bot.store.outbox import Begun, Outbox
from bot.store.session_names import SessionNames
from bot.wording.message import SlackMessage
from bot.wording.mirror import notices as mirror_notices
from bot.wording.mirror import words as devin_words
from bot.wording.mirror.words import Composed, DevinPost, Framing

log = logging.getLogger(__name__)

LONG = 5_000
"""Characters beyond which a batch is composed in a thread: hostile Markdown takes its time."""

POST_SECONDS = 1.0
"""The pause between two posts of a batch: Slack takes one a second and channel."""

LATE = timedelta(seconds=60)
"""Words that are older than this when they are posted have waited: they come with their times."""

UNSHOWABLE = frozenset(
    {"invalid_blocks", "msg_too_long", "msg_blocks_too_long", "invalid_blocks_format"}
)
"""Slack's codes for a post that it does not draw, though the thread is there."""

MARGIN_SECONDS = 60
"""How far Slack's time may be behind what this process takes it for."""

Say = Callable[[ThreadRef, SlackMessage, str], Awaitable[None]]
"""Owes a thread a notice, once for each name."""


class WordsTeller:
    """The teller of what sessions say."""

    fields: Sequence[str] = ()

    def __init__(  # noqa: PLR0913  (the parts it is made of)
        self,
        *,
        outbox: Outbox,
        words: Words,
        clock: SlackClock,
        cards: Cards,
        watches: Watches,
        names: SessionNames,
        audience: Audience,
        posts: Posts,
        files: SentFiles,
        status_lines: StatusLines,
        schedule: Schedule,
        say: Say,
        notifies: bool,
    ) -> None:
        self._outbox = outbox
        self._words = words
        self._clock = clock
        self._cards = cards
        self._watches = watches
        self._names = names
        self._audience = audience
        self._posts = posts
        self._files = files
        self._status_lines = status_lines
        self._schedule = schedule
        self._say = say
        self._notifies = notifies

    async def tell(self, begun: Begun) -> bool:
        """Post the next batch; return False if nothing of what waits is for the thread."""
        thread = thread_of(begun.owed.subject)
        heard = await self._audience.of(thread)
        if heard.link is None:
            return False
        if heard.is_barred:
            if await self._cards.was_open(thread):
                await self._say(thread, mirror_notices.QUIET, "mirror quiet")
            return False
        began = time.monotonic()
        batch, (seen,) = await asyncio.gather(
            self._words.cut(begun.owed, thread, self._since()),
            self._watches.seen([heard.link.session]),
        )
        if batch is None:
            return False
        items = [one for one in batch.items if heard.follows(one.session)]
        if items:
            hold = Hold(self._outbox, begun)
            async with hold.kept():
                await self._post(begun, hold, heard.link, seen, replace(batch, items=items))
            posted_at = batch.read_at + (time.monotonic() - began) * 1000
            _count(items, heard, posted_at)
        return True

    async def end(self, begun: Begun, *, told: bool) -> None:
        """End the batch, and go on with what has come meanwhile; if not `told`, drop it all."""
        thread = thread_of(begun.owed.subject)
        if await self._words.end(begun, thread, clear=not told):
            await self._schedule.tell(begun.owed)

    async def drop(self, begun: Begun, attempt: float, why: str) -> bool:  # noqa: ARG002  (as `Teller` has it)
        """Return False: what Devin says is never dropped for want of time."""
        return False

    def _since(self) -> str:
        """Return a `ts` that is older than whatever is posted from now on; empty if not known."""
        now = self._clock.now // SECOND
        return f"{now - MARGIN_SECONDS}.000000" if now else ""

    async def _post(
        self, begun: Begun, hold: Hold, link: Link, seen: Watched, batch: Batch
    ) -> None:
        thread = thread_of(begun.owed.subject)
        framing = Framing(
            thread=thread,
            session=await self._named(link, seen),
            mention=await self._mention(thread, link, batch.items),
            is_late=batch.cut - batch.items[0].at > LATE // timedelta(milliseconds=1),
        )
        composed = await _composed(batch.items, framing)
        is_begun = begun.again
        try:
            for number, post in enumerate(composed.posts[batch.parts :], batch.parts):
                if number:
                    await asyncio.sleep(POST_SECONDS)
                hold.check()
                await self._post_one(begun, post, f"{begun.owed}|{batch.number}.{number}", batch)
                is_begun = True
                if composed.files or number + 1 < len(composed.posts):  # else the batch ends now
                    await self._words.note_parts(begun.owed, number + 1)
            if composed.files:
                hold.check()
            await self._files.send(begun, thread, batch, composed.files)
        except SlackAway as error:
            # Slack has refused this call only: what was posted before it must be looked for.
            error.maybe_done |= is_begun
            raise
        if seen.state is SessionState.WORKING:
            await self._status_lines.again(thread)

    async def _post_one(self, begun: Begun, post: DevinPost, key: str, batch: Batch) -> None:
        """Post one part; where Slack does not draw it, post its words as plain text."""
        thread = thread_of(begun.owed.subject)
        ids, since = begun.owed.log_fields, batch.since
        try:
            await self._posts.post_once(thread, post, key, again=begun.again, ids=ids, since=since)
        except SlackRefused as error:
            if error.reason not in UNSHOWABLE:
                raise
            log.warning("post not drawn", extra=ids | {"reason": str(error)})
            for number, plain in enumerate(post.plain()):
                await self._posts.post_once(
                    thread, plain, f"{key}.{number}", again=begun.again, ids=ids, since=since
                )

    async def _mention(self, thread: ThreadRef, link: Link, items: Sequence[Said]) -> str:
        """Return the id of the person to mention, if these items need one."""
        if not self._notifies or not any(one.kind in NEEDS_PERSON for one in items):
            return ""
        writer = await self._watches.last_writer(link.session, thread)
        return next((one for one in (writer, link.by) if one and one[0] in "UW"), "")

    async def _named(self, link: Link, seen: Watched) -> NamedSession:
        if seen.title:
            return NamedSession(link.session, seen.title, seen.url)
        return await self._names.one(link.session)


async def _composed(items: Sequence[Said], framing: Framing) -> Composed:
    if sum(len(one.text) for one in items) > LONG:
        return await asyncio.to_thread(devin_words.compose, items, framing)
    return devin_words.compose(items, framing)


def _count(items: Sequence[Said], heard: Heard, posted_at: float) -> None:
    """Count the messages; a thread that follows turns waits for their ends, so it has no lag."""
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            metrics.MIRRORED.inc()
            if heard.follow is Follow.ALL:
                metrics.MIRROR_LAG_SECONDS.observe(max(0.0, posted_at - one.at) / 1000)
