"""Notices answer a person's request, or tell people about a message where the relay listens.

A notice is written to the outbox before its cause is acknowledged, and tried until Slack takes it.
Marks and the replacement of pressed buttons are decoration: they are tried for a while.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from bot.model.errors import SlackAway, SlackRefused
from bot.model.owed import Owed, OwedKind, Schedule
from bot.model.record import Record
from bot.model.threads import ThreadRef
from bot.runtime.in_flight import Background
from bot.slack.threads import Threads
from bot.store.lua.reply_fields import ReplyField
from bot.store.outbox import KEEP, Begun, Outbox
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

TRIES = 4
LONGEST_WAIT_SECONDS = 30.0

ONCE = timedelta(days=30)
"""The time for which a notice with `once` is not repeated."""


class Notice(Record):
    """A message that is owed to everybody in `thread`, or, with `to`, to one person there."""

    thread: ThreadRef
    to: str = ""
    words: SlackMessage


class Notices:
    """Writes notices to the outbox, unless it raises `StoreAway`, and is their teller."""

    fields = (ReplyField.ASKED,)

    def __init__(
        self, *, outbox: Outbox, schedule: Schedule, threads: Threads, background: Background
    ) -> None:
        self._outbox = outbox
        self._schedule = schedule
        self._threads = threads
        self._background = background

    async def say(self, thread: ThreadRef, words: SlackMessage, *, once: str = "") -> None:
        """Owe `words` to everybody in `thread`; of several with the same `once`, only the first."""
        await self._owe(thread, Notice(thread=thread, words=words), once)

    async def whisper(
        self, thread: ThreadRef, user: str, words: SlackMessage, *, once: str = "", at: str = ""
    ) -> None:
        """Owe `words` to `user` only; `once` counts by person and thread.

        If `thread_ts` is empty, or is that of the message `at` which they answer, they appear in
        the channel itself: Slack shows nobody an ephemeral message in a thread without replies
        (docs.slack.dev, chat.postEphemeral). In a direct message, a lasting message answers.
        """
        once = f"{once}:{user}" if once else ""
        if thread.is_direct and thread.thread_ts:
            await self.say(thread, words, once=once)
            return
        place = thread.model_copy(update={"thread_ts": ""}) if thread.thread_ts == at else thread
        await self._owe(thread, Notice(thread=place, to=user, words=words), once)

    async def _owe(self, thread: ThreadRef, notice: Notice, once: str) -> None:
        about = f"{once}:{thread.thread_ts}" if once else secrets.token_hex(8)
        owed = Owed(f"{thread.team}:said:{thread.channel}:{about}", 1, OwedKind.NOTICE)
        if await self._outbox.owe(owed, notice.to_json(), ONCE if once else KEEP):
            await self._schedule.tell(owed)

    def mark(self, channel: str, ts: str, emoji: str) -> None:
        """Add the reaction `emoji` to a message."""
        ids = {"channel": channel, "ts": ts}
        self._background.later(_try(lambda: self._threads.mark(channel, ts, emoji, ids)))

    def press(self, message: Mapping[str, Any], channel: str, note: str) -> None:
        """Replace a message's buttons with `note`."""
        self._background.later(_try(lambda: self._threads.press(message, channel, note)))

    async def tell(self, begun: Begun) -> bool:
        """Post the notice; one for a single person cannot be looked up, so it may appear twice."""
        raw = begun.record[ReplyField.ASKED]
        if not raw:
            return False
        notice = Notice.model_validate_json(raw)
        if notice.to:
            await self._threads.whisper(notice.thread, notice.to, notice.words)
        else:
            key, ids = str(begun.owed), begun.owed.log_fields
            await self._threads.post_once(
                notice.thread, notice.words, key, again=begun.again, ids=ids
            )
        return True

    async def end(self, begun: Begun, *, told: bool) -> None:
        """End the notice; once it is told, only the fact that it was owed is kept."""
        await self._outbox.end(begun, forget=told)


async def _try(send: Callable[[], Awaitable[object]]) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            await send()
        except SlackAway as error:
            log.warning("answer waits", extra={"reason": str(error), "attempt": attempt})
            await asyncio.sleep(min(error.retry_after or attempt, LONGEST_WAIT_SECONDS))
        except SlackRefused as error:
            log.warning("answer refused", extra={"reason": str(error)})
            return
        else:
            return
    log.error("answer given up")
