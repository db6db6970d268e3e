"""Notices: what the relay tells somebody who asked it something, or who wrote where it listens.

A notice is owed in Redis before anybody goes on, and told until Slack takes it: a process that dies
after an act does not leave it untold. Marks and pressed buttons are decoration: they are tried for
a while, and then only the log has it.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import JsonValue

from bot.model.errors import SlackAway, SlackRefused
from bot.model.owed import Owed, OwedKind
from bot.model.record import Record
from bot.model.schedule import Schedule
from bot.model.threads import ThreadRef
from bot.reporting.posts import Posts
from bot.runtime.background import Background
from bot.slack.threads import Threads
from bot.store.outbox import KEEP, Begun, Outbox
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

TRIES = 4
LONGEST_WAIT_SECONDS = 30.0

ONCE = timedelta(days=30)
"""How long it is known that something was said which is said once."""


class Notice(Record):
    """Words that are owed: to everybody in `thread`, or to one person there."""

    v: Literal[1] = 1
    thread: ThreadRef
    to: str = ""
    text: str
    quote: str = ""
    advice: str = ""
    buttons: tuple[dict[str, JsonValue], ...] = ()

    @classmethod
    def of(cls, thread: ThreadRef, words: SlackMessage, to: str) -> Self:
        """The record of `words`."""
        buttons = tuple(dict(button) for button in words.buttons)
        return cls(
            thread=thread,
            to=to,
            text=words.text,
            quote=words.quote,
            advice=words.advice,
            buttons=buttons,
        )

    @property
    def words(self) -> SlackMessage:
        """The message."""
        return SlackMessage(self.text, quote=self.quote, advice=self.advice, buttons=self.buttons)


class Notices:
    """Owes notices to people and threads."""

    def __init__(
        self, *, outbox: Outbox, schedule: Schedule, threads: Threads, background: Background
    ) -> None:
        self._outbox = outbox
        self._schedule = schedule
        self._threads = threads
        self._background = background

    async def say(self, thread: ThreadRef, words: SlackMessage, *, once: str = "") -> None:
        """Owe `words` to everybody in `thread`; of several with the same `once`, the first.

        Raises:
            StoreAway: they are not known to be owed.
        """
        await self._owe(Notice.of(thread, words, to=""), once)

    async def whisper(
        self, thread: ThreadRef, user: str, words: SlackMessage, *, once: str = ""
    ) -> None:
        """Owe `words` to `user` only; `once` counts by person and thread.

        Where `thread_ts` is empty, in the channel itself.

        Raises:
            StoreAway: they are not known to be owed.
        """
        await self._owe(Notice.of(thread, words, to=user), once)

    async def _owe(self, notice: Notice, once: str) -> None:
        thread = notice.thread
        about = f"{once}:{thread.thread_ts}:{notice.to}" if once else secrets.token_hex(8)
        owed = Owed(f"{thread.team}:said:{thread.channel}:{about}", 1, OwedKind.NOTICE)
        if await self._outbox.owe(owed, notice.to_json(), ONCE if once else KEEP):
            await self._schedule.tell(owed)

    def mark(self, channel: str, ts: str, emoji: str) -> None:
        """Put our `emoji` on a message."""
        self._background.later(_try(lambda: self._threads.mark(channel, ts, emoji)))

    def press(self, message: Mapping[str, Any], channel: str, note: str) -> None:
        """Put `note` in the place of a message's buttons."""
        self._background.later(_try(lambda: self._threads.press(message, channel, note)))


class NoticeTeller:
    """The teller of notices."""

    fields = ("asked",)

    def __init__(self, outbox: Outbox, posts: Posts) -> None:
        self._outbox = outbox
        self._posts = posts

    async def tell(self, begun: Begun) -> bool:
        """Say what is owed; what is for one person cannot be looked for, so it may come twice."""
        raw = begun.record["asked"]
        if not raw:
            return False
        notice = Notice.model_validate_json(raw)
        if notice.to:
            await self._posts.whisper(notice.thread, notice.to, notice.words)
        else:
            key, ids = str(begun.owed), begun.owed.log_fields
            await self._posts.post_once(
                notice.thread, notice.words, key, again=begun.again, ids=ids
            )
        return True

    async def end(self, begun: Begun, *, told: bool) -> None:
        """End the notice; of one that was told, only that it was owed stays known."""
        await self._outbox.end(begun.owed, forget=told)

    async def drop(self, begun: Begun, attempt: int, why: str) -> bool:  # noqa: ARG002  (as `Teller` has it)
        """Never: somebody waits for it."""
        return False


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
