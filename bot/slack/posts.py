"""Posts and marks in threads, within the rate limits that Slack has told this process.

Slack limits messages by channel (about one a second) and other methods by workspace
(docs.slack.dev/apis/web-api/rate-limits). So a 429 limits `chat.postMessage` in that channel, and
any other method everywhere; a limited channel delays no other one. Of first ✅, more than Slack
takes in a minute are not even tried.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.threads import ThreadRef
from bot.runtime.limit import SHORTEST_SECONDS, Limit
from bot.slack.threads import Postable, Threads

MARKS_A_MINUTE = 40
MINUTE_SECONDS = 60.0


class MarkBudget:
    """Counts this process's first ✅ in a workspace: `MARKS_A_MINUTE` in any minute.

    `clock` returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: deque[float] = deque(maxlen=MARKS_A_MINUTE)

    def spend(self) -> bool:
        """Spend one ✅; return False if none is left at the moment."""
        now = self._clock()
        is_used_up = len(self._spent) == MARKS_A_MINUTE
        if is_used_up and now - self._spent[0] < MINUTE_SECONDS:
            return False
        self._spent.append(now)
        return True


BY_CHANNEL = frozenset({"chat.postMessage"})
RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "HTTP 429"})
LIMITED = "paused"
"""The `reason` of a call that is not made because of a limit; the log has it."""

STEP_SECONDS = 1.0
"""The time between the turns of waiting callers: about what Slack takes."""


def asked_wait(error: SlackAway) -> float:
    """Return the seconds for which Slack wants no such call from anybody; 0 if it does not say."""
    if error.reason not in RATE_LIMITED and error.retry_after is None:
        return 0.0
    return max(SHORTEST_SECONDS, error.retry_after or 0.0)


class RateLimits:
    """The limits that Slack has imposed on this process, by method and channel."""

    def __init__(self) -> None:
        self._limits: dict[tuple[str, str], Limit] = {}

    @contextmanager
    def respected(self, method: str, channel: str) -> Iterator[None]:
        """Make a call of `method` inside this context, which checks and learns its limit.

        Those that wait have turns, a second apart, so that they do not all come back at once.

        Raises:
            SlackAway: there is a limit, or Slack has just imposed one; `retry_after` is the turn
                of this call.
        """
        key = method, channel if method in BY_CHANNEL else ""
        limit = self._limits.get(key)
        if limit is not None and limit.is_in_force:
            raise SlackAway(method, LIMITED, retry_after=limit.turn(), maybe_done=False)
        try:
            yield
        except SlackAway as error:
            if error.reason not in RATE_LIMITED:
                raise
            limit = self._limits.setdefault(key, Limit(STEP_SECONDS))
            limit.extend(error.retry_after or 0.0)
            wait = limit.turn()
            raise SlackAway(method, error.reason, retry_after=wait, maybe_done=False) from error


log = logging.getLogger(__name__)


class Posts:
    """Writes into threads. Each method may raise `SlackAway`, and `SlackRefused` as documented."""

    def __init__(self, threads: Threads, limits: RateLimits) -> None:
        self._threads = threads
        self._limits = limits

    async def post_once(
        self,
        thread: ThreadRef,
        words: Postable,
        key: str,
        *,
        again: bool,
        ids: Mapping[str, object],
        since: str = "",
    ) -> str:
        """Post `words` with `key`; with `again`, first look for the post of an earlier attempt.

        Slack has no idempotency key for messages. If the thread cannot be read, post anyway. The
        look reads replies after the `ts` `since` only, if it is given. Returns the post's `ts`.

        Raises:
            SlackRefused: Slack does not take it.
        """
        found = await self.find(thread, key, ids=ids, since=since) if again else None
        return found or await self.post(thread, words, key)

    async def post(self, thread: ThreadRef, words: Postable, key: str) -> str:
        """Post `words` with `key`; returns the post's `ts`.

        Raises:
            SlackRefused: Slack does not take it.
        """
        with self._limits.respected("chat.postMessage", thread.channel):
            return await self._threads.post(thread, words, key)

    async def look(self, thread: ThreadRef, key: str, since: str) -> str | None:
        """Return the `ts` of the post with `key` after `since`, as `Threads.find` does.

        Raises:
            SlackRefused: it can't be looked for.
        """
        method = "conversations.replies" if thread.thread_ts else "conversations.history"
        with self._limits.respected(method, thread.channel):
            return await self._threads.find(thread, key, since)

    async def find(
        self, thread: ThreadRef, key: str, *, ids: Mapping[str, object], since: str = ""
    ) -> str | None:
        """Return the `ts` of the post with `key`; None if the thread has none or can't be read."""
        try:
            return await self.look(thread, key, since)
        except SlackRefused as error:
            log.warning("thread not readable", extra={**ids, "reason": str(error)})
            return None

    async def update(self, thread: ThreadRef, ts: str, words: Postable) -> None:
        """Replace our message at `ts` in `thread` by `words`.

        Raises:
            SlackRefused: the message is gone, or cannot be edited any more.
        """
        with self._limits.respected("chat.update", thread.channel):
            await self._threads.update(thread.channel, ts, words)

    async def close(
        self,
        thread: ThreadRef,
        asked: str,
        note: str,
        *,
        ids: Mapping[str, object],
        since: str = "",
    ) -> None:
        """Replace the buttons that answer what was `asked` with `note`, if they are there.

        That is decoration: a refusal is only logged.
        """
        try:
            with self._limits.respected("conversations.replies", thread.channel):
                post = await self._threads.find_asking(thread, asked, since)
            if post is not None:
                with self._limits.respected("chat.update", thread.channel):
                    await self._threads.press(post, thread.channel, note)
        except SlackRefused as error:
            log.warning("buttons left", extra={**ids, "reason": str(error)})

    async def whisper(self, thread: ThreadRef, user: str, words: Postable) -> None:
        """Show `words` to `user` only. Slack does not keep them, so they cannot be looked up.

        Raises:
            SlackRefused: Slack does not take it.
        """
        with self._limits.respected("chat.postEphemeral", thread.channel):
            await self._threads.whisper(thread, user, words)

    async def try_mark(self, channel: str, ts: str, emoji: str, ids: Mapping[str, object]) -> None:
        """Add `emoji` to a message, and log a refusal.

        Raises:
            SlackRefused: the operator must act.
        """
        with self._marking("reactions.add", channel, ids):
            await self._threads.mark(channel, ts, emoji)

    async def try_unmark(
        self, channel: str, ts: str, emoji: str, ids: Mapping[str, object]
    ) -> None:
        """Remove `emoji` from a message; failures are as for `try_mark`."""
        with self._marking("reactions.remove", channel, ids):
            await self._threads.unmark(channel, ts, emoji)

    @contextmanager
    def _marking(self, method: str, channel: str, ids: Mapping[str, object]) -> Iterator[None]:
        try:
            with self._limits.respected(method, channel):
                yield
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.warning("mark refused", extra={**ids, "reason": str(error)})
