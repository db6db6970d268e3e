"""Posts what a session says in a thread, in order, a batch at a time.

What waits is posted together (`posting.py`). If the thread no longer follows the session, or other
organizations share its channel by now, what waits is dropped.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from bot.mirror.audience import Audience, Heard
from bot.mirror.posting import Posting, Ways
from bot.mirror.status import StatusLines
from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.mirror import NEEDS_PERSON, Follow, Said, SaidKind, still_asked
from bot.model.owed import Schedule
from bot.model.threads import Link, ThreadRef
from bot.runtime import metrics
from bot.slack.api import SECOND
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.mirror.cards import thread_of
from bot.store.outbox import Batch, Begun
from bot.store.state import State
from bot.wording.message import SlackMessage
from bot.wording.mirror import notices as mirror_notices
from bot.wording.mirror import posts as devin_posts
from bot.wording.mirror.notices import Framing
from bot.wording.mirror.posts import Composed

LONG = 5_000
"""Characters beyond which a batch is composed in a thread: hostile Markdown takes its time."""

LATE = timedelta(seconds=60)
"""Words that are older than this when they are posted have waited: they come with their times."""

MARGIN_SECONDS = 60
"""How far Slack's time may be behind what this process takes it for."""

Say = Callable[[ThreadRef, SlackMessage, str], Awaitable[None]]
"""Owes a thread a notice, once for each name."""


class WordsTeller:
    """The teller of what sessions say."""

    fields: Sequence[str] = ()

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        audience: Audience,
        ways: Ways,
        status_lines: StatusLines,
        schedule: Schedule,
        say: Say,
    ) -> None:
        self._words = state.words
        self._clock = workspace.clock
        self._cards = state.cards
        self._watches = state.watches
        self._names = state.names
        self._audience = audience
        self._ways = ways
        self._status_lines = status_lines
        self._schedule = schedule
        self._say = say
        self._notifies = workspace.settings.notify

    async def tell(self, begun: Begun) -> bool:
        """Post the next batch; return False if the thread may not be shown all of it."""
        thread = thread_of(begun.owed.subject)
        began = time.monotonic()
        batch = await self._words.cut(begun, thread, self._since())
        # A link that is made after this moment has nothing in the batch.
        heard = await self._hearing(thread)
        link = heard.link
        found = [one for one in batch.items if heard.hears(one)] if batch else []
        if batch is None or link is None or not found:
            return False
        items, closed = still_asked(found)
        is_shown = True
        if items:
            is_shown = await self._show(begun, link, batch, items)
            if is_shown:
                _count(items, heard, batch.read_at + (time.monotonic() - began) * 1000)
            await self._status_lines.again(thread, link.session)
        try:
            for one in closed:
                await self._close(begun, thread, one)
        except SlackAway as error:
            # Slack has refused this call only: the last part was posted, and is not noted.
            error.maybe_done = True
            raise
        return is_shown

    async def _show(self, begun: Begun, link: Link, batch: Batch, items: Sequence[Said]) -> bool:
        """Post these items, and tell the thread if Slack does not take them."""
        thread = thread_of(begun.owed.subject)

        async def may_hear() -> bool:
            heard = await self._hearing(thread)
            return any(heard.hears(one) for one in items)

        composed = await self._composed(link, thread, batch, items)
        try:
            return await Posting(self._ways, begun, batch, may_hear).show(thread, composed)
        except SlackRefused as error:
            if error.reason not in OPERATOR_MUST_ACT:
                await self._say(thread, mirror_notices.NOT_SHOWN, f"not shown {batch.number}")
            raise

    async def end(self, begun: Begun, *, told: bool) -> None:  # noqa: ARG002  (as `Teller` has it)
        """End the batch, shown or not, and go on with what has come meanwhile."""
        if await self._words.end(begun, thread_of(begun.owed.subject)):
            await self._schedule.tell(begun.owed)

    def _since(self) -> str:
        """Return a `ts` that is older than whatever is posted from now on; empty if not known."""
        now = self._clock.now // SECOND
        return f"{now - MARGIN_SECONDS}.000000" if now else ""

    async def _hearing(self, thread: ThreadRef) -> Heard:
        """Return who hears it; tell a thread that was shown Devin's words if it may not be now."""
        heard = await self._audience.of(thread, Need.WORDS)
        if (
            heard.link is not None
            and heard.is_barred
            and await self._cards.was_open(thread, heard.link)
        ):
            await self._say(thread, mirror_notices.QUIET, "mirror quiet")
        return heard

    async def _composed(
        self, link: Link, thread: ThreadRef, batch: Batch, items: Sequence[Said]
    ) -> Composed:
        framing = Framing(
            thread=thread,
            session=await self._names.one(link.session),
            mention=await self._mention(thread, link, items),
            is_late=batch.read_at - items[0].at > LATE // timedelta(milliseconds=1),
        )
        if sum(len(one.text) for one in items) > LONG:
            return await asyncio.to_thread(devin_posts.compose, items, framing)
        return devin_posts.compose(items, framing)

    async def _close(self, begun: Begun, thread: ThreadRef, closed: Said) -> None:
        """Let the buttons of what was asked give way; no try has posted them before that."""
        since, ids = f"{closed.at // 1000 - MARGIN_SECONDS}.000000", begun.owed.log_fields
        note = mirror_notices.closed(closed.kind)
        await self._ways.threads.close(thread, closed.id, note, ids=ids, since=since)

    async def _mention(self, thread: ThreadRef, link: Link, items: Sequence[Said]) -> str:
        """Return the id of the person to mention; who has ended a session knows of it."""
        needs = {one.kind for one in items} & NEEDS_PERSON
        if not self._notifies or not needs:
            return ""
        writer, ended_by = await self._watches.last_people(link.session, thread)
        person = next((one for one in (writer, link.by) if one and one[0] in "UW"), "")
        return "" if person == ended_by and needs == {SaidKind.ENDED} else person


def _count(items: Sequence[Said], heard: Heard, posted_at: float) -> None:
    """Count the messages; a thread that follows turns waits for their ends, so it has no lag."""
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            metrics.MIRRORED.inc()
            if heard.follow is Follow.ALL:
                metrics.MIRROR_LAG_SECONDS.observe(max(0.0, posted_at - one.at) / 1000)
