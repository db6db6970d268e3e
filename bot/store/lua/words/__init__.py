"""The signatures of the scripts behind what threads are still to be shown, and their cards."""

from bot.redis.keys import Key, KeyPrefix
from bot.redis.scripts import script


@script
async def cut_words(
    *, subject: Key, words: Key, most: int, most_bytes: int, since: str
) -> tuple[str, str | int, str, str, str | int, int] | None:
    """Return the batch to post, its number, its notes, `since`, parts and now."""


@script
async def note_batch(*, subject: Key, name: str, what: str) -> int:
    """Note what became of one part of the batch that is being posted."""


@script
async def note_parts(*, subject: Key, parts: str) -> int:
    """Note how many posts of a batch were made."""


@script
async def end_words(*, subject: Key, words: Key, outbox: Key, owed: str, begun: str) -> int:
    """End a batch; return 1 if more is to be posted."""


@script
async def end_card(
    *,
    card: Key,
    outbox: Key,
    owed: str,
    begun: str,
    wanted: str,
    ts: str,
    shows: str,
    is_open: bool,
    pace_ms: int,
) -> int:
    """End a try at a card; return the ms until the next edit, or -1."""


@script
async def want_card_of(
    *, outbox: Key, subject_prefix: KeyPrefix, name: str, pace_ms: int, keep: int
) -> int:
    """Ask for a thread's card; return the ms until it may be edited, or -1 without a card."""
