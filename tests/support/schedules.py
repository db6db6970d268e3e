"""A schedule that only records requests."""

from bot.model.sessions import SessionId
from bot.store.outbox import MOOT, Begun, Fate, Owed, OwedKind, Teller


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


class Outcomes(Teller):
    """A teller of outcomes that tells nothing, for a schedule that only asks how many at once."""

    kind = OwedKind.OUTCOME

    async def tell(self, begun: Begun) -> Fate:  # noqa: ARG002  (as a teller's)
        """Tell nothing."""
        return MOOT
