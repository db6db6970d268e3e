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
) -> int: ...


@script
async def take_polls(
    *, limit: int, ahead_ms: int, link_ttl: int
) -> tuple[int, Any, Sequence[Any]]: ...


@script
async def open_poll(*, session: SessionId, link_ttl: int) -> tuple[Sequence[Any], str, str]: ...


@script
async def end_polls(*, polls: Sequence[Any], began: int) -> int: ...


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
    tells: bool,
) -> Sequence[Any]: ...


@script
async def hurry(*, session: SessionId) -> int: ...


@script
async def spend_reads(
    *, most: int, per_minute: int, burst: int, rest: int, is_made: bool, pause_ms: int
) -> tuple[int, int]: ...


@script
async def read_ledger(*, month: str) -> Sequence[str]: ...
