"""The head of a session's mailbox: the reply to send now, or the reason why there is none."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from bot.model.replies import Outcome, OutcomeKind, Reply, place_of


@dataclass(frozen=True, slots=True)
class Head:
    """The reply to send now. Times are Unix ms; `failing_since` is None while Devin answers.

    `sent` is the time when it was first marked as being sent. `interrupted` is True if an earlier
    holder of the lease, which is gone, did that. With a `flaw`, the record is broken, and `reply`
    has the readable parts of it.
    """

    reply: Reply
    round: int
    accepted: int
    failing_since: int | None
    attempts: int
    now: int
    sent: int
    interrupted: bool
    flaw: ValidationError | None = None
    read: float = field(default_factory=time.monotonic)

    def clock(self) -> datetime:
        """Return the time by Redis's clock, as are all other times here."""
        ahead = time.monotonic() - self.read
        return datetime.fromtimestamp(self.now / 1000 + ahead, UTC)

    @property
    def waited(self) -> timedelta:
        """The time for which deliveries of this reply have failed."""
        if self.failing_since is None:
            return timedelta(0)
        return timedelta(milliseconds=self.now - max(self.failing_since, self.accepted))


@dataclass(frozen=True, slots=True)
class Later:
    """There is mail, which is due in `after` seconds."""

    after: float


class Nothing(StrEnum):
    """The reasons why this caller has nothing to do."""

    EMPTY = "empty"
    HELD = "held"
    LOST = "lost"


Step = Head | Later | Nothing


@dataclass(frozen=True, slots=True)
class Deferred:
    """The attempts so far at a head that was put off, and the seconds until its notice, if any."""

    attempts: int
    notice_after: float | None


def parse_step(answer: Sequence[Any]) -> Step:
    """Parse the step that a script returned; see `include/next_head.lua`."""
    what = answer[0]
    if what == "later":
        return Later(answer[1] / 1000)
    if what not in {"head", "interrupted"}:
        return Nothing(what)
    _, reply_id, raw, number, accepted, since, attempts, now, sent = answer
    team, channel, ts = place_of(reply_id)
    place = {"team": team, "channel": channel, "thread_ts": ts}
    reply, flaw = Reply.read(raw or "", thread=place, ts=ts, author="unknown")
    if flaw is not None:
        thread = reply.thread.model_copy(update={"team": team, "channel": channel})
        reply = reply.model_copy(update={"thread": thread, "ts": ts})
    return Head(
        reply=reply,
        round=int(number or 1),
        accepted=int(accepted or now),
        failing_since=int(since) if since else None,
        attempts=int(attempts),
        now=int(now),
        sent=int(sent),
        interrupted=what == "interrupted",
        flaw=flaw,
    )


def kept_of(head: Head, outcome: Outcome) -> str:
    """Return what FINISH keeps of a reply, "" for nothing; of a delivered one, not the text."""
    reply = head.reply
    if head.flaw is not None or outcome.kind is not OutcomeKind.DELIVERED:
        return reply.to_json()
    if not reply.step and not outcome.left_out:
        return ""
    words = {"text": "", "blocks": (), "files": (), "forwarded": ()}
    return reply.model_copy(update=words).to_json()
