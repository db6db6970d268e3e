"""The cost of one step as numbers grow: of waiting replies, and of links.

The relay's own mailbox and links run in this process, on an embedded Valkey that syncs each write.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from redis.asyncio import Redis

from benchmarks.cluster import cluster
from benchmarks.contest import Values
from benchmarks.payloads import PEOPLE, TEAM, message
from benchmarks.plan import Plan
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef, micros_ts
from bot.redis.connection import Store, open_store
from bot.redis.embedded.server import embedded_valkey
from bot.schedule.poll import MOST_ENTRIES
from bot.store.backlog import measure
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.outbox import Outbox
from bot.store.turn import Head
from bot.timing import TIMING

TTL = timedelta(days=90)
CHUNK = 1_000
AT_ONCE = 64
FEW = 9
BEGAN = 1_764_000_000_000_000
"""The `ts` of the first generated reply, in microseconds."""

DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)

Sized = Callable[[Plan, int], AsyncIterator[tuple[str, Values]]]


@dataclass(frozen=True, slots=True)
class _Home:
    """A dedicated Valkey, through the relay's store and through a plain client."""

    store: Store
    raw: Redis

    async def memory(self) -> int:
        """Return the bytes it uses, once it has no background work."""
        while (await self.raw.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110  (it gives no event)
            await asyncio.sleep(0.05)
        used: int = (await self.raw.info("memory"))["used_memory"]
        return used


@asynccontextmanager
async def _homes(sizes: Sequence[int]) -> AsyncIterator[Sequence[tuple[int, _Home]]]:
    """Open one Valkey per size, so that all can be measured in turns.

    If they were measured one after another, a change of the machine's speed would look like one of
    size.
    """
    async with AsyncExitStack() as stack:
        yield [(size, await stack.enter_async_context(_home())) for size in sizes]


@asynccontextmanager
async def _home() -> AsyncIterator[_Home]:
    with tempfile.TemporaryDirectory() as home:
        async with (
            embedded_valkey(Path(home) / "data") as url,
            open_store(url) as store,
            Redis.from_url(url) as raw,
        ):
            yield _Home(store.of(TEAM), raw)


async def _many(numbers: range, one: Callable[[int], Awaitable[object]]) -> None:
    for start in range(numbers.start, numbers.stop, CHUNK):
        chunk = range(start, min(start + CHUNK, numbers.stop))
        await asyncio.gather(*(one(number) for number in chunk))


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
            await self._links.create(_thread(session), _link(_session(session)))
        await _many(range(self.waiting), self._fill)

    async def _fill(self, number: int) -> None:
        if number % 2:
            await self.accept(0)
            return
        session = AT_ONCE + 1 + number
        await self._links.create(_thread(session), _link(_session(session)))
        await self.accept(session)

    async def accept(self, session: int) -> None:
        """Accept one more reply, as the newest of its session."""
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
        grace = timedelta(seconds=TIMING.entry_pause)
        poll = partial(Outbox(self._store).overdue, grace, MOST_ENTRIES)
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
    async with _homes(plan.waiting) as homes:
        kept = [Mail(waiting, home.store) for waiting, home in homes]
        for one in kept:
            await one.fill()
        for _ in range(rounds):
            for one in kept:
                yield f"{one.waiting:,} waiting", await one.measured(plan.samples)


async def links(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """Measure a link's size in Redis, including indexes, and the time to look one up."""
    picked = random.Random(7)
    async with _homes(plan.links) as homes:
        used = [await _linked(count, home) for count, home in homes]
        for _ in range(rounds):
            took: list[list[float]] = [[] for _ in homes]
            for _ in range(plan.samples):
                for (count, home), times in zip(homes, took, strict=True):
                    thread = _thread(picked.randrange(count))
                    times.append(await _ms(Links(home.store, TTL).get(thread)))
            for (count, _), memory, times in zip(homes, used, took, strict=True):
                found = {"bytes a link": memory / count, "look-up ms": median(times)}
                yield f"{count:,} links", {"links": count} | found


async def _linked(count: int, home: _Home) -> int:
    """Make that many links; return the bytes that they take."""
    keeper, before = Links(home.store, TTL), await home.memory()

    async def create(number: int) -> None:
        await keeper.create(_thread(number), _link(_session(number)))

    await _many(range(count), create)
    return await home.memory() - before


SIZED: Mapping[str, tuple[str, Sized]] = {
    "mail": ("A reply's steps among those that wait", mail),
    "links": ("Links", links),
    "cluster": ("A reply's steps on a Cluster of three nodes, with 30 workspaces", cluster),
}
"""The functions by measure, each with its title for the page."""


def _thread(number: int) -> ThreadRef:
    root = micros_ts(BEGAN - 10_000_000 * (1 + number // 500))
    return ThreadRef(team=TEAM, channel=f"C{number % 500:010d}", thread_ts=root)


def _session(number: int) -> SessionId:
    return SessionId(f"devin-{number:032x}")


def _link(session: SessionId) -> Link:
    return Link(session=session, by=UserId(PEOPLE[0]), at=BEGAN // 1_000_000)
