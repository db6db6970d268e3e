"""Sessions that the backfill leaves until Slack may be asked again."""

import time
from collections.abc import Mapping
from typing import TypeVar

from bot.model.errors import SlackAway, UnderWay
from bot.model.sessions import SessionId

T = TypeVar("T")


class PutOff:
    """The sessions, each until its time; `pause` is that of one for which Slack names none."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._until: dict[SessionId, float] = {}

    @property
    def seconds(self) -> float | None:
        """The time until the first of them may be read again; None if there is none."""
        return min(self._until.values()) - time.monotonic() if self._until else None

    def without(self, plan: Mapping[SessionId, T]) -> dict[SessionId, T]:
        """Return what may be read of `plan` now, and forget what is put off and not in it."""
        now, known = time.monotonic(), self._until.items()
        self._until = {one: until for one, until in known if until > now and one in plan}
        return {one: threads for one, threads in plan.items() if one not in self._until}

    def add(self, session: SessionId, error: SlackAway | UnderWay) -> dict[str, object]:
        """Put a session off because of `error`; return what the log says of it."""
        asked = error.retry_after if isinstance(error, SlackAway) else None
        seconds = self._pause if asked is None else asked
        self._until[session] = time.monotonic() + seconds
        return {"reason": str(error), "seconds": seconds}
