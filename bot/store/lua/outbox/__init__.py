"""The signatures of the outbox's scripts; some are for words or cards only."""

from collections.abc import Sequence
from typing import Any

from bot.redis.scripts import script


@script
async def owe(*, subject: str, owed: str, asked: str, keep: int, due_ms: int) -> int: ...


@script
async def begin_entry(
    *, owed: str, token: str, lease_ms: int, fields: Sequence[str]
) -> Sequence[Any] | None: ...


@script
async def pause_entry(*, owed: str, held: str, may_be_done: bool, after_ms: int) -> int: ...


@script
async def end_entry(*, owed: str, held: str, leaves: str, noticed_in: str) -> tuple[str, str]: ...


@script
async def cut_words(
    *, owed: str, held: str, thread: str, most: int, most_bytes: int, since: str
) -> tuple[str, str | int, str, str, int] | None: ...


@script
async def note_batch(*, owed: str, held: str, name: str, what: str) -> int: ...


@script
async def end_words(*, owed: str, held: str, thread: str) -> int: ...


@script
async def end_card(
    *,
    owed: str,
    held: str,
    wanted: str,
    ts: str,
    shows: str,
    slot: str,
    is_open: bool,
    pace_ms: int,
    again_ms: int,
) -> int: ...


@script
async def want_card_of(*, name: str, pace_ms: int, doubts: bool) -> int: ...
