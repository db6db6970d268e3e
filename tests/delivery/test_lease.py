"""A holder of a lease sends only while it is certain to have it, and waits for Redis meanwhile."""

import time
from datetime import timedelta

from bot.delivery.sending import Lease, retried
from bot.model.errors import StoreAway
from bot.model.sessions import SessionId
from bot.redis import keep
from bot.redis.connection import Store
from bot.runtime.in_flight import InFlight
from bot.store.mailbox import Mailbox


async def test_a_lease_is_certain_for_less_time_than_redis_keeps_it(store: Store) -> None:
    """It counts from before the command that confirmed it, whose answer may have taken long."""
    lease, now = Lease(Mailbox(store, timedelta(days=1)), SessionId("devin-0")), time.monotonic()
    assert not lease.is_certain
    lease.extend(now)
    assert lease.is_certain
    lease.extend(now - 0.9 * keep.LEASE.total_seconds())
    assert not lease.is_certain


async def test_a_step_that_redis_does_not_take_is_repeated() -> None:
    """Otherwise a reply that was taken and not sent would count as perhaps sent."""
    failures = [StoreAway("away")]

    async def step() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert await retried(step, InFlight()) == "done"
