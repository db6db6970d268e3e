"""The signatures of the script that changes links, and of those that read beside them."""

from collections.abc import Sequence

from bot.redis.scripts import script


@script
async def set_link(
    *,
    thread: str,
    was: str,
    new: str,
    session: str,
    card_name: str,
    joins: str,
    link_ttl: int,
    pace_ms: int,
) -> int:
    """Set or end a link that still is what it was; return 0 if it is not."""


@script
async def list_threads(*, prefix: str, within_ms: int, limit: int) -> Sequence[str]:
    """List linked threads, latest traffic first, each followed by the time of that traffic."""


@script
async def use_default(*, channel: str, link_ttl: int) -> str | None:
    """Return a channel's default session, and extend its TTL."""
