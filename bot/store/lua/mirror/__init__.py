"""The signatures of the scripts behind links, watched sessions and the ledger."""

from collections.abc import Sequence
from typing import Any

from bot.model.sessions import SessionId
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
async def take_polls(*, limit: int, ahead_ms: int, link_ttl: int) -> tuple[int, Any, Sequence[Any]]:
    """Take due sessions; return the time, when the next is due, and the sessions."""


@script
async def open_poll(*, session: SessionId, link_ttl: int) -> tuple[Sequence[Any], str, str]:
    """Return a session's followers, the messages that were read before, and its start."""


@script
async def end_polls(*, polls: Sequence[Any], began: int) -> int:
    """End polls that found nothing new."""


@script
async def record_poll(
    *,
    session: SessionId,
    before: str,
    seen: str,
    began: int,
    after_ms: int,
    shown: str,
    said: Sequence[Any],
    joined: Sequence[Any],
    cards: Sequence[Any],
    used: Sequence[str],
    link_ttl: int,
    pace_ms: int,
) -> Sequence[Any]:
    """Record a poll; return what is to be posted now, and which cards when."""


@script
async def hurry(*, session: SessionId) -> int:
    """Have a session polled now."""


@script
async def spend_reads(
    *, most: int, per_minute: int, burst: int, rest: int, is_made: bool, pause_ms: int
) -> tuple[int, int]:
    """Spend reads of the budget; return how many, and the ms until one more can be had."""


@script
async def read_ledger(*, month: str) -> Sequence[str]:
    """Return the fields of a month of the ledger, each with its value."""
