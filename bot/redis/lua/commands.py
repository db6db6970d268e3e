"""The signatures of the scripts beside this file: single commands."""

from collections.abc import Sequence

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def get(*, key: Key) -> str | None:
    """The string at `key`."""


@script
async def get_all(*keys: Key) -> Sequence[str | None]:
    """The strings at `keys`, in their order."""


@script
async def put(*, key: Key, text: str, ttl: int) -> str:
    """Make `text` the string at `key`, for `ttl` seconds."""


@script
async def delete(*, key: Key) -> int:
    """Delete `key`."""


@script
async def field(*, key: Key, name: str) -> str | None:
    """One field of the hash at `key`."""


@script
async def size(*, key: Key) -> int:
    """The members of the sorted set at `key`."""
