"""Has the outbox's entries told by their tellers, each until Slack takes or refuses it."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bot.model.errors import (
    OPERATOR_MUST_ACT,
    DevinAway,
    SlackAway,
    SlackRefused,
    StoreAway,
)
from bot.redis.connection import retried
from bot.runtime import metrics
from bot.slack.api import PAUSED
from bot.store.outbox import (
    Begun,
    DueAgain,
    Outbox,
    Owed,
    RefusedAs,
    Schedule,
    Teller,
)
from bot.timing import TIMING

log = logging.getLogger(__name__)

TELLING_SECONDS = 40.0
"""The time for one attempt, which ends before `ENTRY_LEASE` lets another process begin."""


@contextmanager
def having_posted() -> Iterator[None]:
    """Mark what fails inside this context as having come after a post."""
    try:
        yield
    except SlackAway as error:
        error.maybe_done = True
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Brings the outbox's entries to Slack."""

    outbox: Outbox
    tellers: Mapping[str, Teller]
    schedule: Schedule
    seconds: float = TELLING_SECONDS
    pauses: Sequence[float] = TIMING.tell_pauses

    async def tell(self, owed: Owed, attempt: int = 1) -> None:
        """Tell one entry, or schedule a retry; an entry that was told is not told again.

        `attempt` counts the tries that have failed since one went on, and this one.
        """
        ends = asyncio.get_running_loop().time() + self.seconds
        teller = self.tellers[owed.kind]
        begun = await self.outbox.begin(owed)
        if begun is None:
            return
        try:
            await self._try(teller, begun, attempt, ends)
        except StoreAway as error:  # its lease would keep the entry from everybody else
            away = SlackAway("Redis", str(error), maybe_done=True)
            await self._try_later(begun, away, attempt)

    async def _try(self, teller: Teller, begun: Begun, attempt: int, ends: float) -> None:
        owed = begun.owed
        try:
            async with asyncio.timeout_at(ends):
                fate = await teller.tell(begun)
        except TimeoutError:
            slow = SlackAway("telling", "too slow", maybe_done=True)
            await self._try_later(begun, slow, attempt)
            return
        except (SlackAway, DevinAway) as error:
            await self._try_later(begun, error, attempt)
            return
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                away = SlackAway(error.method, error.reason, maybe_done=False)
                await self._try_later(begun, away, attempt)
                return
            # The thread is out of reach: archived, left or deleted. Nobody there can be told.
            level = logging.WARNING if teller.is_decorative else logging.ERROR
            log.log(level, "report refused", extra=owed.log_fields | {"reason": str(error)})
            metrics.REPORTS.labels("refused").inc()
            fate = error.fate if isinstance(error, RefusedAs) else teller.refused
        else:
            if fate.told is not None:
                metrics.REPORTS.labels("told" if fate.told else "moot").inc()
                log.info("told" if fate.told else "nothing to tell", extra=owed.log_fields)
        for due, after in await self.outbox.settle(begun, fate):
            await self.schedule.tell(due, after)

    async def _try_later(self, begun: Begun, error: SlackAway | DevinAway, attempt: int) -> None:
        is_pause = error.reason == PAUSED
        failures = (0 if error.went_on else attempt - 1) + (not is_pause)
        delay = error.retry_after
        if delay is None:
            delay = self.pauses[min(max(failures, 1), len(self.pauses)) - 1]
        may_be_done = begun.again or isinstance(error, DevinAway) or error.maybe_done
        await retried(self.outbox.settle, begun, DueAgain(delay, may_be_done=may_be_done))
        level = logging.INFO if is_pause else logging.WARNING
        level = logging.ERROR if error.reason in OPERATOR_MUST_ACT else level
        ids = begun.owed.log_fields | {"reason": str(error), "seconds": delay}
        log.log(level, "report waits", extra=ids)
        await self.schedule.tell(begun.owed, delay, failures + 1)
