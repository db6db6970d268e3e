"""What the relay asks of its scheduler; `schedule/docket.py` answers it with docket."""

from typing import Protocol

from bot.model.owed import Owed
from bot.model.sessions import SessionId

PASS_ON_SECONDS = 1.0
"""When a session is looked at again whose process is shutting down."""


class Schedule(Protocol):
    """Work that must happen even if this process does not live to do it.

    Both raise `StoreAway` when it could not be scheduled.
    """

    @property
    def is_full(self) -> bool:
        """Whether so much is to be told that a mere mark would come late."""

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds."""

    async def tell(
        self, owed: Owed, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Tell an entry of the outbox, in `after` seconds; `is_mark`: a first ✅ and no more."""
