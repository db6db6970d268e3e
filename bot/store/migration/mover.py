"""Moves keys from one prefix to another, once, with nothing lost and nothing done twice.

All keys under the former prefix are set aside in one step, which leaves fences in their places: a
process of the version before fails there, so it acknowledges and delivers nothing more. What was
set aside is then copied under the new names and dropped, in batches. Whoever comes after a crash,
or finds the lease expired, goes on from there.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from bot.model.errors import UnderWay
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import (
    ALIVE_KEY,
    DUE_KEY,
    GISTS_KEY,
    MAIL_PREFIX,
    MIGRATED_KEY,
    MIGRATING_KEY,
    MIGRATION_LANDED_KEY,
    MIGRATION_PREFIX,
    OUTBOX_KEY,
    READS_KEY,
    THREADS_KEY,
    WATCH_KEY,
    Key,
    KeyPrefix,
    behind_key,
    catching_up_key,
    gap_key,
    listeners_key,
    read_key,
    unread_key,
)
from bot.store.lua import migration as lua

log = logging.getLogger(__name__)

FENCE = timedelta(hours=1)
"""The time for which a process of the version before may still run."""

SILENCE = timedelta(minutes=2)
"""The time after which threads are read again for what such a process acknowledged unseen.

It ignores replies in threads that were linked after the migration, whose links it cannot see. Until
then replies wait a second, so that one that it refused may come first.
"""

LEASE = timedelta(seconds=20)
"""The time after which another process takes over a migration whose holder is gone."""

KEEP = timedelta(days=30)

BATCH = 500

EVERY = KeyPrefix("")
ASIDE = KeyPrefix(f"{MIGRATION_PREFIX}aside:")


class _Mover:
    """Moves the keys of `source` to `target`; `renamed` gives the name that a key gets there."""

    def __init__(
        self, source: Store, target: Store, renamed: Callable[[str], str], token: str
    ) -> None:
        self._source = source
        self._target = target
        self._renamed = renamed
        self._token = token
        self.moved = 0

    async def begin(self) -> bool:
        """Take the lease; return True if an earlier migration has left nothing to move.

        Raises:
            UnderWay: another process is moving the keys.
        """
        state = await lua.begin_migration(
            self._target,
            lease=MIGRATING_KEY,
            done=MIGRATED_KEY,
            token=self._token,
            lease_ms=millis(LEASE),
        )
        if state == "busy":
            raise UnderWay("another process is moving the keys in Redis")
        return state == "again"

    async def end(self, *, is_done: bool) -> None:
        """Release the lease; with `is_done`, later starts need not look for keys."""
        await lua.end_migration(
            self._target,
            lease=MIGRATING_KEY,
            done=MIGRATED_KEY,
            token=self._token,
            is_done=is_done,
            keep=seconds(KEEP),
        )

    async def move(self, shared: tuple[Key, ...], fence: timedelta) -> int:
        """Move all keys, and leave fences for that time; return how many keys were set aside."""
        await self._land_all()
        await self._target.delete(MIGRATION_LANDED_KEY)
        count = await lua.set_aside(
            self._source,
            *shared,
            every=EVERY,
            aside=ASIDE,
            own=MIGRATION_PREFIX,
            alive=KeyPrefix(ALIVE_KEY),
            fence_ms=millis(fence),
        )
        await self._land_all()
        await self._target.delete(MIGRATION_LANDED_KEY)
        await lua.make_due(self._target, due=DUE_KEY, mail=MAIL_PREFIX, keep=seconds(KEEP))
        return count

    async def _land_all(self) -> None:
        cursor = "0"
        while True:
            cursor, found = await lua.list_aside(
                self._source, aside=Key(ASIDE), cursor=cursor, count=BATCH
            )
            if found:
                await self._land([(str(name), int(ttl), value) for name, ttl, value in found])
            if cursor == "0":
                return

    async def _land(self, found: list[tuple[str, int, str]]) -> None:
        results = await lua.land(
            self._target,
            lease=MIGRATING_KEY,
            landed=MIGRATION_LANDED_KEY,
            every=EVERY,
            token=self._token,
            lease_ms=millis(LEASE),
            keep=seconds(KEEP),
            keys=[(self._renamed(name), ttl, value) for name, ttl, value in found],
        )
        if results is None:
            raise UnderWay("another process has taken over the migration of the keys")
        names = [name for name, _, _ in found]
        stayed = [name for name, has_landed in zip(names, results, strict=True) if not has_landed]
        await lua.settle(
            self._source,
            every=Key(EVERY),
            aside=Key(ASIDE),
            landed=[name for name, has_landed in zip(names, results, strict=True) if has_landed],
            stayed=stayed,
        )
        self.moved += len(names) - len(stayed)
        for name in stayed:
            log.warning("a key is left, since a newer one has its new name", extra={"key": name})


async def migrate(opened: Store, team: str, token: str) -> None:
    """Move the keys of the version before to those of the workspace `team`, if there are any.

    A process does this before it uses the workspace's keys. `opened` is the store without a
    workspace, and `token` names the process, which goes on when it calls this again.

    Raises:
        UnderWay: another process is at it; try again.
        StoreAway: Redis cannot be reached or cannot write; try again.
    """
    began, target = time.monotonic(), opened.of(team)
    mover = _Mover(opened, target, lambda name: _by_team(name, team), token)
    is_again = await mover.begin()
    shared = shared_keys(team)
    if is_again and not await lua.is_in_use(opened, *shared):
        await mover.end(is_done=True)
        return
    count = await mover.move(shared, FENCE)
    if mover.moved:
        target.expect_refused(SILENCE.total_seconds())
        await lua.expect_silence(
            target,
            listeners=listeners_key(team),
            name="former",
            silent_ms=millis(SILENCE),
            keep=seconds(FENCE),
        )
        took = round(time.monotonic() - began, 3)
        log.info("keys moved to their workspace", extra={"keys": mover.moved, "seconds": took})
    await mover.end(is_done=not count)


async def move_back(opened: Store, team: str, token: str) -> int:
    """Move the keys of a workspace to where the version before expects them; return how many.

    No process may be running. Fences are lifted.

    Raises:
        UnderWay: another process is at it.
        StoreAway: Redis cannot be reached or cannot write; the same call goes on.
    """
    mover = _Mover(opened.of(team), opened, str, token)
    await mover.begin()
    await mover.move((ALIVE_KEY,), timedelta(0))
    await lua.lift_fences(opened, every=Key(EVERY))
    await opened.of(team).delete(MIGRATED_KEY)
    await mover.end(is_done=False)
    return mover.moved


def shared_keys(team: str) -> tuple[Key, ...]:
    """Return the keys that are no session's, thread's or reply's own: each step needs some."""
    own = (
        gap_key,
        behind_key,
        catching_up_key,
        unread_key,
        read_key,
        listeners_key,
    )
    return (
        DUE_KEY,
        OUTBOX_KEY,
        WATCH_KEY,
        THREADS_KEY,
        GISTS_KEY,
        READS_KEY,
        *(builder(team) for builder in own),
    )


def _by_team(name: str, team: str) -> str:
    """Return a key's name with the team, which versions further back left out of some."""
    if name in {"gap", "behind", "catching-up"}:
        return f"{name}:{team}"
    if name.startswith("once:") and not name.startswith(f"once:{team}:"):
        return f"once:{team}:{name.removeprefix('once:')}"
    return name
