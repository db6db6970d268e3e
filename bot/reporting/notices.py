"""Everything the relay tells somebody who asked it something, or who wrote where it listens.

What is said in a thread, or to one person there, is owed in Redis before anybody goes on, and told
by `reporting/reporter.py` until Slack takes it: a process that dies after an act does not leave it
untold. Marks and pressed buttons are decoration: they are tried for a while, and then only the log
has it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import JsonValue

from bot.model.errors import SlackAway, SlackRefused, TooMuch, UnderWay
from bot.model.owed import ReportId, ReportKind
from bot.model.record import Record
from bot.model.replies import ReplyId
from bot.model.schedule import Schedule
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import once_key
from bot.runtime.intake import Intake
from bot.slack.threads import Threads
from bot.store.outbox import KEEP, Outbox
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

TRIES = 4
LONGEST_WAIT_SECONDS = 30.0
SOON_SECONDS = 1.0
"""Of the 3 s for which Slack waits for an acknowledgement."""

BEGUN = timedelta(seconds=30)
"""How long a caller that died keeps others from doing what it began."""

UNDER_WAY_SECONDS = 2.0
LOOK_SECONDS = 0.05

MOST = 1_000
"""Pieces of background work at once in this process, most of them waiting for Slack."""

ONCE = timedelta(days=30)
CLAIM = timedelta(days=2)
"""Longer than Slack's Delayed Events retry (24 h)."""


class Answer(Record):
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
        """What is to be kept of `words`."""
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
        """What is to be said."""
        return SlackMessage(self.text, quote=self.quote, advice=self.advice, buttons=self.buttons)


class Notices:
    """Tells people things, after Slack has been acknowledged."""

    def __init__(
        self,
        *,
        threads: Threads,
        intake: Intake,
        store: Store,
        reports: Outbox,
        schedule: Schedule,
    ) -> None:
        self._threads = threads
        self._intake = intake
        self._store = store
        self._reports = reports
        self._schedule = schedule
        self._under_way = 0

    async def say(self, thread: ThreadRef, words: SlackMessage, *, once: str = "") -> None:
        """Owe `words` to everybody in `thread`; of several with the same `once`, the first.

        Raises:
            StoreAway: they are not known to be owed.
        """
        await self._owe(Answer.of(thread, words, to=""), once)

    async def whisper(
        self, thread: ThreadRef, user: str, words: SlackMessage, *, once: str = ""
    ) -> None:
        """The same for the eyes of `user` only; `once` counts by person and thread.

        Where `thread_ts` is empty, in the channel itself.
        """
        await self._owe(Answer.of(thread, words, to=user), once)

    async def _owe(self, answer: Answer, once: str) -> None:
        thread = answer.thread
        about = f"{once}:{thread.thread_ts}:{answer.to}" if once else secrets.token_hex(8)
        report = ReportId(
            ReplyId(f"{thread.team}:said:{thread.channel}:{about}"), 1, ReportKind.ANSWER
        )
        keep = ONCE if once else KEEP
        if await self._reports.owe(report, answer.to_json(), keep):
            await self._schedule.tell(report)

    def mark(self, channel: str, ts: str, emoji: str) -> None:
        """Put our `emoji` on a message."""
        self.later(self._try(lambda: self._threads.mark(channel, ts, emoji)))

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

        Raises:
            TooMuch: it is not done: Slack must not be acknowledged.
        """
        task = self.later(work)
        if task is None:
            raise TooMuch("too many at once")
        await asyncio.wait({task}, timeout=SOON_SECONDS)

    async def begin(self, what: str, mine: str) -> bool:
        """True when this caller is to do `what` now; False once somebody has, and `claim`ed it.

        `mine` names the caller: an event that Slack brings again goes on where a process died.

        Raises:
            UnderWay: another caller does it at this moment.
        """
        deadline = time.monotonic() + UNDER_WAY_SECONDS
        while not await self.is_claimed(what):
            if await self._store.first(f"begun:{what}", BEGUN, mine):
                return True
            if time.monotonic() > deadline:
                raise UnderWay(what.partition(":")[0])
            await asyncio.sleep(LOOK_SECONDS)
        return False

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
