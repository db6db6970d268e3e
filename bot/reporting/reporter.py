"""Has the outbox's entries told by their tellers, each until Slack takes or refuses it.

Notices, one kind of them, answer a person's request, or tell people about a message where the relay
listens. A notice is written to the outbox before its cause is acknowledged. Reports, another kind,
tell a thread, and a waiting workflow, how deliveries ended and which replies wait.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from bot.model.errors import (
    OPERATOR_MUST_ACT,
    DevinAway,
    PersonError,
    SlackAway,
    SlackRefused,
    StoreAway,
)
from bot.model.people import UserId
from bot.model.record import Record, string
from bot.model.replies import Outcome, OutcomeKind, Reply, place_of
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.redis import keep
from bot.redis.connection import retried
from bot.runtime import metrics
from bot.runtime.in_flight import Background
from bot.slack.api import PAUSED
from bot.slack.app.workspace import Workspace
from bot.slack.threads import Threads
from bot.store.outbox import (
    MANY,
    MOOT,
    Begun,
    DueAgain,
    Ended,
    Fate,
    Leaves,
    Outbox,
    Owed,
    OwedKind,
    RefusedAs,
    Report,
    Schedule,
    Teller,
)
from bot.store.state import State
from bot.timing import TIMING
from bot.wording import delivery_reports
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

TELLING_SECONDS = 40.0
"""The time for one attempt, which ends before `ENTRY_LEASE` lets another process begin."""


@contextmanager
def having_posted() -> Iterator[None]:
    """Mark what fails inside this context as having come after a post."""
    try:
        yield
    except SlackAway as error:
        error.maybe_done = True
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Brings the outbox's entries to Slack."""

    outbox: Outbox
    tellers: Mapping[str, Teller]
    schedule: Schedule
    seconds: float = TELLING_SECONDS
    pauses: Sequence[float] = TIMING.tell_pauses

    async def tell(self, owed: Owed, attempt: int = 1) -> None:
        """Tell one entry, or schedule a retry; an entry that was told is not told again.

        `attempt` counts the tries that have failed since one went on, and this one.
        """
        ends = asyncio.get_running_loop().time() + self.seconds
        teller = self.tellers[owed.kind]
        begun = await self.outbox.begin(owed)
        if begun is None:
            return
        try:
            await self._try(teller, begun, attempt, ends)
        except StoreAway as error:  # its lease would keep the entry from everybody else
            away = SlackAway("Redis", str(error), maybe_done=True)
            await self._try_later(begun, away, attempt)

    async def _try(self, teller: Teller, begun: Begun, attempt: int, ends: float) -> None:
        owed = begun.owed
        try:
            async with asyncio.timeout_at(ends):
                fate = await teller.tell(begun)
        except TimeoutError:
            slow = SlackAway("telling", "too slow", maybe_done=True)
            await self._try_later(begun, slow, attempt)
            return
        except (SlackAway, DevinAway) as error:
            await self._try_later(begun, error, attempt)
            return
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                away = SlackAway(error.method, error.reason, maybe_done=False)
                await self._try_later(begun, away, attempt)
                return
            # The thread is out of reach: archived, left or deleted. Nobody there can be told.
            level = logging.WARNING if teller.is_decorative else logging.ERROR
            log.log(level, "report refused", extra=owed.log_fields | {"reason": str(error)})
            metrics.REPORTS.labels("refused").inc()
            fate = error.fate if isinstance(error, RefusedAs) else teller.refused
        else:
            if fate.told is not None:
                metrics.REPORTS.labels("told" if fate.told else "moot").inc()
                log.info("told" if fate.told else "nothing to tell", extra=owed.log_fields)
        for due, after in await self.outbox.settle(begun, fate):
            await self.schedule.tell(due, after)

    async def _try_later(self, begun: Begun, error: SlackAway | DevinAway, attempt: int) -> None:
        is_pause = error.reason == PAUSED
        failures = (0 if error.went_on else attempt - 1) + (not is_pause)
        delay = error.retry_after
        if delay is None:
            delay = self.pauses[min(max(failures, 1), len(self.pauses)) - 1]
        may_be_done = begun.again or isinstance(error, DevinAway) or error.maybe_done
        await retried(self.outbox.settle, begun, DueAgain(delay, may_be_done=may_be_done))
        level = logging.INFO if is_pause else logging.WARNING
        level = logging.ERROR if error.reason in OPERATOR_MUST_ACT else level
        ids = begun.owed.log_fields | {"reason": str(error), "seconds": delay}
        log.log(level, "report waits", extra=ids)
        await self.schedule.tell(begun.owed, delay, failures + 1)


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


ReplyResult = Outcome | NamedSession | PersonError | SlackMessage
"""What comes of a reply: it ended so, began this session, or neither for that reason."""

Completes = Callable[[Reply, ReplyResult], Awaitable[None]]
"""Completes the workflow's step (`Reply.step`) that waits for what comes of a reply."""

Named = Callable[[SessionId, str, UserId], Awaitable[NamedSession]]
"""Names a session as a channel may see it, in which a person acts (`mirror/audience.py`)."""


@dataclass(frozen=True, slots=True)
class _Tellers(Teller):
    workspace: Workspace
    state: State
    named: Named

    async def _post(self, report: Report, reply: Reply, words: SlackMessage) -> None:
        key, threads = str(report.owed), self.workspace.threads
        await threads.post_once(reply.thread, words, key, again=report.again, follows=True)

    async def _mark(self, owed: Owed, emoji: str, *, takes_off: bool = False) -> None:
        _, channel, ts = place_of(owed.subject)
        await self.workspace.threads.mark(channel, ts, emoji, owed.log_fields, takes_off=takes_off)

    async def _take_back(self, report: Report) -> None:
        """Take ⏳ off, and edit the post that the reply waits: both would stay for good."""
        await self._mark(report.owed, delivery_reports.WAITING_MARK, takes_off=True)
        where = report.delay_told_in or (report.reply.thread.thread_ts if report.reply else "")
        if not where:
            return
        owed, (team, channel, ts) = report.owed, place_of(report.owed.subject)
        thread = ThreadRef(team=team, channel=channel, thread_ts=where)
        key, ids = str(replace(owed, kind=OwedKind.DELAY)), owed.log_fields
        post = await self.workspace.threads.find(thread, key, ts)
        if post is None:
            return
        by = report.reply.author if report.reply else UserId("")
        words = delivery_reports.waited(await self.named(report.session, channel, by))
        try:
            await self.workspace.threads.update(thread, post, words, follows=True)
        except SlackRefused as error:
            log.warning("delay not edited", extra={**ids, "reason": str(error)})


@dataclass(frozen=True, slots=True)
class Outcomes(_Tellers):
    """The teller of outcomes."""

    completes: Completes
    kind = OwedKind.OUTCOME
    lanes = MANY

    async def tell(self, begun: Begun) -> Fate:
        """Complete a step first, wherever its thread is; post a report, if any; mark the reply."""
        report = Report.of(begun)
        outcome, reply = report.outcome, report.reply
        if outcome is None:
            return MOOT
        if reply is not None and reply.step:
            await self.completes(reply, outcome)
        if reply is not None and reply.thread.is_nowhere:
            return Ended()
        if reply is not None and not outcome.is_plain:
            channel, admin = reply.thread.channel, self.workspace.admin
            session = await self.named(report.session, channel, reply.author)
            words = delivery_reports.report(outcome, reply, report.owed.number, session, admin)
            try:
                await self._post(report, reply, words)
            except SlackRefused as error:
                if error.reason not in OPERATOR_MUST_ACT:
                    await self._settle(report, outcome.kind)  # else ⏳ would stay
                raise
        with having_posted():
            await self._settle(report, outcome.kind)
        return Ended()

    async def _settle(self, report: Report, kind: OutcomeKind) -> None:
        """Add the outcome's mark to the reply, and remove what told of earlier states."""
        mark = delivery_reports.MARKS.get(kind)
        if mark is not None:
            await self._mark(report.owed, mark)
        stale = set(delivery_reports.MARKS.values()) - {mark} if report.owed.number > 1 else set()
        for emoji in stale:
            await self._mark(report.owed, emoji, takes_off=True)
        if report.delay_told_in:
            await self._take_back(report)


class Delays(_Tellers):
    """The teller of delays; once a reply no longer waits, a poll has it told that."""

    kind = OwedKind.DELAY
    is_found_by_polls = True

    async def tell(self, begun: Begun) -> Fate:
        """Post that the reply waits, and mark it with ⏳; once it doesn't, take both back."""
        report = Report.of(begun)
        reply = report.reply
        if not report.is_waiting:
            may_be_told = begun.again or bool(report.delay_told_in)
            if may_be_told:
                await self._take_back(report)
            return Ended(told=may_be_told)
        if reply is None or reply.thread.is_nowhere:
            return MOOT
        session = await self.named(report.session, reply.thread.channel, reply.author)
        longest = self.workspace.settings.give_up_after
        await self._post(report, reply, delivery_reports.waiting(reply, longest, session))
        with having_posted():
            await self._mark(report.owed, delivery_reports.WAITING_MARK)
        return Ended(delay_told_in=reply.thread.thread_ts)
