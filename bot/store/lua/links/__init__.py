"""The signatures of the scripts that change links, and of those that list their places."""

from collections.abc import Sequence

from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.redis.keys import Key, KeyPrefix
from bot.redis.scripts import script


@script
async def create_link(
    *,
    link: Key,
    threads: Key,
    recent: Key,
    places: Key,
    changed: Key,
    watch: Key,
    followers: Key,
    card: Key,
    outbox: Key,
    new: str,
    link_ttl: int,
    thread_ts: str,
    since: str,
    catch_up: int,
    thread: str,
    channel: str,
    by: UserId,
    at: str,
    keep: int,
    session: SessionId,
    follower: str,
    begins: bool,
    owed: str,
) -> str | None:
    """Link a thread; return the link that was there, if any."""


@script
async def remove_link(
    *,
    link: Key,
    threads: Key,
    recent: Key,
    changed: Key,
    heard: Key,
    watch: Key,
    card: Key,
    outbox: Key,
    gists: Key,
    thread_ts: str,
    thread: str,
    at: str,
    since: str,
    keep: int,
    followers_prefix: KeyPrefix,
    follower: str,
    owed: str,
    pace_ms: int,
) -> str | None:
    """Remove a link, and return it."""


@script
async def mute_link(
    *,
    link: Key,
    recent: Key,
    changed: Key,
    heard: Key,
    card: Key,
    outbox: Key,
    mutes: bool,
    catch_up: int,
    thread: str,
    at: str,
    since: str,
    keep: int,
    owed: str,
    pace_ms: int,
    keep_card: int,
) -> str | None:
    """Mute or unmute a link, and return the changed link."""


@script
async def follow_link(
    *,
    link: Key,
    changed: Key,
    card: Key,
    outbox: Key,
    watch: Key,
    follow: str,
    at: str,
    since: str,
    keep_changed: int,
    owed: str,
    pace_ms: int,
    keep: int,
    followers_prefix: KeyPrefix,
    follower: str,
) -> str | None:
    """Choose how much a thread follows, and return the changed link."""


@script
async def hear_from(*, link: Key, since: int) -> str | int:
    """Let a link's replies be for Devin only from `since` on."""


@script
async def describe_link(*, link: Key, topic: str, at: str) -> int:
    """Keep the first words of a linked thread."""


@script
async def active_threads(*, threads: Key, within_ms: int, limit: int) -> Sequence[str]:
    """List a channel's threads, latest traffic first."""


@script
async def oldest_threads(*, threads: Key, limit: int) -> Sequence[str]:
    """List a channel's threads, oldest traffic first."""


@script
async def latest_threads(*, threads: Key, limit: int) -> Sequence[str]:
    """List a channel's threads, each followed by the time of its latest traffic."""


@script
async def list_places(*, places: Key, link_ttl_ms: int, limit: int) -> Sequence[str]:
    """List the channels with linked threads."""


@script
async def forget_place(*, places: Key, channel: str) -> int:
    """Forget a channel."""


@script
async def note_move(*, moved: Key, came: Key, old: str, new: str, keep_ms: int) -> str:
    """Note the new id of a channel."""


@script
async def use_default(*, default: Key, ttl: int) -> str | None:
    """Return a channel's default session, and extend its TTL."""
