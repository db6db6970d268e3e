"""Each session has a mailbox with its accepted replies, oldest first; each reply gets an outcome.

The invariant: a reply is in its session's mailbox from the moment it is accepted until it is
withdrawn or its outcome is written, and only the holder of the session's lease begins to send it.
A lease carries a token and expires by itself, so a holder that died is followed by another, and one
that was frozen finds its token void: it can neither pop nor report a reply for its successor.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.model.files import Upload
from bot.model.people import UserId
from bot.model.record import mapping, parse_object, string
from bot.model.replies import (
    MAY_BE_THERE,
    Change,
    Evidence,
    Outcome,
    OutcomeKind,
    Reply,
    ReplyId,
    place_of,
)
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Millis, as_datetime, ts_micros
from bot.redis import keep
from bot.redis.connection import Store, millis
from bot.redis.keys import mail_key, subject_key
from bot.redis.lua import commands
from bot.store.lua import scripts
from bot.store.outbox import Owed, OwedKind

_UPLOADS: TypeAdapter[tuple[Upload, ...]] = TypeAdapter(tuple[Upload, ...])

NO_LONGER = timedelta(0)
"""A note on a reply doesn't extend its TTL."""

UNANSWERED = frozenset({OutcomeKind.GIVEN_UP, OutcomeKind.UNCERTAIN})
"""Outcomes after which Devin still counts as failing."""


@dataclass(frozen=True, slots=True)
class Head:
    """The reply at the head of a mailbox, to send now.

    `failing_since` is None while Devin answers the session; `attempts` counts the session's tries
    since then, whichever reply they were for. `was_delayed` is True if this reply was ever put off,
    so that its thread may have been told. `sending_since` is when it was marked as being sent.
    `interrupted` is True if an earlier holder of the lease, which is gone, did that. `as_user` is
    the account as which it was last sent, "" for none, and None if that isn't recorded. With a
    `flaw`, the record is broken, and `reply` has the readable parts of it.
    """

    reply: Reply
    round: int
    accepted: Millis
    failing_since: Millis | None
    attempts: int
    now: Millis
    sending_since: Millis
    interrupted: bool
    as_user: str | None = None
    was_delayed: bool = False
    flaw: ValidationError | None = None
    taken: float = field(default_factory=time.monotonic)

    def clock(self) -> datetime:
        """Return the time by Redis's clock, as are all other times here."""
        return as_datetime(self.now) + timedelta(seconds=time.monotonic() - self.taken)

    @property
    def waited(self) -> timedelta:
        """The time for which deliveries of this reply have failed."""
        if self.failing_since is None:
            return timedelta(0)
        return timedelta(milliseconds=self.now - max(self.failing_since, self.accepted))


@dataclass(frozen=True, slots=True)
class Later:
    """There is mail, due in `after` seconds."""

    after: float


class Nothing(StrEnum):
    """The reasons why this caller has nothing to do."""

    EMPTY = "empty"
    HELD = "held"
    LOST = "lost"


Step = Head | Later | Nothing


def parse_step(answer: Sequence[Any]) -> Step:
    """Parse the step that a script returned; see `include/next_head.lua`."""
    what = answer[0]
    if what == "later":
        return Later(answer[1] / 1000)
    if what not in {"head", "interrupted"}:
        return Nothing(what)
    _, reply_id, raw, number, accepted, failing, attempts, now, since, as_user, put_off = answer
    team, channel, ts = place_of(reply_id)
    flaw: ValidationError | None = None
    try:
        reply = Reply.model_validate_json(raw or "")
    except ValidationError as error:
        root = string(mapping((parse_object(raw or "") or {}).get("thread")), "thread_ts")
        thread = ThreadRef(team=team, channel=channel, thread_ts=root or ts)
        reply, flaw = Reply(thread=thread, ts=ts, author=UserId("unknown")), error
    return Head(
        reply=reply,
        round=int(number or 1),
        accepted=Millis(accepted or now),
        failing_since=Millis(failing) if failing else None,
        attempts=int(attempts),
        now=Millis(now),
        sending_since=Millis(since),
        interrupted=what == "interrupted",
        as_user=as_user,
        was_delayed=bool(put_off),
        flaw=flaw,
    )


def kept_of(head: Head, outcome: Outcome) -> str:
    """Return what FINISH keeps of a reply, "" for nothing; of a delivered one, not the text.

    If the reply was put off, its thread is kept: the report of that may have to be taken back.
    """
    reply = head.reply
    if head.flaw is not None or outcome.kind is not OutcomeKind.DELIVERED:
        return reply.to_json()
    if not (reply.step or outcome.left_out or head.was_delayed):
        return ""
    emptied = {"text": "", "blocks": (), "files": (), "forwarded": ()}
    return reply.model_copy(update=emptied).to_json()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of accepting, and the seconds until the session needs a wake-up (None: never)."""

    change: Change
    wake_after: float | None


class Mailbox:
    """All sessions' mailboxes, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._link_ttl = int(link_ttl.total_seconds())

    async def accept(
        self, reply: Reply, session: SessionId, wait: timedelta, evidence: Evidence = Evidence.EVENT
    ) -> Accepted:
        """Put `reply` into the mailbox of `session`, once, if its thread is still linked to it.

        It is not sent before `wait` is over: an earlier one may come first.
        """
        change, wake_ms = await scripts.accept(
            self._store,
            session=session,
            text=reply.to_json(),
            reply_id=reply.id,
            score=ts_micros(reply.ts),
            wait=millis(wait),
            link_ttl=self._link_ttl,
            thread=_thread_of(reply),
            evidence=evidence,
            call=secrets.token_hex(8),
        )
        return Accepted(Change(change), None if wake_ms < 0 else wake_ms / 1000)

    async def take(self, session: SessionId, token: str) -> Step:
        """Take the lease on `session` under `token`, and mark its head as being sent."""
        return parse_step(await scripts.take(self._store, session=session, token=token))

    async def finish(
        self,
        session: SessionId,
        token: str,
        head: Head,
        outcome: Outcome,
        *,
        is_owed: bool = True,
        go_on: bool,
    ) -> Step:
        """Write the outcome, pop the reply, owe its report; `LOST` if another has it by now."""
        reply = head.reply
        report = Owed(reply.id, head.round, OwedKind.OUTCOME) if is_owed else ""
        answer = await scripts.finish(
            self._store,
            session=session,
            token=token,
            reply_id=reply.id,
            outcome=outcome.to_json(),
            kept=kept_of(head, outcome),
            answered=outcome.kind not in UNANSWERED,
            report=str(report),
            goes_on=go_on,
            thread=_thread_of(reply),
            by=reply.author,
            may_be_there=outcome.kind in MAY_BE_THERE,
            link_ttl=self._link_ttl,
            poll_after_ms=int(self._store.timing.watch_pause * 1000),
        )
        return parse_step(answer)

    async def defer(
        self,
        session: SessionId,
        token: str,
        head: Head,
        after: timedelta,
        report_after: timedelta | None = None,
    ) -> tuple[int, float | None] | None:
        """Put the head off until `after`; return None if it is no longer being sent under `token`.

        Otherwise, return the attempts so far, and the seconds until its report, if any. With
        `report_after`, Devin has put it off: that counts as an attempt, and the first time in a
        round owes a report that it waits, due after that. Without it, the reply wasn't sent.
        """
        report = "" if report_after is None else Owed(head.reply.id, head.round, OwedKind.DELAY)
        answer = await scripts.defer(
            self._store,
            session=session,
            token=token,
            reply_id=head.reply.id,
            after_ms=millis(after),
            report=str(report),
            report_after_ms=millis(report_after or timedelta(0)),
        )
        if not answer:
            return None
        attempts, report_ms = answer
        return attempts, None if report_ms < 0 else report_ms / 1000

    async def renew(self, session: SessionId, token: str) -> bool:
        """Extend the lease by `keep.SESSION_LEASE`; return False if it is no longer ours."""
        lease_ms = millis(keep.SESSION_LEASE)
        return bool(
            await scripts.renew(self._store, leased=session, token=token, lease_ms=lease_ms)
        )

    async def kept(self, reply: ReplyId) -> Reply | None:
        """Return the reply while it waits, or while a report or *Send again* may need it."""
        raw = await self._store.field(subject_key(reply), "reply")
        return Reply.model_validate_json(raw) if raw else None

    async def uploads(self, reply: ReplyId) -> Sequence[Upload] | None:
        """Return the uploads of `reply`; None: none are recorded, so it was certainly not sent."""
        raw = await self._store.field(subject_key(reply), "files")
        return _UPLOADS.validate_json(raw) if raw else None

    async def keep_uploads(self, reply: ReplyId, brought: Sequence[Upload]) -> None:
        """Record the uploads of the files of `reply`, which are not repeated with a later try."""
        await self._note(reply, "files", _UPLOADS.dump_json(tuple(brought)).decode())

    async def is_changed(self, reply: ReplyId) -> bool:
        """Return True if a change is noted of `reply`, which is being sent: `defer` applies it."""
        return await self._store.field(subject_key(reply), "meanwhile") is not None

    async def keep_as_user(self, reply: ReplyId, account: str) -> None:
        """Record the account as which `reply` is sent next, on which its text depends."""
        await self._note(reply, "as_user", account)

    async def _note(self, reply: ReplyId, field: str, text: str) -> None:
        await self._store.put_field(subject_key(reply), field, text, NO_LONGER)

    async def session_of(self, reply: ReplyId) -> SessionId | None:
        """Return the session for which the reply was last accepted, as long as that is known."""
        session = await self._store.field(subject_key(reply), "session")
        return SessionId(session) if session else None

    async def is_known(self, reply: ReplyId) -> bool:
        """Return True if the reply was accepted or withdrawn before."""
        return await self._store.field(subject_key(reply), "state") not in {None, "ahead"}

    async def round_of(self, reply: ReplyId) -> int:
        """Return the round of a reply, even if the text is gone by now; 0 for an unknown one."""
        return int(await self._store.field(subject_key(reply), "round") or 0)

    async def send_again(self, reply: Reply, number: int) -> SessionId | None:
        """Put a finished reply back, once for each round; return its session if that was done."""
        score, press = ts_micros(reply.ts), secrets.token_hex(8)
        session: SessionId | None = await scripts.send_again(
            self._store, reply_id=reply.id, score=score, number=number, press=press
        )
        return session

    async def length(self, session: SessionId) -> int:
        """Return the number of replies that wait for `session`."""
        _, found = await commands.places(self._store, keys=[mail_key(session)], members=[""])
        ((length, *_),) = found
        return int(length)


def _thread_of(reply: Reply) -> str:
    return "" if reply.thread.is_nowhere else reply.thread.name
