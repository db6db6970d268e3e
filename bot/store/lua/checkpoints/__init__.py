"""The signatures of the scripts for checkpoints and the backfill.

A `ts` is in microseconds of Slack's clock; all other times are in milliseconds of Redis's clock.
"""

from collections.abc import Sequence

from bot.model.sessions import SessionId
from bot.redis.scripts import script


@script
async def note_missed(
    *, within_ms: int, threads: Sequence[tuple[str, int, bool, bool]], begins: bool
) -> int: ...


@script
async def let_go(*, token: str, read: str) -> int: ...


@script
async def list_unread() -> tuple[str, Sequence[str], Sequence[str]]: ...


@script
async def list_awaited(*, limit: int) -> Sequence[str]: ...


@script
async def note_read(
    *, read_gap: str, session: SessionId, threads: Sequence[tuple[str, int]]
) -> int: ...
