"""The cost of one step as numbers grow: of waiting replies, and of links.

The relay's own mailbox and links run in this process, on an embedded Valkey that syncs each write.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from statistics import median

from benchmarks.cluster import cluster
from benchmarks.contest import Values
from benchmarks.homes import TTL, homes, link, linked, many, reply, session_id, thread
from benchmarks.plan import Plan
from benchmarks.store import store
from bot.model.replies import Outcome, OutcomeKind
from bot.redis.connection import Store
from bot.schedule import MOST_ENTRIES, MOST_HELD
from bot.store.links import Links
from bot.store.lua import scripts
from bot.store.mailbox import Head, Mailbox
from bot.store.state import measure
from bot.timing import TIMING

AT_ONCE = 64
FEW = 9
DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)

Sized = Callable[[Plan, int], AsyncIterator[tuple[str, Values]]]


async def _ms(call: Awaitable[object]) -> float:
    began = time.perf_counter()
    await call
    return (time.perf_counter() - began) * 1000


async def _median_ms(one: Callable[[], Awaitable[object]], samples: int) -> float:
    """Return the median time of single calls, one after another."""
    return median([await _ms(one()) for _ in range(samples)])


class Mail:
    """Mailboxes in which `waiting` replies wait: half in one mailbox, the others in one each."""

    def __init__(self, waiting: int, store: Store) -> None:
        self.waiting = waiting
        self._store = store
        self._mailbox = Mailbox(store, TTL)
        self._links = Links(store, TTL)
        self._written = 0

    async def fill(self) -> None:
        """Fill the mailboxes, and link the sessions that are measured."""
        for session in range(AT_ONCE + 1):
            await self._links.create(thread(session), link(session_id(session)))
        await many(range(self.waiting), self._fill)

    async def _fill(self, number: int) -> None:
        if number % 2:
            await self.accept(0)
            return
        session = AT_ONCE + 1 + number
        await self._links.create(thread(session), link(session_id(session)))
        await self.accept(session)

    async def accept(self, session: int) -> None:
        """Accept one more reply, as the newest of its session."""
        self._written += 1
        written = reply(session, self._written)
        await self._mailbox.accept(written, session_id(session), timedelta(0))

    async def deliver(self, session: int) -> None:
        """Take the oldest reply of a session and finish it, as a delivery does around its POST."""
        token = f"{session:016d}"
        step = await self._mailbox.take(session_id(session), token)
        if not isinstance(step, Head):
            raise RuntimeError(f"nothing to take: {step}")  # noqa: TRY004  (a state, not a type)
        await self._mailbox.finish(session_id(session), token, step, DELIVERED, go_on=False)

    async def rates(self, rounds: int) -> tuple[float, float]:
        """Return accepts, and takes and finishes, a second, one for each of 64 sessions at once."""
        began = time.perf_counter()
        for _ in range(rounds):
            await asyncio.gather(*(self.accept(1 + one) for one in range(AT_ONCE)))
        accepted = time.perf_counter()
        for _ in range(rounds):
            await asyncio.gather(*(self.deliver(1 + one) for one in range(AT_ONCE)))
        ended = time.perf_counter()
        done = AT_ONCE * rounds
        return done / (accepted - began), done / (ended - accepted)

    async def measured(self, samples: int) -> Values:
        """Return the columns of the page; as many replies wait before as after."""
        grace = int(TIMING.entry_pause * 1000)
        poll = partial(
            scripts.list_due,
            self._store,
            mail_ms=grace,
            most_sessions=0,
            most_held=MOST_HELD,
            entry_ms=grace,
            most_entries=MOST_ENTRIES,
        )
        accept = await _median_ms(partial(self.accept, 0), samples)
        deliver = await _median_ms(partial(self.deliver, 0), samples)
        accepted, delivered = await self.rates(max(1, samples // AT_ONCE))
        return {
            "waiting": self.waiting,
            "accept ms": accept,
            "take + finish ms": deliver,
            "backlog ms": await _median_ms(partial(measure, self._store), FEW),
            "poll ms": await _median_ms(poll, FEW),
            "accepted/s": accepted,
            "taken + finished/s": delivered,
        }


async def mail(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """Measure the steps of a reply among others that wait."""
    async with homes(plan.waiting) as opened:
        kept = [Mail(waiting, home.store) for waiting, home in opened]
        for one in kept:
            await one.fill()
        for _ in range(rounds):
            for one in kept:
                yield f"{one.waiting:,} waiting", await one.measured(plan.samples)


async def links(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """Measure a link's size in Redis, including indexes, and the time to look one up."""
    picked = random.Random(7)
    async with homes(plan.links) as opened:
        used = [await linked(count, home) for count, home in opened]
        for _ in range(rounds):
            took: list[list[float]] = [[] for _ in opened]
            for _ in range(plan.samples):
                for (count, home), times in zip(opened, took, strict=True):
                    one = thread(picked.randrange(count))
                    times.append(await _ms(Links(home.store, TTL).get(one)))
            for (count, _), memory, times in zip(opened, used, took, strict=True):
                found = {"bytes a link": memory / count, "look-up ms": median(times)}
                yield f"{count:,} links", {"links": count} | found


SIZED: Mapping[str, tuple[str, Sized]] = {
    "mail": ("A reply's steps among those that wait", mail),
    "links": ("Links", links),
    "store": ("Polls for due work, by processes, links and sessions that are due", store),
    "cluster": ("A reply's steps on a Cluster of three nodes, with 30 workspaces", cluster),
}
"""The functions by measure, each with its title for the page."""
