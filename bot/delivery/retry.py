"""Steps in the mailbox are repeated while Redis may come back."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.model.errors import StoreAway
from bot.runtime.in_flight import InFlight

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
