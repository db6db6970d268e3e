"""The signatures of the scripts for claims."""

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def claim(*, claim: Key, token: str, keep: int) -> int:
    """Return 1 to the first caller within `keep` seconds, and to the same `token` again."""


@script
async def disclaim(*, claim: Key) -> int:
    """Undo a claim."""
