"""A look at the moment when the session's state is known, and what is to be done then."""

import time
from dataclasses import dataclass
from datetime import timedelta

from bot.devin.api import SessionSummary
from bot.mirror.pace import Worth, gist_of, until_next, worth_of
from bot.model.mirror import Gist
from bot.model.sessions import SessionState
from bot.store.mirror.looks import Look

OLD = timedelta(seconds=6)
"""A look that has waited this long for its turn is left to the next one, before its lease ends."""


@dataclass(frozen=True, slots=True)
class Glance:
    """A look at the moment when the session's state is known, if it is."""

    look: Look
    summary: SessionSummary | None
    taken_at: float
    doubts: bool

    @property
    def worth(self) -> Worth:
        """What it is worth to read the session's messages."""
        return worth_of(self.look, self.summary, doubts=self.doubts)

    @property
    def is_too_short(self) -> bool:
        """True if the look knows only a gist, and there may be something new."""
        return self.look.gist is not None and self.worth is not Worth.NOTHING

    @property
    def gist(self) -> Gist | None:
        """As much as the next look needs, if this one finds nothing new."""
        return gist_of(self.look.seen, self.look, self.look.step + 1)

    @property
    def is_working(self) -> bool:
        """True if the session is at work."""
        return self.summary is not None and self.summary.state is SessionState.WORKING

    @property
    def turn(self) -> tuple[bool, int]:
        """The place in the line for reads."""
        seen, followers = self.look.seen, self.look.followers
        is_awaited = (
            self.is_working or self.look.stirred or not all(one.joined for one in followers)
        )
        return (seen.is_new and not is_awaited, seen.read_at)

    @property
    def is_old(self) -> bool:
        """True if the look has waited so long that its lease may end while messages are read."""
        return time.monotonic() - self.taken_at > OLD.total_seconds()

    @property
    def pause(self) -> timedelta | None:
        """The time until the next look, if this one finds nothing new."""
        state = self.look.seen.state if self.summary is not None else SessionState.UNKNOWN
        return until_next(state, self.look.step + 1)
