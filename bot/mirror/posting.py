"""Shows a batch of what a session says in a thread, part by part: posts, or files.

Each part is shown once, in order, however many tries it takes. How many are done is noted after
each, so a try goes on where the last one ended, and only its first part may be there already. A
part that Slack refuses, or a file that cannot be brought, is noted as replaced by other parts. So
each try counts the same ones.

Who may be shown what is asked just before each part, for the items that this part shows. One that
is for the thread no more counts as done.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from bot.mirror.audience import Audience, Heard
from bot.mirror.files import FilePart, SentFiles
from bot.model.errors import OPERATOR_MUST_ACT, DevinAway, SlackAway, SlackRefused
from bot.model.sessions import Said
from bot.model.threads import ThreadRef
from bot.runtime import metrics
from bot.slack.api import PAUSED
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.outbox import Begun
from bot.store.state import State
from bot.store.words import PARTS, Batch
from bot.text.devin_markdown import SentFile
from bot.wording.message import SlackMessage
from bot.wording.mirror import posts
from bot.wording.mirror.posts import NOT_SHOWN, DevinPost, LongText

log = logging.getLogger(__name__)


REPLACED = "replaced"
"""Noted for a part that is shown in another form, so that no later try shows it as it was."""


@dataclass(frozen=True, slots=True)
class Part:
    """A post or a file, and the items that it shows; `name` is that for notes."""

    name: str
    what: DevinPost | SentFile | LongText
    items: Sequence[Said]


def parts_of(named: Sequence[Part], notes: Mapping[str, str]) -> Iterator[Part]:
    """Yield the parts of a batch in the form in which each is to be shown."""
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
        yield from _forms(Part(f"{part.name}.{number}", post, post.items or part.items), notes)


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


class Came(Enum):
    """What has come of a part."""

    SHOWN = auto()
    UNHEARD = auto()
    """It is not for the thread any more."""
    REFUSED = auto()
    """Another form must be shown in its place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where batches are shown, by the parts of the relay that this takes."""

    workspace: Workspace
    state: State
    audience: Audience
    files: SentFiles
    say_once: Callable[[ThreadRef, SlackMessage], Awaitable[None]]

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


@dataclass(frozen=True, slots=True)
class Posting:
    """One try at a batch; `only` makes the post of some of a post's items.

    A try looks in the thread for one part only: the first that isn't noted, if the try before may
    have posted it. So between a post and its note nothing else may be posted, and what raises
    `SlackAway` there says `maybe_done`. Otherwise the next try posts that part again.
    """

    place: Place
    begun: Begun
    batch: Batch
    thread: ThreadRef
    only: Callable[[Sequence[Said]], DevinPost]

    async def show(self, named: Sequence[Part], heard: Heard | None) -> bool:
        """Show what is left; return False if the thread may not be shown all of it any more.

        `heard` tells who just heard it; that is asked again before each part after the first.
        """
        words = self.place.state.words
        ends = time.monotonic() + self.place.workspace.timing.batch_seconds
        notes, may_be_there, went_on = dict(self.batch.notes), self.begun.again, False
        parts, done, is_whole = list(parts_of(named, notes)), self.batch.parts, True
        try:
            while done < len(parts):
                heard = heard or await self.place.hearing(self.thread)
                if not any(heard.hears(one) for part in parts[done:] for one in part.items):
                    return False
                came = await self._show(parts[done], heard, done, may_be_there=may_be_there)
                heard = None
                if came is Came.REFUSED:
                    await words.note(self.begun, parts[done].name, REPLACED)
                    notes[parts[done].name] = REPLACED
                    parts = list(parts_of(named, notes))
                    continue
                done += 1
                if came is Came.UNHEARD:
                    is_whole = False
                    continue
                may_be_there, went_on = False, True
                if done < len(parts):  # else the batch ends now
                    await words.note(self.begun, PARTS, str(done))
                    await self._pause(parts[done], ends)
        except (SlackAway, DevinAway) as error:
            error.went_on = went_on
            raise
        return is_whole

    async def _pause(self, following: Part, ends: float) -> None:
        """Pause before a part, or end this try: a file needs the time of a whole one."""
        pause = self.place.workspace.timing.post_pause
        if not isinstance(following.what, DevinPost) or time.monotonic() >= ends:
            raise SlackAway("posting", PAUSED, retry_after=pause, maybe_done=False)
        await asyncio.sleep(pause)

    async def _show(self, part: Part, heard: Heard, number: int, *, may_be_there: bool) -> Came:
        items = [one for one in part.items if heard.hears(one)]
        if not items:
            return Came.UNHEARD
        if isinstance(part.what, DevinPost):
            post = part.what if len(items) == len(part.items) else self.only(items)
            return await self._post(post, number, may_be_there=may_be_there)
        file = FilePart(self.begun, self.thread, self.batch, part.name, part.what)
        file_id = await self.place.files.bring(file)
        if not file_id:
            return Came.REFUSED if file_id is None else Came.SHOWN
        heard = await self.place.hearing(self.thread)  # bringing it took its time
        if not any(heard.hears(one) for one in items):
            return Came.UNHEARD
        return Came.SHOWN if await self.place.files.show(file, file_id) else Came.REFUSED

    async def _post(self, post: DevinPost, number: int, *, may_be_there: bool) -> Came:
        ids = self.begun.owed.log_fields
        key = f"{self.begun.owed}|{self.batch.number}.{number}"
        try:
            await self.place.workspace.threads.post_once(
                self.thread, post, key, again=may_be_there, since=self.batch.since
            )
        except SlackRefused as error:
            if post is NOT_SHOWN or error.reason in OPERATOR_MUST_ACT:
                raise
            if post.instead():
                log.warning("post not drawn", extra=ids | {"reason": str(error)})
            else:
                log.error("report refused", extra=ids | {"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            return Came.REFUSED
        if post is NOT_SHOWN:
            metrics.REPORTS.labels("refused").inc()
        return Came.SHOWN
