"""The signatures of the outbox's scripts; some are for words or cards only."""

from collections.abc import Sequence
from typing import Any

from bot.redis.scripts import script


@script
async def owe(*, subject: str, owed: str, asked: str, keep: int, due_ms: int) -> int:
    """Add an entry; return 2 if it is new, 1 while it is still to be done, else 0."""


@script
async def begin_entry(
    *, owed: str, token: str, lease_ms: int, fields: Sequence[str]
) -> Sequence[Any] | None:
    """Begin a try; return what holds the entry, 1 if one was begun before, and the fields."""


@script
async def pause_entry(*, owed: str, held: str, may_be_done: bool, after_ms: int) -> int:
    """End a try at an entry, and make the entry due again."""


@script
async def end_entry(*, owed: str, held: str, leaves: str, noticed_in: str) -> tuple[str, str]:
    """End an entry; return the state and the outcome, if it is about a reply."""


@script
async def cut_words(
    *, owed: str, held: str, thread: str, most: int, most_bytes: int, since: str
) -> tuple[str, str | int, str, str, int] | None:
    """Return the batch to post, its number, its notes, `since` and now."""


@script
async def note_batch(*, owed: str, held: str, name: str, what: str) -> int:
    """Note what became of one part of the batch; return 0 if another try holds it."""


@script
async def end_words(*, owed: str, held: str, thread: str) -> int:
    """End a batch; return 1 if more is to be posted."""


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
) -> int:
    """End a try at a card; return the ms until an edit that was asked for meanwhile, or -1."""


@script
async def want_card_of(*, name: str, pace_ms: int, doubts: bool) -> int:
    """Ask for a thread's card; return the ms until it may be edited, or -1 without a card."""
