"""The signatures of the scripts that give keys other names. Times in `_ms` are milliseconds."""

from collections.abc import Sequence

from bot.redis.keys import Key, KeyPrefix
from bot.redis.scripts import script


@script
async def begin_migration(*, lease: Key, done: Key, token: str, lease_ms: int) -> str:
    """Take the lease on a migration; return 'busy', 'again' or 'first'."""


@script
async def end_migration(*, lease: Key, done: Key, token: str, is_done: bool, keep: int) -> int:
    """Release the lease on a migration, and note whether nothing was left to move."""


@script
async def is_in_use(*shared: Key) -> int:
    """Return 1 if one of the keys exists and is not a fence."""


@script
async def set_aside(
    *shared: Key,
    every: KeyPrefix,
    aside: KeyPrefix,
    own: KeyPrefix,
    alive: KeyPrefix,
    fence_ms: int,
) -> int:
    """Set all keys aside, and put fences in their places; return how many keys."""


@script
async def list_aside(
    *, aside: Key, cursor: str, count: int
) -> tuple[str, Sequence[tuple[str, int, str]]]:
    """Return the next cursor, and some keys: name, TTL in ms, and value."""


@script
async def land(
    *,
    lease: Key,
    landed: Key,
    every: KeyPrefix,
    token: str,
    lease_ms: int,
    keep: int,
    keys: Sequence[tuple[str, int, str]],
) -> Sequence[int] | None:
    """Give keys their new names; return 1 for each, or 0 if the name exists."""


@script
async def settle(
    *,
    every: Key,
    aside: Key,
    landed: Sequence[str],
    stayed: Sequence[str],
) -> int:
    """Drop keys that have landed, and put the others back."""


@script
async def make_due(*, due: Key, mail: KeyPrefix, keep: int) -> int:
    """Make sessions with mail due that are not; return the number of mailboxes."""


@script
async def lift_fences(*, every: Key) -> int:
    """Delete all fences; return how many."""


@script
async def expect_silence(*, listeners: Key, name: str, silent_ms: int, keep: int) -> int:
    """Note a listener that will be silent."""
