"""Renews a lease in Redis for as long as its holder needs it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.model.errors import StoreAway

log = logging.getLogger(__name__)


@asynccontextmanager
async def renewed(
    renew: Callable[[], Awaitable[None]], every: timedelta, what: str, **ids: object
) -> AsyncIterator[None]:
    """Call `renew` at each interval inside this context; the log names `what` and its `ids`.

    A renewal that fails is tried again at the next interval, and does not end the context. A holder
    that must know whether it still has the lease lets `renew` record that.
    """
    renewing: list[asyncio.Task[None]] = []

    async def keep_renewing() -> None:
        while True:
            try:
                await renew()
            except StoreAway as error:
                log.warning("%s not renewed", what, extra={**ids, "reason": str(error)})
            await asyncio.sleep(every.total_seconds())

    def begin() -> None:
        renewing.append(asyncio.create_task(keep_renewing(), name=what))

    # Most leases end before their first renewal: a task for each would cost more than the timer.
    timer = asyncio.get_running_loop().call_later(every.total_seconds(), begin)
    try:
        yield
    finally:
        timer.cancel()
        for task in renewing:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
