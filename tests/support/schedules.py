"""A schedule that only records requests."""

from bot.model.owed import Owed
from bot.model.sessions import SessionId


class Planned:
    """Records deliveries to make, and reports to tell with their times."""

    free_slots = 0
    has_begun = True

    def __init__(self) -> None:
        self.woken: list[tuple[SessionId, float]] = []
        self.told: list[tuple[Owed, float]] = []

    def begin(self, session: SessionId) -> bool:
        """Record the request, if the test lets it begin."""
        if self.has_begun:
            self.woken.append((session, 0.0))
        return self.has_begun

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Record the request."""
        self.woken.append((session, after))

    async def tell(self, report: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Record the request."""
        self.told.append((report, after * attempt))


async def never(_: str) -> None:
    """Return None: no channel has a new id (`threads.Moved`)."""
