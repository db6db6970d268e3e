"""The Valkeys of the measures by size, and what fills them: links, and replies that wait."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis

from benchmarks.payloads import PEOPLE, TEAM, message
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, micros_ts
from bot.redis.connection import Store, open_store
from bot.redis.embedded.server import embedded_valkey
from bot.store.links import Links

TTL = timedelta(days=90)
CHUNK = 1_000
BEGAN = Micros(1_764_000_000_000_000)
"""The `ts` of the first generated reply, in microseconds."""


@dataclass(frozen=True, slots=True)
class Home:
    """A dedicated Valkey, through the relay's store and through a plain client."""

    store: Store
    raw: Redis
    url: str

    async def memory(self) -> int:
        """Return the bytes it uses, once it has no background work."""
        while (await self.raw.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110  (it gives no event)
            await asyncio.sleep(0.05)
        used: int = (await self.raw.info("memory"))["used_memory"]
        return used


@asynccontextmanager
async def homes(sizes: Sequence[int]) -> AsyncIterator[Sequence[tuple[int, Home]]]:
    """Open one Valkey per size, so that all can be measured in turns.

    If they were measured one after another, a change of the machine's speed would look like one of
    size.
    """
    async with AsyncExitStack() as stack:
        yield [(size, await stack.enter_async_context(_home())) for size in sizes]


@asynccontextmanager
async def _home() -> AsyncIterator[Home]:
    with tempfile.TemporaryDirectory() as home:
        async with (
            embedded_valkey(Path(home) / "data") as url,
            open_store(url) as store,
            Redis.from_url(url) as raw,
        ):
            yield Home(store.of(TEAM), raw, url)


async def many(numbers: range, one: Callable[[int], Awaitable[object]]) -> None:
    """Do `one` for each of the numbers, a chunk of them at a time."""
    for start in range(numbers.start, numbers.stop, CHUNK):
        chunk = range(start, min(start + CHUNK, numbers.stop))
        await asyncio.gather(*(one(number) for number in chunk))


async def linked(count: int, home: Home) -> int:
    """Make that many links; return the bytes that they take."""
    keeper, before = Links(home.store, TTL), await home.memory()

    async def create(number: int) -> None:
        await keeper.create(thread(number), link(session_id(number)))

    await many(range(count), create)
    return await home.memory() - before


def thread(number: int) -> ThreadRef:
    """Return a thread by its number; 500 channels share them."""
    root = micros_ts(BEGAN - 10_000_000 * (1 + number // 500))
    return ThreadRef(team=TEAM, channel=f"C{number % 500:010d}", thread_ts=root)


def session_id(number: int) -> SessionId:
    """Return a session by its number."""
    return SessionId(f"devin-{number:032x}")


def link(session: SessionId) -> Link:
    """Return a link to `session`."""
    return Link(session=session, by=UserId(PEOPLE[0]), linked_at=int(BEGAN) // 1_000_000)


def reply(session: int, number: int) -> Reply:
    """Return the reply of that number, in the thread of a session."""
    text = f"reply {number:07d}"
    return Reply(
        thread=thread(session),
        ts=micros_ts(BEGAN + number),
        author=UserId(PEOPLE[0]),
        text=text,
        blocks=tuple(message(text)["blocks"]),
    )
