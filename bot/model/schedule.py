"""The port to the work of this process; `schedule/local.py` implements it."""

from typing import Protocol

from bot.model.owed import Owed
from bot.model.sessions import SessionId


class Schedule(Protocol):
    """Begins work in this process, now or later, if there is room.

    The work is due in Redis, where every process polls for it. So what finds no room here, or is
    lost with this process, is done a little later, here or elsewhere.
    """

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail in `after` seconds."""

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Post an outbox entry in `after` seconds."""
