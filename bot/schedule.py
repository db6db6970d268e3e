"""What the relay asks of its scheduler; `tasks.py` answers it with docket."""

from typing import Protocol

from bot.models import SessionId
from bot.reports import ReportId


class Schedule(Protocol):
    """Work that must happen even if this process does not live to do it.

    Both raise `StoreAway` when it could not be scheduled.
    """

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail, in `after` seconds."""

    async def tell(self, report: ReportId, after: float = 0.0, attempt: int = 1) -> None:
        """Tell `report` in its thread, in `after` seconds."""
