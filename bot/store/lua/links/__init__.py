"""The signatures of the scripts that change links, and of the one that lists them."""

from collections.abc import Sequence

from bot.model.sessions import SessionId
from bot.redis.keys import Key, KeyPrefix
from bot.redis.scripts import script


@script
async def create_link(
    *,
    link: Key,
    threads: Key,
    changed: Key,
    watch: Key,
    watched: Key,
    followers: Key,
    card: Key,
    outbox: Key,
    new: str,
    link_ttl: int,
    since: str,
    thread: str,
    at: str,
    keep: int,
    session: SessionId,
    begins: bool,
    subject_prefix: KeyPrefix,
    card_name: str,
) -> str | None:
    """Link a thread; return the link that was there, if any."""


@script
async def remove_link(
    *,
    link: Key,
    threads: Key,
    changed: Key,
    watch: Key,
    outbox: Key,
    thread: str,
    at: str,
    since: str,
    keep: int,
    followers_prefix: KeyPrefix,
    subject_prefix: KeyPrefix,
    card_prefix: str,
    pace_ms: int,
    session: str,
) -> str | None:
    """Remove a link, and return it."""


@script
async def mute_link(
    *,
    link: Key,
    changed: Key,
    outbox: Key,
    mutes: bool,
    at: str,
    since: str,
    keep: int,
    pace_ms: int,
    keep_card: int,
    subject_prefix: KeyPrefix,
    card_prefix: str,
    session: str,
) -> str | None:
    """Mute or unmute a link, and return the changed link."""


@script
async def follow_link(
    *,
    link: Key,
    changed: Key,
    outbox: Key,
    watch: Key,
    follow: str,
    at: str,
    since: str,
    keep_changed: int,
    pace_ms: int,
    keep: int,
    subject_prefix: KeyPrefix,
    card_prefix: str,
    watched_prefix: KeyPrefix,
    followers_prefix: KeyPrefix,
    follower: str,
    default: str,
    session: str,
) -> str | None:
    """Choose how much a thread follows, and return the changed link."""


@script
async def replace_link(*, link: Key, was: str, new: str) -> int:
    """Replace a link that still is what it was; return 0 if it is not."""


@script
async def list_threads(*, threads: Key, prefix: str, within_ms: int, limit: int) -> Sequence[str]:
    """List linked threads, latest traffic first, each followed by the time of that traffic."""


@script
async def use_default(*, default: Key, ttl: int) -> str | None:
    """Return a channel's default session, and extend its TTL."""
