"""The commands for any kind of record, and the version of all of them."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from bot.model.errors import OperatorError, StoreAway
from bot.model.times import Millis
from bot.redis import keep
from bot.redis.keys import SCHEMA_KEY, SHARED_PREFIX, Key, once_key, prefix_of
from bot.redis.lua import commands
from bot.redis.pipelining import Cluster, Pipelining, Script, pipelined
from bot.timing import TIMING, Timing
from bot.urls import is_cluster

log = logging.getLogger(__name__)

RETURN_SECONDS = 10.0
"""The time, after a Redis outage, in which other processes note the events they have refused."""

RETRIED_SECONDS = 60.0
"""The time for which a step that Redis does not accept is retried; then a poll finds it."""

RETRY_PAUSE = 0.5

P = ParamSpec("P")
T = TypeVar("T")


def seconds(duration: timedelta) -> int:
    """Return whole seconds for a TTL, at least 1, since Redis refuses an expiry of 0."""
    return max(1, int(duration.total_seconds()))


def millis(duration: timedelta) -> int:
    """Return whole milliseconds."""
    return int(duration.total_seconds() * 1000)


class Store:
    """The keys of one workspace, over a connection that workspaces share; raises `StoreAway`."""

    def __init__(self, runner: Pipelining | Cluster, timing: Timing) -> None:
        self.prefix = SHARED_PREFIX
        self.timing = timing
        self._runner = runner
        self._away_until = -math.inf

    def of(self, team: str) -> "Store":
        """Return the store of a workspace, over the same connection."""
        store = copy(self)
        store.prefix = prefix_of(team)
        return store

    @property
    def was_away(self) -> bool:
        """True if Redis could not be reached, or could not write, within `RETURN_SECONDS`."""
        return time.monotonic() < self._away_until

    async def run(self, script: Script, args: Sequence[str | int]) -> Any:
        """Run `script` atomically; after `StoreAway`, it may have been run and its answer lost."""
        try:
            return await self._runner.run(script, self.prefix, args)
        except StoreAway:
            self._away_until = time.monotonic() + RETURN_SECONDS
            raise

    async def get(self, key: Key) -> str | None:
        """Return the string at `key`."""
        return (await self.get_all([key]))[0]

    async def get_all(self, keys: Sequence[Key]) -> Sequence[str | None]:
        """Return the strings at `keys`, in their order."""
        found: Sequence[str | None] = await commands.fields(self, keys=keys, names=())
        return found

    async def put(self, key: Key, text: str, ttl: timedelta) -> None:
        """Set the string at `key` to `text`, for `ttl`."""
        await commands.put(self, key=key, text=text, ttl=seconds(ttl), field="")

    async def swap(self, key: Key, was: str, text: str, ttl: timedelta) -> bool:
        """Set the string at `key` if it still is what it `was` ('': none); return False if not."""
        return bool(await commands.swap(self, key=key, was=was, text=text, ttl=seconds(ttl)))

    async def claim(self, key: Key, token: str, ttl: timedelta) -> bool:
        """Set the string at `key` to `token` if there is none; return True if it is that now."""
        return await self.swap(key, "", token, ttl)

    async def put_field(self, key: Key, field: str, text: str, ttl: timedelta) -> None:
        """Set a field of the hash at `key` to `text`, and keep the hash for at least `ttl`."""
        await commands.put(self, key=key, text=text, ttl=seconds(ttl), field=field)

    async def delete(self, key: Key) -> None:
        """Delete `key`."""
        await commands.put(self, key=key, text="", ttl=0, field="")

    async def field(self, key: Key, field: str) -> str | None:
        """Return one field of the hash at `key`."""
        return (await self.fields([key], field))[0][0]

    async def fields(self, keys: Sequence[Key], *names: str) -> Sequence[Sequence[str | None]]:
        """Return for each of the hashes at `keys`, in their order, the fields of those `names`."""
        found: Sequence[Sequence[str | None]]
        found = await commands.fields(self, keys=keys, names=names)
        return found

    async def all_fields(self, key: Key) -> Mapping[str, str]:
        """Return the fields of the hash at `key`."""
        (found,) = await commands.fields(self, keys=[key], names=["*"])
        return dict(zip(found[::2], found[1::2], strict=True))

    async def now(self) -> Millis:
        """Return Redis's time."""
        at, _ = await commands.places(self, keys=[], members=[])
        return Millis(at)

    async def ping(self) -> None:
        """Raise `StoreAway` unless Redis accepts a write; a full one would still answer PING."""
        await self.put(once_key("alive"), "1", keep.ALIVE)


@asynccontextmanager
async def open_store(url: str, timing: Timing = TIMING) -> AsyncIterator[Store]:
    """Connect to `url` lazily: if the server is absent, the first command raises, not this.

    The yielded store is of no workspace yet; `Store.of` returns that of one. A command that Redis
    has not answered within `redis_seconds` raises `StoreAway`.
    """
    limit = timing.redis_seconds
    runner = Cluster(url, limit) if is_cluster(url) else pipelined(url, limit)
    try:
        yield Store(runner, timing)
    finally:
        await runner.aclose()


async def retried(step: Callable[P, Awaitable[T]], *args: P.args, **named: P.kwargs) -> T:
    """Make one step of work under a lease, and repeat it for a while if it raises `StoreAway`.

    By the lease's token, a step that was made although its answer was lost is recognized.
    """
    began = time.monotonic()
    while True:
        try:
            return await step(*args, **named)
        except StoreAway as error:
            if time.monotonic() - began > RETRIED_SECONDS:
                raise
            log.warning("Redis is waited for", extra={"reason": str(error)})
            await asyncio.sleep(RETRY_PAUSE)


SCHEMA = 1
"""The version that this release reads and writes; one that changes a key's form raises it."""


async def check_schema(store: Store) -> bool:
    """Return True if a relay has used the workspace; `OperatorError` if a newer one has."""
    found = await store.get(SCHEMA_KEY)
    if found and found.isdecimal() and int(found) > SCHEMA:
        raise OperatorError(
            f"A newer release has written to this Redis (schema {found}, this one reads {SCHEMA})",
            "Start that release again, or give this one another REDIS_URL or DATA_DIR.",
        )
    return found is not None


async def claim_schema(store: Store) -> None:
    """Note that this release uses the workspace, unless `check_schema` raises."""
    await check_schema(store)
    await store.put(SCHEMA_KEY, str(SCHEMA), keep.FOREVER)
