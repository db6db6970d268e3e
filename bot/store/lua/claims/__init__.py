"""The signature of the script for claims."""

from bot.redis.scripts import script


@script
async def claim(*, what: str, token: str, ttl: int) -> int:
    """Return 1 to the first caller within `ttl` seconds, and to the same `token` again."""
