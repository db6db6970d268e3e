"""A rate limit that a server has imposed on calls of this process: afterwards, they have turns."""

import time
from dataclasses import dataclass

SHORTEST_SECONDS = 0.5
"""The length of a limit for an answer that asks for less, or says nothing."""


@dataclass(slots=True)
class Limit:
    """A limit that was imposed; `step` is the time in seconds between two turns."""

    step: float
    until: float = 0.0
    next_turn: float = 0.0
    is_tried: bool = False

    @property
    def is_in_force(self) -> bool:
        """Whether calls must wait: until its end, and then for the one that tries."""
        return self.is_tried or time.monotonic() < self.until

    def extend(self, seconds: float) -> None:
        """Let the limit last for `seconds` from now, at least."""
        self.until = max(self.until, time.monotonic() + max(SHORTEST_SECONDS, seconds))
        self.is_tried = False

    def turn(self) -> float:
        """Give away the next turn, in seconds from now."""
        now = time.monotonic()
        turn = max(self.until, self.next_turn, now + self.step if self.is_tried else now)
        self.next_turn = turn + self.step
        return turn - now
