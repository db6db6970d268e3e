"""The signatures of the scripts for what must be read.

A `ts` is in microseconds of Slack's clock; all other times are milliseconds of Redis'.
"""

from collections.abc import Sequence

from bot.model.sessions import SessionId
from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def note_all(
    *,
    gap: Key,
    recent: Key,
    unread: Key,
    behind: Key,
    listeners: Key,
    token: str,
    begun: str,
    within_ms: int,
    overlap_us: int,
    dead_ms: int,
    link_prefix: str,
) -> int:
    """Note all threads with traffic."""


@script
async def note_missed(
    *,
    gap: Key,
    unread: Key,
    behind: Key,
    within_ms: int,
    link_prefix: str,
    threads: Sequence[tuple[str, int, bool]],
) -> int:
    """Note some threads: their names, since when, and whether somebody asked there."""


@script
async def vouch(
    *,
    listeners: Key,
    token: str,
    kept: str,
    within_ms: int,
    dead_ms: int,
) -> str | None:
    """Note up to when a process has kept everything."""


@script
async def leave(*, listeners: Key, token: str, dead_ms: int) -> int:
    """Let a process listen no more."""


@script
async def claim_gap(*, gap: Key, catching_up: Key, token: str, lease_ms: int) -> str:
    """Take the lease of reading."""


@script
async def is_left(*, gap: Key, catching_up: Key, former_gap: Key, former_catching_up: Key) -> int:
    """Whether nobody reads a gap."""


@script
async def let_go(*, gap: Key, catching_up: Key, behind: Key, token: str, read: str) -> int:
    """End the reading."""


@script
async def list_unread(
    *,
    gap: Key,
    unread: Key,
    recent: Key,
) -> tuple[str, Sequence[str], Sequence[str]]:
    """The gap, the threads to read, and those with traffic."""


@script
async def list_awaited(*, behind: Key, limit: int) -> Sequence[str]:
    """The sessions whose mail waits for that."""


@script
async def note_read(
    *,
    gap: Key,
    unread: Key,
    read: Key,
    behind: Key,
    due: Key,
    mail: Key,
    read_gap: str,
    session: SessionId,
    until_us: int,
    keep: int,
    threads: Sequence[tuple[str, int]],
) -> int:
    """Note that threads were read: their names, and since when."""


@script
async def adopt_gap(
    *,
    former_gap: Key,
    former_behind: Key,
    former_catching_up: Key,
    gap: Key,
    behind: Key,
    within_ms: int,
) -> int:
    """Take over what an earlier version noted."""
