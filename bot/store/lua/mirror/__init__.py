"""The signatures of the scripts behind the watch: polls, what they find, and the reads."""

from collections.abc import Sequence
from typing import Any

from bot.model.sessions import SessionId
from bot.redis.scripts import script


@script
async def take_polls(
    *, limit: int, ahead_ms: int, watch_ttl: int
) -> tuple[int, Any, Sequence[Any]]:
    """Take due sessions; return the time, when the next is due, and the sessions."""


@script
async def open_poll(
    *, session: SessionId, watch_ttl: int
) -> tuple[Sequence[Any], Sequence[str], str]:
    """Return a session's followers, the messages that were read before, and its start."""


@script
async def end_polls(*, polls: Sequence[Any], began: int) -> int:
    """End polls that found nothing new."""


@script
async def watched_beginning_with(*, short: str) -> Sequence[str]:
    """List the watched sessions whose ids begin so."""


@script
async def record_poll(
    *,
    session: SessionId,
    before: str,
    seen: str,
    began: int,
    after_ms: int,
    ids: Sequence[str],
    said: Sequence[Any],
    joined: Sequence[Any],
    cards: Sequence[Any],
    used: Sequence[str],
    most_ids: int,
    watch_ttl: int,
    link_ttl: int,
    pace_ms: int,
) -> Sequence[Any]:
    """Record a poll; return what is to be posted now, and which cards when."""


@script
async def measure_watch(*, most: int) -> tuple[int, int, Sequence[Any], int, int]:
    """Measure how late the watch is, what it watches, and what it found that waits."""


@script
async def hurry(*, session: SessionId) -> int:
    """Have a session polled now."""


@script
async def spend_reads(
    *, most: int, per_minute: int, burst: int, rest: int, is_made: bool, pause_ms: int
) -> tuple[int, int]:
    """Spend reads of the budget; return how many, and the ms until one more can be had."""
