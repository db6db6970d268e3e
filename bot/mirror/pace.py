"""How often a session is looked at, and when its messages are worth a read.

Looks come quickly after a change or a reply, and then ever more slowly, down to the pace of the
session's state. A look costs next to nothing, since one call returns the states of many sessions;
a read of messages is a call for each session.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

from bot.devin.api import MessagePage, SessionSummary, Source
from bot.model.mirror import Gist, Watched
from bot.model.sessions import SessionState
from bot.store.mirror.looks import Look

SLOWEST: Mapping[SessionState, timedelta] = {
    SessionState.WORKING: timedelta(seconds=5),
    SessionState.WAITING: timedelta(seconds=60),
    SessionState.APPROVAL: timedelta(seconds=60),
    SessionState.FINISHED: timedelta(minutes=5),
    SessionState.SUSPENDED: timedelta(minutes=5),
    SessionState.ENDED: timedelta(minutes=5),
    SessionState.UNKNOWN: timedelta(minutes=5),
}

AFTER_REPLY_MS = 15_000
"""The time after a reply in which messages are read at each look, whatever the state says."""

LAST_LOOKS = 3
"""The looks at a session that has ended: its last words may be listed late."""

WORKING_MS = 10_000
RESTING_MS = 3_600_000
"""After so long without a read of messages, the next look is a reason for one.

It is not known that each message moves `updated_at`. A working session's next look is within 5 s.
"""

DOUBTED_MS = 120_000

RESOLUTION_MS = 1_000
"""Devin's times may be in whole seconds."""

SETTLED_MS = (3_000, 15_000)
"""The times after a change at which messages are read again.

`updated_at` is in whole seconds, and nobody tells how late Devin lists a message.
"""


NEEDS_ALL = frozenset({SessionState.WORKING, SessionState.UNKNOWN, SessionState.ENDED})
"""The states in which a look needs more than a gist of the session."""


class Worth(Enum):
    """How much a read of a session's messages is worth."""

    NOTHING = 0
    IF_SPARE = 1
    """It is a precaution, and made only while the budget has reads to spare."""

    A_READ = 2


def until_next(state: SessionState, step: int) -> timedelta | None:
    """Return the time until the next look, after `step` looks without a change; None: never."""
    if state is SessionState.ENDED and step >= LAST_LOOKS:
        return None
    return min(timedelta(seconds=2 ** min(step, 10)), SLOWEST[state])


def worth_of(look: Look, summary: SessionSummary | None, *, doubts: bool) -> Worth:
    """Return what it is worth to read the session's messages at this look.

    With `doubts`, `updated_at` was seen not to move with each message, so a working session is read
    at each look, and any other one every two minutes.
    """
    seen = look.seen
    is_behind = seen.is_new or seen.has_more or any(one.joined for one in look.followers)
    is_after_reply = look.began - look.stirred < AFTER_REPLY_MS
    if is_behind or is_after_reply or look.stirred + SETTLED_MS[0] > seen.read_at:
        return Worth.A_READ
    unread_for = look.began - seen.read_at
    if summary is None:
        return Worth.IF_SPARE if unread_for >= RESTING_MS else Worth.NOTHING
    if summary.state is not seen.state or updated_of(summary) != seen.updated:
        return Worth.A_READ
    changed = seen.updated - seen.skew
    may_have_missed = any(seen.read_at < changed + one <= look.began for one in SETTLED_MS)
    is_working = summary.state is SessionState.WORKING
    is_overdue = unread_for >= (WORKING_MS if is_working else RESTING_MS)
    is_doubtful = doubts and (is_working or unread_for >= DOUBTED_MS)
    is_precaution = may_have_missed or is_overdue or is_doubtful
    return Worth.IF_SPARE if is_precaution else Worth.NOTHING


def is_unmoved(
    look: Look, summary: SessionSummary | None, page: MessagePage, shown: frozenset[str]
) -> bool:
    """Return True if a message of Devin's that was not `shown` has not moved `updated_at`.

    Two messages of one second may have one `updated_at`.
    """
    seen = look.seen
    if seen.is_new or summary is None or updated_of(summary) != seen.updated:
        return False
    moved_by = seen.updated + RESOLUTION_MS
    return any(
        one.source is Source.DEVIN and one.id not in shown and one.at.timestamp() * 1000 >= moved_by
        for one in page.messages
    )


def gist_of(seen: Watched, look: Look, step: int) -> Gist | None:
    """Return what is enough for the look after `look`, if that finds nothing new.

    After a reply, and while followers or messages are behind, a look needs to know all.
    """
    is_after_reply = look.began - look.stirred < AFTER_REPLY_MS
    if seen.state in NEEDS_ALL or seen.has_more or is_after_reply:
        return None
    return Gist(
        state=seen.state, updated=seen.updated, skew=seen.skew, read_at=seen.read_at, step=step
    )


def updated_of(summary: SessionSummary) -> int:
    """Return when Devin last changed the session, in Unix ms of Devin's clock; 0 if unknown."""
    return int(summary.updated_at.timestamp() * 1000) if summary.updated_at else 0
