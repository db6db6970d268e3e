"""The relay's port to its scheduler; `schedule/docket.py` implements it with docket."""

from typing import Protocol

from bot.model.owed import Owed
from bot.model.sessions import SessionId

PASS_ON_SECONDS = 1.0
"""Delay after which another process looks at a session whose process is shutting down."""


BEAT_SECONDS = 0.25
"""Wake-ups of a session that fall on the same beat are one."""


class Schedule(Protocol):
    """Schedules work that must happen even if this process does not survive.

    Both methods raise `StoreAway` if the work could not be scheduled.
    """

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail in `after` seconds."""

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Post an outbox entry in `after` seconds."""


class SlotSchedule(Schedule, Protocol):
    """A schedule that has slots for deliveries in this process."""

    @property
    def free_slots(self) -> int:
        """The number of deliveries that could begin at once."""

    def begin(self, session: SessionId) -> bool:
        """Deliver the session's mail here, at once; return False without a free slot."""
