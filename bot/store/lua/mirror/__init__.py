"""The signatures of the scripts behind the watch: looks, what they find, and threads' cards."""

from collections.abc import Sequence
from typing import Any

from bot.model.sessions import SessionId
from bot.redis.keys import Key, KeyPrefix
from bot.redis.scripts import script


@script
async def take_watch(
    *,
    watch: Key,
    gists: Key,
    limit: int,
    ahead_ms: int,
    lease_ms: int,
    token: str,
    keep: int,
    watched_prefix: KeyPrefix,
    followers_prefix: KeyPrefix,
    link_prefix: KeyPrefix,
    shown_prefix: KeyPrefix,
    gists_ahead_ms: int,
) -> tuple[int, Any, Sequence[Any], Sequence[Any]]:
    """Take due sessions; return the time, when the next is due, the sessions, and gists."""


@script
async def open_looks(
    *,
    watch: Key,
    gists: Key,
    sessions: Sequence[SessionId],
    began: int,
    lease_ms: int,
    token: str,
    keep: int,
    watched_prefix: KeyPrefix,
    followers_prefix: KeyPrefix,
    link_prefix: KeyPrefix,
    shown_prefix: KeyPrefix,
) -> Sequence[Any]:
    """Open looks at sessions of which a gist was not enough."""


@script
async def pass_gists(
    *, watch: Key, gists: Key, passed: Sequence[Any], began: int, lease_ms: int, keep: int
) -> int:
    """End gists that found nothing new."""


@script
async def watched_beginning_with(*, watch: Key, short: str) -> Sequence[str]:
    """List the watched sessions whose ids begin so."""


@script
async def which_shown(*, shown: Key, ids: Sequence[str]) -> Sequence[int]:
    """Tell which messages were read before."""


@script
async def record_look(
    *,
    watch: Key,
    watched: Key,
    followers: Key,
    shown: Key,
    outbox: Key,
    gists: Key,
    threads: Key,
    session: SessionId,
    token: str,
    seen: str,
    began: int,
    after_ms: int,
    step: int,
    ids: Sequence[str],
    said: Sequence[Any],
    joined: Sequence[Any],
    cards: Sequence[Any],
    most_ids: int,
    keep: int,
    keep_owed: int,
    pace_ms: int,
    words_prefix: KeyPrefix,
    subject_prefix: KeyPrefix,
    link_prefix: KeyPrefix,
    gist: str,
    lease_ms: int,
) -> Sequence[Any]:
    """Record a look; return what is to be posted now, and which cards when."""


@script
async def measure_watch(
    *,
    watch: Key,
    outbox: Key,
    gists: Key,
    most: int,
    watched_prefix: KeyPrefix,
    subject_prefix: KeyPrefix,
) -> tuple[int, int, Sequence[Any], int, int]:
    """Measure how late the watch is, what it watches, and what it found that waits."""


@script
async def pass_looks(
    *,
    watch: Key,
    gists: Key,
    looks: Sequence[Any],
    watched_prefix: KeyPrefix,
    lease_ms: int,
    keep: int,
) -> int:
    """End looks that found nothing new."""


@script
async def hurry(*, watch: Key, watched: Key, session: SessionId, by: str) -> int:
    """Have a session looked at now, which `by` has ended."""


@script
async def spend_reads(
    *, reads: Key, most: int, per_minute: int, burst: int, spare: int, is_made: bool
) -> tuple[int, int]:
    """Spend reads of the budget; return how many, and the ms until one more can be had."""


@script
async def stop_reads(*, reads: Key, pause_ms: int, per_minute: int, burst: int) -> int:
    """Let nobody read for a while."""
