"""Posts and marks in threads, within the rate limits of `limits.py`."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bot.model.errors import OPERATOR_MUST_ACT, SlackRefused
from bot.model.threads import ThreadRef
from bot.slack.limits import RateLimits
from bot.slack.threads import Postable, Threads

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
