"""Gauges are measured when somebody asks for `/metrics`, and not while nobody does."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from bot.runtime.logs import guarded

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""The age up to which a measurement is shown again: anybody may ask, however often."""

Measure = Callable[[], Awaitable[None]]
"""A measure sets its gauges, to NaN where it cannot tell."""


class Measuring:
    """The measures that `/metrics` takes first."""

    def __init__(self) -> None:
        self._measures: Sequence[Measure] = ()
        self._taken_at = -math.inf
        self._turn = asyncio.Lock()

    @contextmanager
    def taking(self, *measures: Measure) -> Iterator[None]:
        """Take `measures`, too, inside this context."""
        before = self._measures
        self._measures, self._taken_at = (*before, *measures), -math.inf
        try:
            yield
        finally:
            self._measures = before

    async def done(self) -> None:
        """Take the measures, unless they were taken within `FRESH_SECONDS`."""
        async with self._turn:
            now = asyncio.get_running_loop().time
            if now() - self._taken_at < FRESH_SECONDS:
                return
            await asyncio.gather(*(guarded(one(), log) for one in self._measures))
            self._taken_at = now()
