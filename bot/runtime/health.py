"""The readiness of this process, and what it waits for if it is not ready."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.model.errors import PassingError

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 15.0
CHECK_SECONDS = 2.0

T = TypeVar("T")

Check = Callable[[], Awaitable[None]]
"""A check returns, or raises `PassingError` naming what is missing."""


class Health:
    """The state that `/readyz` reports."""

    def __init__(self) -> None:
        self._waiting_for: dict[str, str] = {"start": "starting"}
        self._checks: dict[str, Check] = {}

    async def until(self, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Retry `attempt` until it succeeds, and report the wait; other errors end the wait."""
        delay = RETRY_SECONDS
        while True:
            try:
                result = await attempt()
            except PassingError as error:
                self.note(name, str(error))
                log.warning("waiting", extra={"for": name, "reason": str(error)})
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_RETRY_SECONDS)
            else:
                self.note(name, "")
                return result

    def note(self, name: str, reason: str) -> None:
        """Count as not ready for `reason`, or no longer if it is empty."""
        if reason:
            self._waiting_for[name] = reason
        else:
            self._waiting_for.pop(name, None)

    def watch(self, name: str, check: Check) -> None:
        """Run `check` from now on whenever the state is requested."""
        self._checks[name] = check

    async def problems(self) -> dict[str, str]:
        """Return what is missing, by part; empty when ready."""
        found = dict(self._waiting_for)
        for name, check in list(self._checks.items()):
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await check()
            except (PassingError, TimeoutError) as error:
                found[name] = str(error) or "no answer"
        return found
