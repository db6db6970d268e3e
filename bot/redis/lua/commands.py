"""The signatures of the scripts beside this file, each of which repeats one command at most."""

from collections.abc import Sequence

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def get_all(*keys: Key) -> Sequence[str | None]:
    """Return the strings at `keys`, in their order."""


@script
async def put(*, key: Key, text: str, ttl: int) -> str:
    """Set the string at `key` to `text`, for `ttl` seconds."""


@script
async def delete(*, key: Key) -> int:
    """Delete `key`."""


@script
async def fields(*keys: Key, name: str) -> Sequence[str | None]:
    """Return one field of each of the hashes at `keys`, in their order."""


@script
async def info(*, key: Key) -> Sequence[str]:
    """Return INFO's sections on memory and persistence; empty where it is not allowed."""
