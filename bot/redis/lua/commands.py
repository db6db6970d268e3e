"""The signatures of the scripts beside this file, each of which repeats one command at most."""

from collections.abc import Sequence

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def put(*, key: Key, text: str, ttl: int, field: str) -> str:
    """Set the string at `key`, or a `field` of the hash there, to `text`."""


@script
async def delete(*, key: Key) -> int:
    """Delete `key`."""


@script
async def fields(*keys: Key, name: str) -> Sequence[str | None]:
    """Return the strings at `keys`, or a field of each of the hashes there, in their order."""


@script
async def info(*, key: Key) -> Sequence[str]:
    """Return INFO's sections on memory and persistence; empty where it is not allowed."""
