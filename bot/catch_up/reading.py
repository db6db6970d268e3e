"""Reads threads from Slack, and finds by channels' histories which of them have nothing new."""

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.model import errors
from bot.model.record import string
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.model.times import Micros, Ts, is_ts, micros_ts, ts_micros
from bot.model.verbs import Command
from bot.relay import UseCases
from bot.runtime import metrics
from bot.slack.lookups import Need
from bot.slack.receiving.socket_mode import TRIPS
from bot.store.checkpoints import ToRead
from handlers.mentions import is_missed
from handlers.parse.messages import Kind, classify, is_own

log = logging.getLogger(__name__)

AWAY_SECONDS = 5.0
"""The time without reads of histories after Slack gave no answer."""

MOST_PAGES = 20
"""Pages that are read of one thread: 4,000 replies."""

CHANNEL_GONE = frozenset(
    {"channel_not_found", "not_in_channel", "missing_scope", "access_denied", errors.NO_ACCESS}
)
"""Slack's error codes that apply to every thread of the channel."""


@dataclass(slots=True)
class Backlog:
    """The content found in a thread; `latest` is the last message's time.

    `is_silenced`: an `unlink` or `mute` was missed, and nothing written after it may go to Devin;
    `silenced` has those replies. What `was_awaited` by a link that took its time is not late. Those
    of the replies were `missed` that are accepted now and did not just wait for Slack to say who
    wrote them.
    """

    thread: ThreadRef
    root: Mapping[str, Any] = field(default_factory=dict)
    latest: Micros = Micros(0)
    replies: list[Reply] = field(default_factory=list)
    unheard: list[Command] = field(default_factory=list)
    silenced: list[Reply] = field(default_factory=list)
    missed: int = 0
    was_awaited: bool = False
    is_silenced: bool = False


class ThreadReader:
    """Reads threads; a catch-up clears the channels that were `out_of_reach` in an earlier one."""

    def __init__(self, cases: UseCases) -> None:
        self._cases = cases
        self._next_call = 0.0
        self.out_of_reach: dict[str, str] = {}

    @property
    def pause(self) -> float:
        """The seconds for which no thread is to be read that no mail waits for."""
        return max(0.0, self._next_call - time.monotonic())

    async def read(self, thread: ThreadRef, oldest: Micros) -> Backlog | None:
        """Read `thread` after `oldest`; None if Slack does not show it. Raises Slack's errors."""
        if (reason := self.out_of_reach.get(thread.channel)) is not None:
            metrics.CAUGHT_UP.labels(reason).inc()
            return None
        read, cursor = Backlog(thread), None
        try:
            for _ in range(MOST_PAGES):
                page, cursor = await self._page(thread, cursor, micros_ts(oldest))
                await self._sort(page, oldest, read)
                if cursor is None:
                    break
            else:
                log.warning("thread not read to its end", extra=thread.log_fields)
        except errors.SlackRefused as error:
            if error.reason in errors.OPERATOR_MUST_ACT - {errors.NO_ACCESS}:
                raise
            metrics.CAUGHT_UP.labels(error.reason).inc()
            log.error("thread not read", extra=thread.log_fields | {"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            if error.reason in CHANNEL_GONE:
                self.out_of_reach[thread.channel] = error.reason
            return None
        metrics.CAUGHT_UP.labels("read").inc()
        return read

    async def _sort(self, page: Sequence[Mapping[str, Any]], oldest: Micros, read: Backlog) -> None:
        for message in page:
            if is_ts(ts := string(message, "ts")):
                read.latest = max(read.latest, ts_micros(ts))
            if ts == read.thread.thread_ts:
                read.root = message
            found = self._parse(message, read.thread)
            if found is None or ts_micros(found.ts) <= oldest:
                continue
            if isinstance(found, Command):
                if await is_missed(self._cases, found):
                    read.unheard.append(found)
                    verbs = self._cases.workspace.identity.verbs
                    read.is_silenced |= verbs[found.verb].silences
            elif read.is_silenced:
                read.silenced.append(found)
            else:
                read.replies.append(found)

    def _parse(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | Command | None:
        """Parse a reply, words to the bot or a command; None for any other message, or our own."""
        ours = self._cases.workspace.identity
        if is_own(message, ours):
            return None
        said = classify({**message, "channel": thread.channel}, ours)
        if said is None:
            return None
        is_meant = said.kind is Kind.REPLY or said.is_spoken
        return said.command or (said.message if is_meant else None)

    async def _page(
        self, thread: ThreadRef, cursor: str | None, oldest: Ts
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        workspace = self._cases.workspace
        self._next_call = max(time.monotonic(), self._next_call) + workspace.timing.thread_pause
        return await workspace.threads.page(thread, cursor, Need.MAIL, oldest=oldest)


AT_ONCE = 8
"""Channels whose histories are read at once."""


class Histories:
    """Finds threads in which nothing is new, many by one call; only the others are to be read.

    A channel's history shows when the latest reply of each thread was written. Each page begins
    with a thread that is in doubt, so a call decides one at least. A thread that is alone in its
    channel is as well read itself.

    In `quiet` threads nothing is new, so they count as read. No mail waits for `calm` ones: what
    may be new there is older than what all was kept of.
    """

    def __init__(self, cases: UseCases) -> None:
        self._threads = cases.workspace.threads
        self._doubtful: dict[str, Sequence[ToRead]] = {}
        self._busy: set[ThreadRef] = set()
        self._not_before = 0.0
        self.quiet: dict[ThreadRef, Backlog] = {}
        self.calm: set[ThreadRef] = set()

    @property
    def are_due(self) -> bool:
        """True if threads are in doubt, and Slack allows a read."""
        return bool(self._doubtful) and time.monotonic() >= self._not_before

    def forget(self) -> None:
        """Forget in which threads something is new, as before another gap."""
        self._busy.clear()

    def begin(self, unread: Sequence[ToRead]) -> None:
        """Be in doubt about the threads in `unread`, whatever was known of them before."""
        self.quiet.clear()
        self.calm.clear()
        by_channel: dict[str, list[ToRead]] = defaultdict(list)
        for one in sorted(unread, key=lambda one: ts_micros(one.thread.thread_ts), reverse=True):
            if one.thread not in self._busy:
                by_channel[one.thread.channel].append(one)
        self._doubtful = {name: each for name, each in by_channel.items() if len(each) > 1}

    async def read(self, first: Collection[str]) -> AsyncIterator[Sequence[ThreadRef]]:
        """Yield threads that turn out to be quiet or calm, as long as Slack allows a read.

        The channels in `first` come first, then those with the most threads.
        """
        queue = deque(
            sorted(self._doubtful, key=lambda one: (one not in first, -len(self._doubtful[one])))
        )
        while queue and self.are_due:
            channels = [queue.popleft() for _ in range(min(AT_ONCE, len(queue)))]
            pages = await asyncio.gather(*map(self._page, channels))
            queue.extend(one for one in channels if one in self._doubtful)
            yield [one for page in pages for one in page]

    async def _page(self, channel: str) -> Sequence[ThreadRef]:
        """Read a page, and return the threads that it shows to be quiet or calm."""
        unread = self._doubtful[channel]
        newest, oldest = (unread[place].thread.thread_ts for place in (0, -1))
        try:
            page, has_more = await self._threads.firsts(channel, oldest, newest)
            shown = {string(one, "ts"): one for one in page}
        except errors.SlackAway as error:
            self._not_before = time.monotonic() + (error.retry_after or AWAY_SECONDS)
            return []
        except (errors.SlackRefused, *TRIPS) as error:
            # Its threads are read themselves, and whoever does that says why it can't be done.
            log.warning("history not read", extra={"channel": channel, "reason": str(error)})
            del self._doubtful[channel]
            return []
        end = min(filter(is_ts, shown), key=ts_micros, default=newest) if has_more else oldest
        met = [one for one in unread if ts_micros(one.thread.thread_ts) >= ts_micros(end)]
        met = met or [unread[0]]
        self._doubtful[channel] = left = unread[len(met) :]
        if len(left) <= 1:
            del self._doubtful[channel]
        return [one.thread for one in met if self._rests(one, shown)]

    def _rests(self, one: ToRead, shown: Mapping[str, Mapping[str, Any]]) -> bool:
        """Return True if no mail waits for a thread; what Slack doesn't say counts as new."""
        root = shown.get(one.thread.thread_ts, {})
        latest, began = string(root, "latest_reply"), ts_micros(one.thread.thread_ts)
        at = max(ts_micros(latest), began) if is_ts(latest) else None
        if at is not None and at <= one.after:
            self.quiet[one.thread] = Backlog(one.thread, root)
            metrics.CAUGHT_UP.labels("quiet").inc()
        elif at is not None and at <= one.kept:
            self.calm.add(one.thread)
        else:
            self._busy.add(one.thread)
        return one.thread not in self._busy
