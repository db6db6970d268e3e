"""What one step costs among many: replies that wait, and links.

The relay's own mailbox and links, in this process, on an embedded Valkey that syncs each write.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

from redis.asyncio import Redis

from benchmarks.contest import Values
from benchmarks.measures import Plan
from benchmarks.payloads import PEOPLE, TEAM, message
from bot.backlog import measure
from bot.embedded import embedded_valkey
from bot.links import Links
from bot.mailbox import Head, Mailbox
from bot.models import Link, Outcome, OutcomeKind, Reply, SessionId, ThreadRef, UserId, micros_ts
from bot.reports import Reports
from bot.store import Store, open_store
from bot.tasks import SWEEP_GRACE, SWEEP_LIMIT

TTL = timedelta(days=90)
CHUNK = 1_000
AT_ONCE = 64
FEW = 9
BEGAN = 1_764_000_000_000_000
"""The `ts` of the first made reply, in microseconds."""

DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)

T = TypeVar("T")

Sized = Callable[[Plan, int], AsyncIterator[tuple[str, Values]]]


@asynccontextmanager
async def _stores() -> AsyncIterator[tuple[Store, Redis]]:
    with tempfile.TemporaryDirectory() as home:
        async with (
            embedded_valkey(Path(home) / "data") as url,
            open_store(url) as store,
            Redis.from_url(url) as raw,
        ):
            yield store, raw


async def _many(numbers: range, one: Callable[[int], Awaitable[object]]) -> None:
    for start in range(numbers.start, numbers.stop, CHUNK):
        chunk = range(start, min(start + CHUNK, numbers.stop))
        await asyncio.gather(*(one(number) for number in chunk))


async def _median_ms(one: Callable[[T], Awaitable[object]], each: Sequence[T]) -> float:
    """Of single calls, one after the other."""
    took = []
    for value in each:
        began = time.perf_counter()
        await one(value)
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


class Mail:
    """Mailboxes that are filled up to a size: half of it in one, the other half one in each."""

    def __init__(self, store: Store) -> None:
        self.filled = 0
        self._store = store
        self._mailbox = Mailbox(store, TTL)
        self._links = Links(store, TTL)
        self._written = 0

    async def open(self) -> None:
        """Link the sessions that are measured."""
        for session in range(AT_ONCE + 1):
            await self._links.create(_thread(session), _link(_session(session)))

    async def fill(self, waiting: int) -> None:
        """Let so many wait."""
        await _many(range(self.filled, waiting), self._fill)
        self.filled = waiting

    async def _fill(self, number: int) -> None:
        if number % 2:
            await self.accept(0)
            return
        session = AT_ONCE + 1 + number
        await self._links.create(_thread(session), _link(_session(session)))
        await self.accept(session)

    async def accept(self, session: int) -> None:
        """Let one more wait, as the newest of its session."""
        self._written += 1
        reply = Reply(
            thread=_thread(session),
            ts=micros_ts(BEGAN + self._written),
            author=UserId(PEOPLE[0]),
            text=f"reply {self._written:07d}",
            blocks=tuple(message(f"reply {self._written:07d}")["blocks"]),
        )
        await self._mailbox.accept(reply, _session(session), timedelta(0))

    async def deliver(self, session: int) -> None:
        """Take the oldest reply of a session and finish it, as a delivery does around its POST."""
        token = f"{session:016d}"
        step = await self._mailbox.take(_session(session), token)
        if not isinstance(step, Head):
            raise RuntimeError(f"nothing to take: {step}")  # noqa: TRY004  (a state, not a type)
        await self._mailbox.finish(_session(session), token, step, DELIVERED, go_on=False)

    async def rates(self, rounds: int) -> tuple[float, float]:
        """Accepted, and taken and finished a second, with one for each of 64 sessions at once."""
        began = time.perf_counter()
        for _ in range(rounds):
            await asyncio.gather(*(self.accept(1 + one) for one in range(AT_ONCE)))
        accepted = time.perf_counter()
        for _ in range(rounds):
            await asyncio.gather(*(self.deliver(1 + one) for one in range(AT_ONCE)))
        ended = time.perf_counter()
        done = AT_ONCE * rounds
        return done / (accepted - began), done / (ended - accepted)


async def mail(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """What a reply's steps cost among those that wait."""
    async with _stores() as (store, _):
        kept = Mail(store)
        await kept.open()
        for waiting in plan.waiting:
            await kept.fill(waiting)
            for _ in range(rounds):
                once = [0] * plan.samples
                accept = await _median_ms(kept.accept, once)
                deliver = await _median_ms(kept.deliver, once)
                accepted, delivered = await kept.rates(max(1, plan.samples // AT_ONCE))
                found = {
                    "waiting": waiting,
                    "accept ms": accept,
                    "take + finish ms": deliver,
                    "backlog ms": await _median_ms(measure, [store] * FEW),
                    "sweep ms": await _median_ms(_overdue, [store] * FEW),
                    "accepted/s": accepted,
                    "taken + finished/s": delivered,
                }
                yield f"{waiting:,} waiting", found


async def _overdue(store: Store) -> None:
    await Reports(store).overdue(SWEEP_GRACE, SWEEP_LIMIT)


async def links(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """What a link costs in Redis, indexes and all, and what looking one up costs."""
    async with _stores() as (store, raw):
        keeper, picked = Links(store, TTL), random.Random(7)
        before = (await raw.info("memory"))["used_memory"]

        async def create(number: int) -> None:
            await keeper.create(_thread(number), _link(_session(number)))

        filled = 0
        for count in plan.links:
            await _many(range(filled, count), create)
            filled = count
            used = (await raw.info("memory"))["used_memory"] - before
            for _ in range(rounds):
                threads = [_thread(picked.randrange(count)) for _ in range(plan.samples)]
                look_up = await _median_ms(keeper.get, threads)
                found = {"links": count, "bytes a link": used / count, "look-up ms": look_up}
                yield f"{count:,} links", found


SIZED: Mapping[str, tuple[str, Sized]] = {
    "mail": ("A reply's steps among those that wait", mail),
    "links": ("Links", links),
}
"""Each with its title for the page."""


def _thread(number: int) -> ThreadRef:
    root = micros_ts(BEGAN - 10_000_000 * (1 + number // 500))
    return ThreadRef(team=TEAM, channel=f"C{number % 500:010d}", thread_ts=root)


def _session(number: int) -> SessionId:
    return SessionId(f"devin-{number:032x}")


def _link(session: SessionId) -> Link:
    return Link(session=session, by=UserId(PEOPLE[0]), at=BEGAN // 1_000_000)
