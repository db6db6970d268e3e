"""What a poll records of a session whose messages can't be read. Pure.

What the survey has told is told all the same: the state on the card, and what people must know of
it, once, without Devin's words. The cursor stays, so that these come when they can be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.devin.api import SessionSummary
from bot.mirror.news import closed_by, events_of, of_cap, opened_by, shows, told_by
from bot.mirror.pace import SETTLING_MS, until_next
from bot.model.sessions import (
    CAPS,
    OVER,
    Child,
    Follow,
    Said,
    SaidKind,
    SessionState,
)
from bot.model.threads import follow_of
from bot.model.times import Millis
from bot.store.watches import LinkedThread, Polled, TakenPoll

UNREAD_MS = 300_000
"""The time after which threads are told that messages which are there can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """What is known of a session without its messages; `has_news` if there seem to be some."""

    summary: SessionSummary | None
    default: Follow
    has_news: bool
    children: tuple[Child, ...] = ()


def found_without(poll: TakenPoll, known: Unheard, after: timedelta | None) -> Polled:
    """Return what to record of a poll whose read failed; the next one is `after` that."""
    before, is_followed = poll.seen, any(one.is_caught_up for one in poll.threads)
    since = before.unread_since or (poll.began if known.has_news else before.unread_since)
    is_told = bool(since) and poll.began - since >= UNREAD_MS * poll.pause
    told = {} if known.summary is None else told_by(known.summary, poll, known.children)
    update = {"unread_since": since, "is_unread_told": is_told, **told}
    if poll.started is not None:
        update["cap"] = poll.started.cap
    seen = before.model_copy(update=update)
    is_history = before.is_new and not is_followed and not before.unread_since
    events = () if is_history else events_of(poll, seen, (), None)
    seen = seen.model_copy(update=opened_by(poll, seen, events, None))
    events = [*closed_by(poll, seen, None), *events]
    if is_told and not before.is_unread_told:
        events.append(Said(kind=SaidKind.UNREAD, at=poll.began))
    return Polled(
        seen=seen,
        after=after,
        said=[
            (one.thread, item) for one in poll.threads for item in _for(one, poll, known, events)
        ],
        cards=poll.threads if shows(seen) != shows(before) else (),
    )


def _for(
    one: LinkedThread, poll: TakenPoll, known: Unheard, events: Sequence[Said]
) -> Sequence[Said]:
    """Return what a thread is told; one that was linked since then has missed nothing."""
    if not one.is_caught_up and one.follows_from >= poll.seen.unread_since:
        return ()
    is_off = follow_of(one.link, known.default) is Follow.OFF
    return [item for item in events if item.kind in CAPS] if is_off else events


def unlinked(
    poll: TakenPoll, summary: SessionSummary | None, children: tuple[Child, ...]
) -> tuple[Polled, Sequence[Said]]:
    """Return what to record of a session without threads, and what people must know of its cap.

    What is known of its messages, and what it asked, stay as they were.
    """
    update = {} if summary is None else told_by(summary, poll, children)
    update |= {"is_unlinked": True, "read_at": poll.began, "unread_since": Millis(0)}
    if poll.started is not None:
        update["cap"] = poll.started.cap
    seen = poll.seen.model_copy(update=update)
    said = of_cap(poll, seen)
    if said:
        seen = seen.model_copy(update={"cap_said": said[0].kind})
    return Polled(seen=seen, after=until_next(poll, seen)), said


def not_found(poll: TakenPoll) -> Polled | None:
    """Return what to record of a session that Devin finds in no way; None if that is known.

    Nothing was read, so that nothing is missed if it is back. One that is over stays so, and one
    that was only just linked may not be there yet.
    """
    age = poll.began - poll.read_wanted_at
    is_settling = poll.seen.is_new and age < SETTLING_MS * poll.pause
    if poll.seen.is_missing or poll.seen.state in OVER or is_settling:
        return None
    unknown = SessionState.UNKNOWN
    since = poll.seen.since if poll.seen.state is unknown else poll.began
    seen = poll.seen.model_copy(update={"state": unknown, "since": since, "is_missing": True})
    return Polled(seen=seen, after=until_next(poll, seen), cards=poll.threads)
