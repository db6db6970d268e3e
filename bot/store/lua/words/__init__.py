"""The signatures of the scripts behind what threads are still to be shown, and their cards."""

from bot.redis.scripts import script


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
    *, owed: str, held: str, wanted: str, ts: str, shows: str, is_open: bool, pace_ms: int
) -> int:
    """End a try at a card; return the ms until the next edit, or -1."""


@script
async def want_card_of(*, name: str, pace_ms: int) -> int:
    """Ask for a thread's card; return the ms until it may be edited, or -1 without a card."""
