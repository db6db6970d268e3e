"""The signatures of the mailbox's scripts. Times are milliseconds; `keep` and TTLs are seconds."""

from collections.abc import Sequence
from typing import Any

from bot.model.replies import ReplyId, Voucher
from bot.model.sessions import SessionId
from bot.redis.keys import Key, KeyPrefix
from bot.redis.scripts import script


@script
async def accept(
    *,
    link: Key,
    reply: Key,
    mail: Key,
    due: Key,
    lease: Key,
    threads: Key,
    read: Key,
    unread: Key,
    session: SessionId,
    text: str,
    reply_id: ReplyId,
    score: int,
    wait: int,
    link_ttl: int,
    keep: int,
    thread: str,
    has_thread: bool,
    voucher: Voucher,
) -> tuple[str, int]:
    """Put a reply into its session's mailbox."""


@script
async def take(
    *,
    mail: Key,
    box: Key,
    due: Key,
    lease: Key,
    session: SessionId,
    token: str,
    lease_ms: int,
    reply_prefix: KeyPrefix,
    wait_ms: int,
    behind_prefix: KeyPrefix,
) -> Sequence[Any]:
    """Take the lease on a session that is due, and return its head."""


@script
async def finish(
    *,
    mail: Key,
    box: Key,
    due: Key,
    lease: Key,
    reply: Key,
    outbox: Key,
    last: Key,
    watch: Key,
    watched: Key,
    followers: Key,
    session: SessionId,
    token: str,
    lease_ms: int,
    reply_prefix: KeyPrefix,
    wait_ms: int,
    reply_id: ReplyId,
    outcome: str,
    rest: str,
    keep: int,
    answered: bool,
    report: str,
    goes_on: bool,
    link_ttl: int,
    behind_prefix: KeyPrefix,
    follower: str,
    by: str,
    poll_after_ms: int,
) -> Sequence[Any]:
    """Write an outcome and pop its reply; then take the next head, if `goes_on`."""


@script
async def defer(
    *,
    mail: Key,
    box: Key,
    due: Key,
    lease: Key,
    reply: Key,
    outbox: Key,
    session: SessionId,
    token: str,
    delay: int,
    keep: int,
    notice: str,
    notice_after: int,
    reply_id: ReplyId,
    keep_withdrawn: int,
) -> tuple[int, int] | None:
    """Put the head off; return the attempts so far, and the wait for the notice."""


@script
async def put_back(
    *,
    mail: Key,
    box: Key,
    due: Key,
    lease: Key,
    reply: Key,
    session: SessionId,
    token: str,
    reply_id: ReplyId,
    keep_withdrawn: int,
    after: int,
) -> int:
    """Let the head, which has not been sent, wait again."""


@script
async def renew(*, lease: Key, token: str, lease_ms: int) -> int:
    """Renew a lease; return 0 if it is no longer ours."""


@script
async def send_again(
    *,
    mail: Key,
    due: Key,
    reply: Key,
    session: SessionId,
    reply_id: ReplyId,
    score: int,
    number: int,
    keep: int,
    press: str,
) -> str:
    """Put a finished reply back into its mailbox."""


@script
async def backlog(
    *,
    due: Key,
    outbox: Key,
    most: int,
    mail_prefix: KeyPrefix,
    reply_prefix: KeyPrefix,
) -> Sequence[float]:
    """Measure the backlog."""


@script
async def list_abandoned(
    *, due: Key, grace_ms: int, limit: int, lease_prefix: KeyPrefix, most: int
) -> Sequence[SessionId]:
    """List the sessions whose mail is due and that have no lease."""


@script
async def queues(*, mail: Key, reply_prefix: KeyPrefix, most: int) -> Sequence[Any]:
    """Count a session's replies, and those of each thread."""
