"""The lease of one delivery on a session, renewed while Devin answers.

A process that may have lost its lease, for instance because it was frozen, must not send. Its
steps in the mailbox are repeated while Redis may come back.

When Devin rate-limits messages, those to all sessions wait for their turns. Devin's documentation
names the 429 and not whose limit it is. After the first one another session tries, alone: if Devin
takes its message, the limit is that of one session and delays no other. If not, it is the key's,
and nothing is sent until it ends. Then again one message tries first. Each process learns of a
limit by itself.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

from bot.model.errors import StoreAway
from bot.model.replies import Outcome, OutcomeKind, Wait
from bot.model.sessions import SessionId
from bot.redis.keep import LEASE
from bot.runtime.in_flight import InFlight
from bot.runtime.limit import SHORTEST_SECONDS, Limit
from bot.store.claims import renewed
from bot.store.mailbox import Mailbox

TURN_SECONDS = 1.0
"""The time after which a session with much mail makes room for others."""

RENEWALS = 3
"""The number of times a lease is renewed before it would expire."""


class Lease:
    """A lease on a session, with the time until which this process is certain to have it."""

    def __init__(self, mailbox: Mailbox, session: SessionId) -> None:
        self.mailbox = mailbox
        self.session = session
        self.token = secrets.token_hex(8)
        self.turn_ends = time.monotonic() + TURN_SECONDS
        self._until = 0.0

    @property
    def is_certain(self) -> bool:
        """True until the lease may have expired; after that, nothing may be sent."""
        return time.monotonic() < self._until

    def extend(self, since: float) -> None:
        """Note that the lease was confirmed by a command that began at `since`."""
        self._until = since + LEASE.total_seconds() * 0.8

    def kept(self) -> AbstractAsyncContextManager[None]:
        """Renew the lease inside this context."""
        return renewed(self._renew, LEASE / RENEWALS, "lease", session_id=self.session)

    async def _renew(self) -> None:
        began = time.monotonic()
        if await self.mailbox.renew(self.session, self.token):
            self.extend(began)


log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = 60.0
"""The time for which a step that Redis does not accept is retried; then a poll finds it."""

LAST_RETRY_SECONDS = 5.0
"""The same limit while the process is closing."""

RETRY_PAUSE = 0.5


async def retried(step: Callable[[], Awaitable[T]], in_flight: InFlight) -> T:
    """Make one step in the mailbox, and repeat it while Redis may come back.

    The lease's token makes that safe: a step that was made although its answer was lost is
    recognized. Without the repetition, a reply that was taken but not sent would count as
    interrupted.

    Raises:
        StoreAway: Redis did not come back in time.
    """
    began = time.monotonic()
    while True:
        try:
            return await step()
        except StoreAway as error:
            patience = LAST_RETRY_SECONDS if in_flight.is_closing else RETRY_SECONDS
            if time.monotonic() - began > patience:
                raise
            log.warning("Redis is waited for", extra={"reason": str(error)})
            await asyncio.sleep(RETRY_PAUSE)


STEP_SECONDS = 0.25
"""The time between two turns: half of what a workspace's people write at most."""

RATE_LIMITED = f"HTTP {HTTPStatus.TOO_MANY_REQUESTS.value}"


class Turns:
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
        """Learn of a limit from an answer, and return it with the time until the message's turn.

        `backoff` is the length of the limit in seconds if Devin does not say it.
        """
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
