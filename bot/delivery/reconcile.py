"""A delivery whose answer was lost is settled by looking: is the message in the session?

It is never sent again from here. Seen means delivered; not seen, or not readable, stays uncertain,
and a person decides.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.devin.v1.client import Devin
from bot.devin.v1.sessions import Look
from bot.model.arrivals import Arrival
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.sessions import SessionId
from bot.runtime import metrics

log = logging.getLogger(__name__)

LOOK_AFTER_SECONDS = (1.0, 3.0)
"""When to look, each counted from the look before: a message may take a moment to be listed."""


class Reconciler:
    """Looks into sessions, a bounded number of times."""

    def __init__(self, devin: Devin, look_after: Sequence[float] = LOOK_AFTER_SECONDS) -> None:
        self._devin = devin
        self._look_after = look_after

    async def reconcile(
        self,
        session: SessionId,
        message: str,
        since: datetime,
        arrivals: Sequence[Arrival],
        clock: Callable[[], datetime],
        uncertain: Outcome,
        ids: Mapping[str, object],
    ) -> Outcome:
        """`uncertain`, or that it was delivered after all; takes some seconds, never raises.

        `arrivals` are messages of which nobody doubts that they are there; `since` and they were
        read from `clock`. `ids` are for the log.
        """
        look = Look.UNREADABLE
        for seconds in self._look_after:
            await asyncio.sleep(seconds)
            look = await self._devin.look(session, message, since, arrivals, clock)
            if look in {Look.SEEN, Look.UNREADABLE}:
                break
        metrics.LOOKS.labels(look).inc()
        log.info("looked into the session", extra={**ids, "look": look.value})
        if look is Look.SEEN:
            return Outcome(kind=OutcomeKind.DELIVERED, status=uncertain.status)
        return uncertain
