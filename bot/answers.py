"""What the relay says to somebody who asked it something, after Slack has been acknowledged.

An answer is best effort: it is tried for a while, and then only the log has it. What a thread must
know about a reply is a report (`telling.py`), which is kept in Redis until it is told.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

from bot.errors import SlackAway, SlackRefused
from bot.intake import Intake
from bot.models import ThreadRef
from bot.store import Store, once_key
from bot.threads import Threads
from bot.words import Words

log = logging.getLogger(__name__)

TRIES = 4
LONGEST_WAIT_SECONDS = 30.0
SOON_SECONDS = 1.0
"""Of the 3 s for which Slack waits for an acknowledgement."""

MOST = 1_000
"""Answers at once in this process, most of them waiting for Slack."""

ONCE = timedelta(days=30)
CLAIM = timedelta(days=2)
"""Longer than Slack's Delayed Events retry (24 h)."""


class Answers:
    """Says things in threads, in the background."""

    def __init__(self, threads: Threads, intake: Intake, store: Store) -> None:
        self._threads = threads
        self._intake = intake
        self._store = store
        self._under_way = 0

    def say(self, thread: ThreadRef, words: Words) -> None:
        """Answer in `thread`, for everybody there."""
        self.later(self._try(lambda: self._threads.post(thread, words)))

    def whisper(self, thread: ThreadRef, user: str, words: Words) -> None:
        """Answer in `thread`, for `user` only."""
        self.later(self._try(lambda: self._threads.whisper(thread, user, words)))

    def mark(self, channel: str, ts: str, emoji: str) -> None:
        """Put our `emoji` on a message."""
        self.later(self._try(lambda: self._threads.mark(channel, ts, emoji)))

    async def whisper_once(self, what: str, thread: ThreadRef, user: str, words: Words) -> None:
        """Tell `user` about `what`, once in this thread."""
        key = f"told:{what}:{thread.team}:{thread.channel}:{thread.thread_ts}:{user}"
        if await self._store.first(key, ONCE):
            self.whisper(thread, user, words)

    def press(self, message: Mapping[str, Any], channel: str, note: str) -> None:
        """Put `note` in the place of a message's buttons."""
        self.later(self._try(lambda: self._threads.press(message, channel, note)))

    def later(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        """Go on with `work` after the acknowledgement; a shutdown waits for it.

        While `MOST` are under way more are dropped, with a line in the log: Slack takes none now.
        """
        if self._under_way >= MOST:
            work.close()
            log.error("answer given up", extra={"reason": "too many at once"})
            return None
        self._under_way += 1
        return self._intake.spawn(self._counted(work))

    async def soon(self, work: Coroutine[None, None, None]) -> None:
        """The same for what a person asked for: the acknowledgement waits for it, a second at most.

        Slack never brings a command or an interaction again. Should this process die meanwhile,
        the person sees that it failed, instead of nothing at all.
        """
        task = self.later(work)
        if task is not None:
            await asyncio.wait({task}, timeout=SOON_SECONDS)

    async def claim(self, what: str) -> bool:
        """True for the first who claims `what`: one of two events for the same message, say."""
        return await self._store.first(f"claim:{what}", CLAIM)

    async def is_claimed(self, what: str) -> bool:
        """True when somebody has claimed `what`."""
        return await self._store.get(once_key(f"claim:{what}")) is not None

    async def disclaim(self, what: str) -> None:
        """Undo `claim`, for work that failed and comes again."""
        await self._store.forget_first(f"claim:{what}")

    async def _counted(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        finally:
            self._under_way -= 1

    async def _try(self, send: Callable[[], Awaitable[object]]) -> None:
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
