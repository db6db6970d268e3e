"""How often a session is polled, with which others, and when its messages are worth a read.

Polls come quickly after somebody said something, and then ever more slowly, down to the pace of
the state. A poll costs next to nothing, since one call returns the states of many sessions; a read
of messages is a call for each session. No document says that `updated_at` moves with each message,
so messages are also read from time to time where it has not moved.

Devin tells a session's children by their ids, so their states come with those of the next poll.

What a card or the ledger has of a session may change after its end: a pull request, a child, and
its total, of which no document says when it is final. So it is polled for longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import IntEnum

from bot.devin.api import MOST_CHILDREN, SessionSummary
from bot.model.sessions import (
    RESTING,
    WAITING,
    Child,
    PullRequest,
    Seen,
    SessionId,
    SessionState,
    Watched,
)
from bot.model.times import DevinMillis, Millis
from bot.store.watches import TakenPoll

SLOWEST: Mapping[SessionState, int] = {
    SessionState.WORKING: 4,
    SessionState.WAITING: 60,
    SessionState.APPROVAL: 60,
}
CHILDREN = 30
OTHERWISE = 300
"""The longest pauses between two polls, by state, with a child at work, and otherwise, in
`Timing.watch_pause`, a second. A session without threads has only the last one."""

SETTLING_MS = 15_000
"""The time after a reply, or the end of Devin's turn, in which each poll reads messages, as the
first one after it does: Devin may list its last words after the state that they lead to, and still
show the state before a reply. Until then, it also need not know a session that was just started."""

WAKING_MS = 60_000
"""The same for a session that slept when it was sent a reply: Devin wakes it with that."""

STANDING_MS = 4_000
"""The time after words that Devin says in answer to a reply, in which the state may be that of
before the reply."""

WORKING_MS = 15_000
SPOKEN_MS = 600_000
SILENT_MS = 3_600_000
"""The longest times without a read: at work, else if anybody spoke within a day, and if nobody."""

DAY_MS = 86_400_000

OPEN_MS = 14 * DAY_MS
"""The time for which an ended session is polled for its open pull requests and children."""

RESUMABLE_MS = 31 * DAY_MS
"""The time without a change after which a session without threads is not polled any more: a month
after its last use, Devin doesn't resume one (docs.devin.ai, "Common issues")."""

LATE_LOOKS_MS = (3_600_000, DAY_MS)
"""The times after its end at which a session is polled once more, for what it has cost."""

MOST_PULLS = 50
"""The pull requests that are known of a session: the last ones that Devin lists."""

RESOLUTION_MS = 1_000
"""Devin's times may be in whole seconds."""


class Worth(IntEnum):
    """How much a read of a session's messages is worth; the most comes first."""

    NOTHING = 0
    A_PRECAUTION = 1
    """Nothing tells that there are new ones; or it was only linked, and no thread waits for any."""

    NEWS = 2


def until_next(poll: TakenPoll, seen: Watched) -> timedelta | None:
    """Return the time until the next poll, about as long as nothing has happened; None: never."""
    idle = abs(poll.began - _moved_at(poll, seen))
    if seen.state is SessionState.ENDED and idle >= SETTLING_MS and not _has_open(poll, seen):
        return _until_late_look(poll, seen)
    if seen.is_unlinked and idle >= RESUMABLE_MS:
        return None
    has_work = any(one.state is SessionState.WORKING for one in seen.children)
    slowest = min(SLOWEST.get(seen.state, OTHERWISE), CHILDREN if has_work else OTHERWISE)
    seconds = OTHERWISE if seen.is_unlinked else min(max(1.0, idle / 1000), slowest)
    return timedelta(seconds=seconds * poll.pause)


def _until_late_look(poll: TakenPoll, seen: Watched) -> timedelta | None:
    age = poll.began - seen.since
    waits = (one * poll.pause - age for one in LATE_LOOKS_MS)
    return next((timedelta(milliseconds=one) for one in waits if one > 0), None)


def pause_of(poll: TakenPoll) -> timedelta | None:
    """Return the time until the next poll of a session whose messages Devin doesn't find."""
    is_over = poll.seen.state is SessionState.ENDED
    state = poll.seen.state if is_over else SessionState.UNKNOWN
    return until_next(poll, poll.seen.model_copy(update={"state": state}))


def _has_open(poll: TakenPoll, seen: Watched) -> bool:
    """Return True if a session ended not long ago of which a card shows what may still change."""
    is_recent = poll.began - seen.since < OPEN_MS
    is_open = bool(seen.open_pulls) or any(_is_open(one) for one in seen.children)
    return is_recent and is_open


def _is_open(child: Child) -> bool:
    return child.state is not SessionState.ENDED


def worth_of(poll: TakenPoll, summary: SessionSummary | None) -> Worth:
    """Return what it is worth to read the session's messages at this poll."""
    seen = poll.seen
    state = seen.state if summary is None else summary.state
    if seen.is_new and not poll.replied and state is not SessionState.WORKING:
        return Worth.A_PRECAUTION
    has_moved = summary is not None and (
        state is not seen.state
        or updated_of(summary) != seen.updated
        or pulls_by(seen, summary) != seen.pull_requests
        or _costs_otherwise(seen, summary)
    )
    is_wanted = poll.read_wanted_at >= seen.read_at or seen.has_more or seen.unread_since
    if is_wanted or has_moved or _is_settling(poll):
        return Worth.NEWS
    if state is SessionState.ENDED:
        return Worth.NOTHING
    is_overdue = poll.began - seen.read_at >= _longest_unread_ms(poll, state) * poll.pause
    return Worth.A_PRECAUTION if is_overdue else Worth.NOTHING


def _costs_otherwise(seen: Watched, summary: SessionSummary) -> bool:
    """Return True if the total has moved, unless the next read of one at work finds that soon."""
    return (seen.is_at_rest or seen.is_unlinked) and summary.acus not in {None, seen.acus}


def pulls_by(seen: Seen, summary: SessionSummary) -> tuple[PullRequest, ...]:
    """Return a session's pull requests; what one answer leaves out of them is as it was."""
    known = {one.url: one for one in seen.pull_requests}
    listed = summary.pull_requests[-MOST_PULLS:]
    told = {one.url: one for one in listed if one.is_clear(known.get(one.url))}
    return tuple((known | told).values())[-MOST_PULLS:]


def updated_of(summary: SessionSummary) -> DevinMillis:
    """Return when Devin last changed the session; 0 if unknown."""
    return DevinMillis(summary.updated_at.timestamp() * 1000 if summary.updated_at else 0)


def _is_settling(poll: TakenPoll) -> bool:
    """Return True until messages are read `SETTLING_MS` after the reply or the change."""
    seen = poll.seen
    if seen.state is SessionState.WORKING:
        return seen.read_at - poll.replied < SETTLING_MS
    if sleeps_on(poll, seen) and seen.read_at - poll.replied < WAKING_MS * poll.pause:
        return True
    return abs(seen.read_at - _moved_at(poll, seen)) < SETTLING_MS


def sleeps_on(poll: TakenPoll, seen: Watched) -> bool:
    """Return True if the session slept when it was sent a reply, and nothing tells that it woke.

    What is found soon after the reply is from before it. A limit or an error is told by itself.
    """
    is_asleep = seen.state is SessionState.SUSPENDED and not (seen.trouble or seen.is_at_cap)
    has_spoken = seen.last is not None and seen.last.at + RESOLUTION_MS >= poll.replied
    slept = poll.replied - seen.since > -SETTLING_MS * poll.pause
    return is_asleep and bool(poll.replied) and slept and not has_spoken


def _longest_unread_ms(poll: TakenPoll, state: SessionState) -> int:
    if poll.seen.is_unlinked:
        return SILENT_MS
    if state is SessionState.WORKING:
        return WORKING_MS
    spoke_at = max(poll.replied, poll.seen.spoke_at)
    return SPOKEN_MS if poll.began - spoke_at < DAY_MS else SILENT_MS


def _moved_at(poll: TakenPoll, seen: Watched) -> Millis:
    moved = max(Millis(int(seen.updated) - seen.skew), seen.spoke_at, poll.replied)
    if seen.state is SessionState.ENDED:
        return max(moved, seen.since)  # Devin may have listed its last words late
    is_lost = seen.state is SessionState.UNKNOWN
    return max(moved, poll.read_wanted_at, seen.since) if is_lost else moved


MOST_SESSIONS = 100
"""The sessions that are polled together, and that one call returns: children may take others."""

TITLE_LIMIT = 100
ADDRESS_LIMIT = 300

Sessions = Mapping[SessionId, SessionSummary]


def asked_with(polls: Sequence[TakenPoll]) -> Sequence[SessionId]:
    """Return the sessions to ask for: these, and then their children that may still change.

    Of those that have ended, only the totals may: their parent's polls ask for them while it rests.
    """
    changing = (
        child.session
        for one in polls
        for child in one.seen.children
        if _is_open(child) or one.seen.is_at_rest
    )
    return list(dict.fromkeys([*(one.session for one in polls), *changing]))


UNCLEAR: Mapping[SessionState, frozenset[SessionState]] = {
    SessionState.WORKING: WAITING | {SessionState.WORKING, SessionState.FINISHED},
    SessionState.SUSPENDED: frozenset({SessionState.SUSPENDED}),
    SessionState.UNKNOWN: frozenset(SessionState),
}
"""The states that a session may still be in, by the one that unclear words of Devin's tell."""


def told_of(before: Watched, session: SessionId, found: Sessions) -> SessionSummary | None:
    """Return what Devin told of a session; a state that it doesn't make clear is as before.

    One that has woken may still wait for what it asked before it fell asleep.
    """
    summary = found.get(session)
    if summary is None:
        return None
    if _may_be(before.state, summary):
        return replace(summary, state=before.state, trouble=before.trouble, limit=before.limit)
    may_wait = before.asked and before.state is SessionState.SUSPENDED
    if may_wait and _may_be(before.asked_in, summary):
        return replace(summary, state=before.asked_in)
    return summary


def _may_be(state: SessionState, summary: SessionSummary) -> bool:
    return bool(summary.unclear) and state in UNCLEAR[summary.state]


def children_of(before: Seen, session: SessionId, found: Sessions) -> tuple[Child, ...]:
    """Return the children of a session; what one answer leaves out of them is as it was."""
    known = {one.session: one for one in before.children}
    listed = found[session].children if session in found else ()
    new = [Child(session=one, is_old=before.acus is None) for one in listed if one not in known]
    kept = [*before.children, *new[: max(0, MOST_CHILDREN - len(known))]]
    return tuple(_child(found[c.session], c) if c.session in found else c for c in kept)


def shown_of(children: Sequence[Child]) -> Sequence[object]:
    """Return what a card shows of children, which is not what they cost."""
    return [(one.session, one.title, one.url, one.state) for one in children]


def have_moved(before: Watched, children: Sequence[Child]) -> bool:
    """Return True if what a card shows of children has changed, or the total of one at rest.

    Of one at work, the next read of its parent finds the total, and its end in any case.
    """
    known = {one.session: one.acus for one in before.children}
    at_rest = (one for one in children if before.is_unlinked or one.state in RESTING)
    costs = any(one.acus != known.get(one.session) for one in at_rest)
    return costs or shown_of(children) != shown_of(before.children)


def _child(summary: SessionSummary, before: Child) -> Child:
    return Child(
        session=summary.session,
        title=summary.title[:TITLE_LIMIT],
        url=summary.url if len(summary.url) <= ADDRESS_LIMIT else "",
        state=before.state if _may_be(before.state, summary) else summary.state,
        acus=before.acus if summary.acus is None else summary.acus,
    )
