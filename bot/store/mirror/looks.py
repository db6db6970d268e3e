"""Looks at watched sessions: what is known when one is taken, and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.model.mirror import Gist, Said, Watched
from bot.model.owed import Owed
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef, parse_thread


@dataclass(frozen=True, slots=True)
class Follower:
    """A thread of a watched session, its link, and when it joined (Unix ms).

    `joined` is 0 once the thread is caught up: from then on it is shown whatever is new.
    """

    thread: ThreadRef
    link: Link
    joined: int


@dataclass(frozen=True, slots=True)
class Look:
    """A session taken for a look at `began` (Unix ms).

    `stirred` is when a reply last reached it, and `step` counts the looks since the last change. A
    look with a `gist` knows no more of a session at rest: it ends in `go_by`, or in `open`.
    """

    session: SessionId
    token: str
    began: int
    seen: Watched
    stirred: int
    step: int
    followers: Sequence[Follower]
    gist: Gist | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The sessions taken for a look, and the seconds until the next one is due (None: unknown)."""

    looks: Sequence[Look]
    now: int
    next_in: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of a look.

    `ids` are the messages that were read, and `said` the items for each thread. `joined` are the
    followers that are caught up now, and `cards` those whose card changes. `after` is the time
    until the next look, None if there is none, and `step` counts the looks since the last change.
    With a `gist`, that is enough for the next look.
    """

    seen: Watched
    after: timedelta | None
    step: int = 0
    ids: Sequence[str] = ()
    said: Sequence[tuple[ThreadRef, Said]] = ()
    joined: Sequence[Follower] = ()
    cards: Sequence[ThreadRef] = ()
    gist: Gist | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entries that a look owes: what is to be posted now, and cards with their delays (s)."""

    words: Sequence[Owed] = ()
    cards: Sequence[tuple[Owed, float]] = ()


def parse_look(taken: Sequence[Any], token: str, now: int) -> Look:
    """Parse a session that was taken at `now`, with all that is known of it."""
    session, seen, stirred, step, followers = taken
    return Look(
        session=SessionId(session),
        token=token,
        began=now,
        seen=Watched.parse(seen) or Watched(),
        stirred=int(stirred),
        step=int(step),
        followers=[
            Follower(parse_thread(name), link, int(joined))
            for name, joined, raw in followers
            if (link := Link.parse(raw)) is not None
        ],
    )


def parse_short_look(session: str, raw: str, now: int) -> Look:
    """Parse a session at rest that was taken at `now`, with its gist."""
    gist = Gist.parse(raw) or Gist()
    seen = Watched(state=gist.state, updated=gist.updated, skew=gist.skew, read_at=gist.read_at)
    return Look(SessionId(session), "", now, seen, 0, gist.step, (), gist)
