"""The reader rereads threads, at a pace that Slack allows, and picks out replies and commands.

A thread that Slack does not show is logged and counted, and does not hold up any other.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.model.errors import OPERATOR_MUST_ACT, PersonError, SlackAway, SlackRefused
from bot.model.people import UserId
from bot.model.replies import Change, Reply
from bot.model.threads import Link, ThreadRef, micros_ts, ts_micros
from bot.runtime import metrics
from bot.slack.threads import Threads
from bot.timing import TIMING, Timing

log = logging.getLogger(__name__)

MOST_PAGES = 20
"""Pages that are read of one thread: 4,000 replies."""

CHANNEL_GONE = frozenset({"channel_not_found", "not_in_channel", "missing_scope", "access_denied"})
"""Slack's error codes that apply to every thread of the channel."""

SILENCING = frozenset({"unlink", "mute"})


@dataclass(frozen=True, slots=True)
class Unheard:
    """A command by mention that an event may never have brought."""

    thread: ThreadRef
    ts: str
    verb: str
    by: UserId


class Events(Protocol):
    """The handlers' side of a catch-up: they parse a message, and act on it."""

    def parse(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | Unheard | None:
        """Parse a message of `conversations.replies`; None if it is neither reply nor command."""

    async def accept(self, reply: Reply) -> Change:
        """Accept a reply.

        Raises `NotAllowed`, `EmptyMessage`, or `SlackAway` if the author is not identified.
        """

    async def turn_away(self, reply: Reply, error: PersonError) -> None:
        """Tell the reply's author why it was not accepted."""

    async def is_heeded(self, command: Unheard) -> bool:
        """Return True if no event brought the command, and its author may give it.

        Raises `SlackAway` if the author is not identified, `UnderWay` if an event just brought it.
        """

    async def describe(self, thread: ThreadRef, root: Mapping[str, Any], link: Link | None) -> None:
        """Keep the first words of a linked thread, unless they are known; `root` is as read."""

    async def take_back(self, reply: Reply) -> bool:
        """Take a reply out of its mailbox, if it is there; return False if Devin may have it."""

    async def give_up(self, command: Unheard) -> None:
        """Claim the command, whose author will be asked to repeat it, so that no event runs it."""


@dataclass(slots=True)
class Found:
    """The content found in a thread; `latest` is the last message's time in microseconds.

    `silenced` has the replies that were written after a missed `unlink` or `mute`. What
    `was_awaited` by a link that took its time is not late. Of the `accepted`, those were `missed`
    that did not just wait for Slack to say who wrote them.
    """

    thread: ThreadRef
    root: Mapping[str, Any] = field(default_factory=dict)
    latest: int = 0
    replies: list[Reply] = field(default_factory=list)
    unheard: list[Unheard] = field(default_factory=list)
    silenced: list[Reply] = field(default_factory=list)
    accepted: int = 0
    missed: int = 0
    was_awaited: bool = False

    @property
    def is_silenced(self) -> bool:
        """True if an `unlink` or `mute` was missed; nothing written after it may go to Devin."""
        return any(command.verb in SILENCING for command in self.unheard)


class ThreadReader:
    """Reads threads for a catch-up."""

    def __init__(self, threads: Threads, events: Events, timing: Timing = TIMING) -> None:
        self._threads = threads
        self._events = events
        self._timing = timing
        self._next_call = 0.0
        self._out_of_reach: dict[str, str] = {}

    def forget(self) -> None:
        """Forget which channels were out of reach, so that they are asked for again."""
        self._out_of_reach.clear()

    async def read(self, thread: ThreadRef, oldest: int) -> Found | None:
        """Read what was written in `thread` after `oldest`; None if Slack does not show it.

        Raises:
            SlackAway: Slack cannot be asked now.
            SlackRefused: Slack no longer accepts the token.
        """
        if (reason := self._out_of_reach.get(thread.channel)) is not None:
            metrics.CAUGHT_UP.labels(reason).inc()
            return None
        try:
            read = await self._read_pages(thread, oldest)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            metrics.CAUGHT_UP.labels(error.reason).inc()
            log.error("thread not read", extra=thread.log_fields | {"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            if error.reason in CHANNEL_GONE:
                self._out_of_reach[thread.channel] = error.reason
            return None
        metrics.CAUGHT_UP.labels("read").inc()
        return read

    async def _read_pages(self, thread: ThreadRef, oldest: int) -> Found:
        read, cursor = Found(thread), None
        for _ in range(MOST_PAGES):
            page, cursor = await self._page(thread, cursor, micros_ts(oldest))
            await self._sort(page, oldest, read)
            if cursor is None:
                return read
        log.warning("thread not read to its end", extra=thread.log_fields)
        return read

    async def _sort(self, page: Sequence[Mapping[str, Any]], oldest: int, read: Found) -> None:
        """Add the replies and commands of a page to `read`."""
        for message in page:
            read.latest = max(read.latest, _written(message))
            if message.get("ts") == read.thread.thread_ts:
                read.root = message
            found = self._events.parse(message, read.thread)
            if found is None or ts_micros(found.ts) <= oldest:
                continue
            if isinstance(found, Unheard):
                if await self._events.is_heeded(found):
                    read.unheard.append(found)
            elif read.is_silenced:
                read.silenced.append(found)
            else:
                read.replies.append(found)

    async def _page(
        self, thread: ThreadRef, cursor: str | None, oldest: str
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        await self._keep_pace()
        try:
            return await self._threads.page(thread, cursor, oldest=oldest)
        except SlackAway as error:
            # Slack limits this method in the whole workspace: no thread is read before that.
            self._next_call += error.retry_after or 0.0
            raise

    async def _keep_pace(self) -> None:
        now = time.monotonic()
        begins = max(now, self._next_call)
        self._next_call = begins + self._timing.thread_pause
        await asyncio.sleep(begins - now)


def _written(message: Mapping[str, Any]) -> int:
    try:
        return ts_micros(message["ts"])
    except (KeyError, ValueError, AttributeError):
        return 0
