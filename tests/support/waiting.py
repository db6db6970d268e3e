"""Waits for conditions, instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot.redis.connection import Store
from bot.redis.keys import HEARD_KEY
from bot.store.outbox import OwedKind
from tests.support.entries import Entries

PATIENCE_SECONDS = 45.0
"""What comes at all comes by then, on any machine."""

LOOK_SECONDS = (0.01, 0.05)
"""The shortest and the longest pause between two looks: they take time from what is waited for."""


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]],
    description: str | Callable[[], str],
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Return once `predicate` is true; fail with `description` if it is not within `seconds`.

    One that says what came instead is a function, which is asked at the end.
    """
    deadline = time.monotonic() + seconds
    pause, longest = LOOK_SECONDS
    while True:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if time.monotonic() > deadline:
            what = description if isinstance(description, str) else description()
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(pause)
        pause = min(1.2 * pause, longest)


async def stops(ask: Callable[[], Awaitable[object]], turns: int) -> bool:
    """Check that a call that retries heeds a cancellation, at any step.

    It may end what it is doing first; one that is not heeded goes on forever.
    """

    async def again() -> None:
        while True:
            await ask()

    asking = asyncio.create_task(again())
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
    is_stopped = asking.done()
    while not asking.done():
        asking.cancel()
        await asyncio.sleep(0)
    return is_stopped


async def until_settled(store: Store) -> None:
    """Wait until no reply and no report waits: anything that has not happened then never will."""
    reports = Entries(store)

    async def is_settled() -> bool:
        return await reports.depths() == (0, 0)

    await wait_until(is_settled, "nothing waits any more")


async def until_caught_up(store: Store) -> None:
    """Wait until no gap in listening is noted, and what their threads must be told is told.

    A bot that is stopped before that leaves the words to the next process.
    """
    entries = Entries(store)

    async def is_caught_up() -> bool:
        if await store.field(HEARD_KEY, "gap") is not None:
            return False
        _, owed = await entries.overdue(-timedelta(days=30), 1_000)
        return all(one.kind != OwedKind.NOTICE for one in owed)

    await wait_until(is_caught_up, "the gap is struck off, and told")
