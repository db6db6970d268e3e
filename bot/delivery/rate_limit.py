"""When Devin rate-limits messages, those to all sessions wait for their turns.

Devin's documentation names the 429 and not whose limit it is. After the first one another session
tries, alone: if Devin takes its message, the limit is that of one session and delays no other. If
not, it is the key's, and nothing is sent until it ends. Then again one message tries first. Each
process learns of a limit by itself.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from bot.model.replies import Outcome, OutcomeKind, Wait
from bot.model.sessions import SessionId
from bot.runtime.in_flight import SHORTEST_SECONDS, Limit

STEP_SECONDS = 0.25
"""The time between two turns: half of what a workspace's people write at most."""

RATE_LIMITED = f"HTTP {HTTPStatus.TOO_MANY_REQUESTS.value}"


class RateLimit:
    """The limit on messages to Devin; one that Devin imposes lasts `longest` at most."""

    def __init__(self, longest: timedelta) -> None:
        self._longest = max(1.0, longest.total_seconds())
        self._limit = Limit(STEP_SECONDS)
        self._reason = ""
        """Devin's reason for a limit; empty while there is none."""
        self._session: SessionId | None = None
        """The only session that is limited, as far as is known."""

    async def post(
        self, session: SessionId, send: Callable[[], Awaitable[Outcome | Wait]], backoff: float
    ) -> Outcome | Wait:
        """Send a message, unless it must wait for its turn; `backoff` is as for `learn`."""
        if self._reason and self._limit.is_in_force:
            return Wait(self._reason, self._limit.turn(), is_turn=True)
        tries = self._limit.is_tried = bool(self._reason)
        try:
            answer = await send()
        finally:
            if tries:
                self._limit.is_tried = False
        if isinstance(answer, Wait):
            return self.learn(session, answer, backoff)
        if tries and answer.kind is not OutcomeKind.UNCERTAIN:
            self._reason = ""
        return answer

    def learn(self, session: SessionId, wait: Wait, backoff: float) -> Wait:
        """Learn of a limit, by default `backoff` seconds long; return the answer with the wait."""
        if wait.reason != RATE_LIMITED and wait.retry_after is None:
            return wait
        asked = backoff if wait.retry_after is None else wait.retry_after
        asked = min(max(SHORTEST_SECONDS, asked), self._longest)
        is_first = not self._reason
        self._reason = wait.reason
        if is_first or session == self._session:
            self._session = session
            return replace(wait, retry_after=asked)
        self._session = None
        self._limit.extend(asked)
        return replace(wait, retry_after=self._limit.turn())
