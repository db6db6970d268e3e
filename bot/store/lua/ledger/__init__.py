"""The signature of the script that reads the ledger; `RECORD_POLL` writes it."""

from collections.abc import Sequence

from bot.redis.scripts import script


@script
async def read_ledger(*, month: str) -> Sequence[str]:
    """Return the fields of a month, each with its value."""
