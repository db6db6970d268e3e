"""The signature of the script behind a budget of calls."""

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def spend_call(
    *, calls: Key, name: str, span_ms: int, most: int, after_ms: int, pause_ms: int
) -> int:
    """Count a call; return the ms to wait instead, if it may not be made now."""
