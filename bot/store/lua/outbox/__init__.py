"""The signatures of the outbox's scripts, which serve entries of all kinds."""

from collections.abc import Sequence
from typing import Any

from bot.redis.scripts import script


@script
async def owe(*, subject: str, owed: str, asked: str, keep: int) -> int:
    """Add an entry; return 2 if it is new, 1 while it is still to be done, else 0."""


@script
async def begin_entry(
    *, owed: str, token: str, lease_ms: int, fields: Sequence[str]
) -> Sequence[Any] | None:
    """Begin a try; return what holds the entry, 1 if one was begun before, and the fields."""


@script
async def pause_entry(*, owed: str, held: str, may_be_done: bool, after_ms: int) -> int:
    """End a try at an entry, and make the entry due again."""


@script
async def end_entry(*, owed: str, held: str, leaves: str) -> int:
    """End an entry."""


@script
async def list_late(*, grace_ms: int, limit: int) -> Sequence[str]:
    """List the overdue entries."""
