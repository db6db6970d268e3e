"""The reader rereads threads, at a pace that Slack allows, and picks out replies and commands.

A thread that Slack does not show is logged and counted, and does not hold up any other.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.model.errors import NO_ACCESS, OPERATOR_MUST_ACT, NotAllowed, SlackAway, SlackRefused
from bot.model.record import mapping, mappings, string
from bot.model.replies import Reply
from bot.model.threads import Link, ThreadRef, is_ts, micros_ts, ts_micros
from bot.relay import UseCases
from bot.relay.accept import FRESH
from bot.runtime import metrics
from bot.store.links import GONE
from handlers.answering import whisper
from handlers.mentions import act_of, claim_of
from handlers.parse.commands import Command, parse_command, parse_guess
from handlers.parse.messages import is_own, parse_reply, parse_spoken

log = logging.getLogger(__name__)

MOST_PAGES = 20
"""Pages that are read of one thread: 4,000 replies."""

CHANNEL_GONE = frozenset(
    {"channel_not_found", "not_in_channel", "missing_scope", "access_denied", NO_ACCESS}
)
"""Slack's error codes that apply to every thread of the channel."""

SILENCING = frozenset({"unlink", "mute"})


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
    unheard: list[Command] = field(default_factory=list)
    silenced: list[Reply] = field(default_factory=list)
    accepted: int = 0
    missed: int = 0
    was_awaited: bool = False

    @property
    def is_silenced(self) -> bool:
        """True if an `unlink` or `mute` was missed; nothing written after it may go to Devin."""
        return any(command.verb in SILENCING for command in self.unheard)


class ThreadReader:
    """Reads threads; a catch-up clears the channels that were `out_of_reach` in an earlier one."""

    def __init__(self, cases: UseCases) -> None:
        self._cases = cases
        self._next_call = 0.0
        self.out_of_reach: dict[str, str] = {}

    async def read(self, thread: ThreadRef, oldest: int) -> Found | None:
        """Read `thread` after `oldest`; None if Slack does not show it. Raises Slack's errors."""
        if (reason := self.out_of_reach.get(thread.channel)) is not None:
            metrics.CAUGHT_UP.labels(reason).inc()
            return None
        try:
            read = await self._read_pages(thread, oldest)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT - {NO_ACCESS}:
                raise
            metrics.CAUGHT_UP.labels(error.reason).inc()
            log.error("thread not read", extra=thread.log_fields | {"reason": str(error)})  # noqa: TRY400  (Slack's code says all)
            if error.reason in CHANNEL_GONE:
                self.out_of_reach[thread.channel] = error.reason
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
        for message in page:
            read.latest = max(read.latest, _written(message))
            if message.get("ts") == read.thread.thread_ts:
                read.root = message
            found = self._parse(message, read.thread)
            if found is None or ts_micros(found.ts) <= oldest:
                continue
            if isinstance(found, Command):
                if await self._is_heeded(found):
                    read.unheard.append(found)
            elif read.is_silenced:
                read.silenced.append(found)
            else:
                read.replies.append(found)

    def _parse(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | Command | None:
        """Parse a reply, words to the bot or a command; None for any other message, or our own."""
        ours = self._cases.workspace.identity
        if is_own(message, ours):
            return None
        words = {**message, "channel": thread.channel}, thread.team, ours.user
        command = parse_command(*words) or parse_guess(*words)
        return command or parse_reply(*words) or parse_spoken(*words)

    async def _is_heeded(self, command: Command) -> bool:
        """Whether no event brought a command, and its author may give it; else they are told.

        From now on, `mentions` ignores the command; a fresh one is waited for first, since its
        event comes.
        """
        cases, thread = self._cases, command.thread
        if not cases.accepting.is_late(command.ts):
            await asyncio.sleep(FRESH.total_seconds())
        claim = claim_of(thread, command.ts)
        if not await cases.state.claims.begin(claim, "catch-up"):
            return False
        try:
            await cases.accepting.check(command.by, thread.channel, act_of(command.verb))
        except NotAllowed as error:
            await whisper(cases, thread, command.ts, command.by, error, each=True)
            await cases.state.claims.claim(claim)
            return False
        return True

    async def _page(
        self, thread: ThreadRef, cursor: str | None, oldest: str
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        now = time.monotonic()
        begins = max(now, self._next_call)
        self._next_call = begins + self._cases.workspace.timing.thread_pause
        await asyncio.sleep(begins - now)
        try:
            return await self._cases.workspace.threads.page(thread, cursor, oldest=oldest)
        except SlackAway as error:
            # Slack limits this method in the whole workspace: no thread is read before that.
            self._next_call += error.retry_after or 0.0
            raise


async def describe(
    cases: UseCases, thread: ThreadRef, root: Mapping[str, Any], link: Link | None
) -> None:
    """Keep a linked thread's first words, unless they are known, or are what asked for the link."""
    if link is None or string(root, "ts") in {"", micros_ts(link.since)}:
        return
    edited = string(mapping(root.get("edited")), "ts")
    text, blocks, at = string(root, "text"), mappings(root.get("blocks")), 0
    if root.get("subtype") == "tombstone":
        text, blocks, at = "", [], GONE
    elif is_ts(edited):
        at = ts_micros(edited)
    if not link.topic or at > int(link.topic_at):
        words = await cases.accepting.first_words(text, blocks)
        await cases.state.links.describe(thread, words, at)


def _written(message: Mapping[str, Any]) -> int:
    ts = string(message, "ts")
    return ts_micros(ts) if is_ts(ts) else 0
