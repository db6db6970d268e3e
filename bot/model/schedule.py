"""The relay's port to its scheduler; `schedule/docket.py` implements it with docket."""

from typing import Protocol

from bot.model.owed import Owed
from bot.model.sessions import SessionId

PASS_ON_SECONDS = 1.0
"""Delay after which another process looks at a session whose process is shutting down."""


class Schedule(Protocol):
    """Schedules work that must happen even if this process does not survive.

    Both methods raise `StoreAway` if the work could not be scheduled.
    """

    @property
    def is_full(self) -> bool:
        """True if so many reports are waiting that a mere mark would come late."""

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail in `after` seconds."""

    async def tell(
        self, owed: Owed, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Post an outbox entry in `after` seconds; `is_mark`: it is a first ✅ and nothing more."""
