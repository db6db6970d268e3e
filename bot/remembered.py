"""Answers of a look-up by id, kept for some minutes: one question at a time for each id.

What Slack does not say is no answer, and is asked for again soon.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from cachetools import TTLCache

from bot.errors import SlackAway, SlackRefused

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 300
"""How late a change of somebody's standing (guest, deactivated, renamed) may be noticed."""

FAILURE_REMEMBERED_SECONDS = 5
REMEMBERED = 10_000

LOOK_UP_SECONDS = 1.0
"""For one look-up; two of them fit into Slack's 3 s for an acknowledgement."""

V = TypeVar("V")


class Remembered(Generic[V]):
    """The answers of one look-up, `most` of them at once, each waited for that many seconds."""

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[V]],
        most: int = REMEMBERED,
        seconds: float = LOOK_UP_SECONDS,
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._answers: TTLCache[str, V] = TTLCache(most, REMEMBERED_SECONDS)
        self._failures: TTLCache[str, None] = TTLCache(most, FAILURE_REMEMBERED_SECONDS)
        self._asking: dict[str, asyncio.Task[V | None]] = {}

    async def get(self, key: str) -> V | None:
        """The answer for `key`, or None when Slack did not give one."""
        if key in self._answers:
            return self._answers[key]
        if key in self._failures:
            return None
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._ask(key))
            self._asking[key].add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(self._asking[key])

    async def _ask(self, key: str) -> V | None:
        for _ in range(2):
            try:
                async with asyncio.timeout(self._seconds):
                    self._answers[key] = answer = await self._look_up(key)
                    return answer
            except SlackRefused as error:
                log.warning("look-up refused", extra={"id": key, "reason": str(error)})
                break
            except (SlackAway, TimeoutError) as error:
                log.warning("look-up failed", extra={"id": key, "reason": str(error)})
            except (KeyError, TypeError, AttributeError) as error:
                # An answer without what its method promises names nobody, and must not end a
                # delivery again and again.
                log.warning("look-up unreadable", extra={"id": key, "reason": type(error).__name__})
                break
        self._failures[key] = None
        return None
