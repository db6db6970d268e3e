"""Has the outbox's entries told by their tellers, each until Slack takes or refuses it."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from bot.model.errors import OPERATOR_MUST_ACT, DevinAway, SlackAway, SlackRefused
from bot.model.owed import Owed, OwedKind, Schedule
from bot.runtime import metrics
from bot.slack.limits import LIMITED
from bot.store.outbox import Begun, Outbox
from bot.timing import TIMING

log = logging.getLogger(__name__)

SHED_SECONDS = 1.0
TELLING_SECONDS = 40.0
"""The time for one attempt, which ends before `outbox.LEASE` lets another process begin."""

DECORATIVE = frozenset({OwedKind.NOTICE, OwedKind.CARD, OwedKind.DIGEST})
"""The kinds without which nothing that people or Devin said is lost."""


@contextmanager
def having_posted() -> Iterator[None]:
    """Mark what fails inside this context as having come after a post."""
    try:
        yield
    except SlackAway as error:
        error.maybe_done = True
        raise


class Teller(Protocol):
    """Tells the entries of one kind."""

    @property
    def fields(self) -> Sequence[str]:
        """The fields of the subject's record that `tell` needs."""

    async def tell(self, begun: Begun) -> bool:
        """Tell an entry; return False if there is nothing, or no longer anything, to tell.

        Raises:
            SlackAway, DevinAway: the entry must be tried again. `SlackAway.maybe_done` says whether
                the next try must look for what this one posted (`having_posted`).
            SlackRefused: Slack does not take it.
        """

    async def end(self, begun: Begun, *, told: bool) -> None:
        """End the entry in the outbox; if not `told`, it is moot or Slack refused it."""


Drop = Callable[[Begun, float, str], Awaitable[bool]]
"""Ends an entry that is not worth a retry after so many attempts (infinitely many: unless somebody
waits for it), for a reason; returns False if it is."""


class Reporter:
    """Brings the outbox's entries to Slack."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        tellers: Mapping[OwedKind, Teller],
        drop: Drop,
        schedule: Schedule,
        seconds: float = TELLING_SECONDS,
        pauses: Sequence[float] = TIMING.tell_pauses,
    ) -> None:
        self._outbox = outbox
        self._tellers = tellers
        self._drop = drop
        self._schedule = schedule
        self._seconds = seconds
        self._pauses = pauses

    async def tell(self, owed: Owed, attempt: int = 1) -> None:
        """Tell one entry, or schedule a retry; an entry that was told is not told again."""
        ends = asyncio.get_running_loop().time() + self._seconds
        teller = self._tellers[owed.kind]
        begun = await self._outbox.begin(owed, teller.fields)
        if begun is None:
            return
        try:
            async with asyncio.timeout_at(ends):
                told = await teller.tell(begun)
        except TimeoutError:
            late = SlackAway("telling", "too slow", maybe_done=True)
            await self._try_later(begun, late, attempt)
        except (SlackAway, DevinAway) as error:
            await self._try_later(begun, error, attempt)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                away = SlackAway(error.method, error.reason, maybe_done=False)
                await self._try_later(begun, away, attempt)
                return
            # The thread is out of reach: archived, left or deleted. Nobody there can be told.
            level = logging.WARNING if owed.kind in DECORATIVE else logging.ERROR
            log.log(level, "report refused", extra=owed.log_fields | {"reason": str(error)})
            metrics.REPORTS.labels("refused").inc()
            await teller.end(begun, told=False)
        else:
            metrics.REPORTS.labels("told" if told else "moot").inc()
            log.info("told" if told else "nothing to tell", extra=owed.log_fields)
            await teller.end(begun, told=told)

    async def shed(self, owed: Owed, attempt: int) -> None:
        """Make room: drop an entry that may be dropped, and tell any other a little later."""
        teller = self._tellers[owed.kind]
        begun = await self._outbox.begin(owed, teller.fields)
        if begun is None or await self._drop(begun, math.inf, "too many at once"):
            return
        await self._outbox.pause(begun, SHED_SECONDS, may_be_done=begun.again)
        await self._schedule.tell(owed, SHED_SECONDS, attempt)

    async def _try_later(self, begun: Begun, error: SlackAway | DevinAway, attempt: int) -> None:
        if await self._drop(begun, attempt, str(error)):
            return
        delay = error.retry_after
        if delay is None:
            delay = self._pauses[min(attempt, len(self._pauses)) - 1]
        may_be_done = begun.again or isinstance(error, DevinAway) or error.maybe_done
        await self._outbox.pause(begun, delay, may_be_done=may_be_done)
        level = logging.INFO if error.reason == LIMITED else logging.WARNING
        level = logging.ERROR if error.reason in OPERATOR_MUST_ACT else level
        ids = begun.owed.log_fields | {"reason": str(error), "seconds": delay}
        log.log(level, "report waits", extra=ids)
        await self._schedule.tell(begun.owed, delay, attempt + 1)
