"""A schedule that only records requests."""

from bot.model.sessions import SessionId
from bot.store.outbox import Owed


class Planned:
    """Records deliveries to make, and reports to tell with their times."""

    def __init__(self) -> None:
        self.woken: list[tuple[SessionId, float]] = []
        self.told: list[tuple[Owed, float]] = []
        self.attempts: list[int] = []

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Record the request."""
        self.woken.append((session, after))

    async def tell(self, report: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Record the request."""
        self.told.append((report, after * attempt))
        self.attempts.append(attempt)


async def unmoved(_channel: str) -> None:
    """Return None: no channel has a new id."""
