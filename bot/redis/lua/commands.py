"""The signatures of the scripts beside this file, which read and write keys of any kind."""

from collections.abc import Sequence
from typing import Any

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def put(*, key: Key, text: str, ttl: int, field: str) -> str:
    """Set the string at `key`, or a `field` of the hash there, to `text`; a `ttl` of 0 deletes."""


@script
async def swap(*, key: Key, was: str, text: str, ttl: int) -> int:
    """Set the string at `key`, '' for none, if it still is what it `was`; return 0 if it is not."""


@script
async def fields(*, keys: Sequence[Key], names: Sequence[str], ttl: int) -> Any:
    """Return the strings at `keys`, or the fields `names` of each of the hashes there."""


@script
async def members(*, key: Key, prefix: str, within_ms: int, limit: int) -> Sequence[str]:
    """List members of the sorted set at `key`, the highest score first, each with its score."""


@script
async def claim(*, key: Key, token: str, ttl: int) -> int:
    """Return 1 to the first caller within `ttl` seconds, and to the same `token` again."""


@script
async def spend_call(
    *, calls: Key, name: str, span_ms: int, most: int, after_ms: int, pause_ms: int
) -> int:
    """Count a call; return the ms to wait instead, if it may not be made now."""


@script
async def info() -> Sequence[str]:
    """Return INFO's sections on memory and persistence; empty where it is not allowed."""
