"""Notices answer a person's request, or tell people about a message where the relay listens.

A notice is written to the outbox before its cause is acknowledged.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.model.errors import (
    SlackAway,
    SlackRefused,
)
from bot.model.record import Record, string
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.redis import keep
from bot.runtime.in_flight import Background
from bot.slack.threads import Threads
from bot.store.outbox import (
    MOOT,
    Begun,
    Ended,
    Fate,
    Leaves,
    Outbox,
    Owed,
    OwedKind,
    Schedule,
    Teller,
)
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)


TRIES = 4


LONGEST_WAIT_SECONDS = 30.0


class Notice(Record):
    """A message that is owed to everybody in `thread`, or, with `to`, to one person there."""

    thread: ThreadRef
    to: str = ""
    words: SlackMessage


@dataclass(frozen=True, slots=True)
class Notices(Teller):
    """Writes notices to the outbox, unless it raises `StoreAway`, and is their teller."""

    outbox: Outbox
    schedule: Schedule
    threads: Threads
    background: Background
    kind = OwedKind.NOTICE
    is_decorative = True

    async def say(self, thread: ThreadRef, words: SlackMessage, *, once: str = "") -> None:
        """Owe `words` to everybody in `thread`; of several with the same `once`, only the first."""
        await self._owe(thread, Notice(thread=thread, words=words), once)

    async def announce(self, thread: ThreadRef, words: SlackMessage, *, once: str) -> None:
        """Owe `words` to `thread` and to its channel, whose people they concern as well."""
        await self.say(thread, words, once=once)
        if thread.thread_ts and not thread.is_direct:
            await self.say(thread.in_channel, words, once=once)

    async def whisper(
        self, thread: ThreadRef, user: str, words: SlackMessage, *, once: str = "", at: Ts = ""
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
        place = thread.in_channel if thread.thread_ts == at else thread
        await self._owe(thread, Notice(thread=place, to=user, words=words), once)

    async def _owe(self, thread: ThreadRef, notice: Notice, once: str) -> None:
        about = f"{once}:{thread.thread_ts}" if once else secrets.token_hex(8)
        owed = Owed(f"{thread.team}:said:{thread.channel}:{about}", 1, OwedKind.NOTICE)
        kept = keep.SAID_ONCE if once else keep.TRIED
        if await self.outbox.owe(owed, notice.to_json(), kept):
            await self.schedule.tell(owed)

    def mark(self, channel: str, ts: str, emoji: str) -> None:
        """Add the reaction `emoji` to a message."""
        ids = {"channel": channel, "ts": ts}
        self.background.later(_try(lambda: self.threads.mark(channel, ts, emoji, ids), ids))

    def press(self, message: Mapping[str, Any], channel: str, note: str) -> None:
        """Replace a message's buttons with `note`."""
        ids = {"channel": channel, "ts": string(message, "ts")}
        self.background.later(_try(lambda: self.threads.press(message, channel, note), ids))

    async def tell(self, begun: Begun) -> Fate:
        """Post the notice; one for a single person cannot be looked up, so it may appear twice."""
        raw = begun.record["content"]
        if not raw:
            return MOOT
        notice = Notice.model_validate_json(raw)
        if notice.to:
            await self.threads.whisper(notice.thread, notice.to, notice.words)
        else:
            key = str(begun.owed)
            await self.threads.post_once(
                notice.thread, notice.words, key, again=begun.again, follows=True
            )
        return Ended(Leaves.FACT)


async def _try(send: Callable[[], Awaitable[object]], ids: Mapping[str, str]) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            await send()
        except SlackAway as error:
            log.warning("answer waits", extra={**ids, "reason": str(error), "attempt": attempt})
            await asyncio.sleep(min(error.retry_after or attempt, LONGEST_WAIT_SECONDS))
        except SlackRefused as error:
            log.warning("answer refused", extra={**ids, "reason": str(error)})
            return
        else:
            return
    log.error("answer given up", extra=ids)
