"""The signatures of the scripts behind answers to what Devin asks."""

from collections.abc import Sequence

from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def begin_answer(*, answer: Key, token: str, lease_ms: int, keep: int) -> Sequence[str]:
    """Begin to answer a question; return the state, and the answer that was chosen before."""


@script
async def choose_answer(*, answer: Key, token: str, chosen: str) -> int:
    """Note the answer to be posted; return 1 if that is still this caller's to do."""


@script
async def end_answer(*, answer: Key, token: str, is_sent: bool) -> int:
    """End the work on an answer."""
