"""The budget of reads of Devin's API, which all processes share.

A twelfth of the minute's reads may be made at once, and the rest is spread evenly, so that no
minute has more of them than the setting allows.
"""

from bot.redis.connection import Store
from bot.store.lua import mirror as lua

AT_ONCE = 12
"""The part of the minute's reads that may be made at once: one in this many."""


class Reads:
    """The budget, in Redis."""

    def __init__(self, store: Store, per_minute: int) -> None:
        self._store = store
        self._per_minute = per_minute
        self._burst = max(2, per_minute // AT_ONCE)
        self.seconds_each = 60 / max(1, per_minute - self._burst)

    async def spend(self, most: int = 1, rest: int = 0) -> tuple[int, float]:
        """Spend up to `most` reads, if `rest` are left over.

        Return how many, and the seconds until one more can be had.
        """
        return await self._spend(most, rest=rest)

    async def note(self, made: int) -> None:
        """Spend reads that were made already."""
        await self._spend(made, is_made=True)

    async def _spend(
        self, most: int, *, rest: int = 0, is_made: bool = False, pause: float = 0.0
    ) -> tuple[int, float]:
        spent, wait_ms = await lua.spend_reads(
            self._store,
            most=most,
            per_minute=self._per_minute,
            burst=self._burst,
            rest=rest,
            is_made=is_made,
            pause_ms=int(pause * 1000),
        )
        return spent, wait_ms / 1000

    async def stop(self, pause: float) -> None:
        """Let no process read for `pause` seconds."""
        await self._spend(0, pause=pause)
