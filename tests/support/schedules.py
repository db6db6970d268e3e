"""A schedule that only notes what it is asked for."""

from bot.model.owed import Owed
from bot.model.sessions import SessionId


class Planned:
    """What was to be delivered, and what was to be told and when."""

    is_full = False

    def __init__(self) -> None:
        self.woken: list[tuple[SessionId, float]] = []
        self.told: list[tuple[Owed, float]] = []

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Note it."""
        self.woken.append((session, after))

    async def tell(
        self, report: Owed, after: float = 0.0, attempt: int = 1, *, is_mark: bool = False
    ) -> None:
        """Note it."""
        assert not is_mark
        self.told.append((report, after * attempt))


async def never(_: str) -> None:
    """No channel has another id (`threads.Moved`)."""
