"""The signatures of the mailbox's scripts. Times are milliseconds; `link_ttl` is seconds."""

from collections.abc import Sequence
from typing import Any

from bot.model.replies import Evidence, ReplyId
from bot.model.sessions import SessionId
from bot.redis.scripts import script


@script
async def accept(
    *,
    session: SessionId,
    text: str,
    reply_id: ReplyId,
    score: int,
    wait: int,
    link_ttl: int,
    thread: str,
    evidence: Evidence,
) -> tuple[str, int]: ...


@script
async def take(*, session: SessionId, token: str) -> Sequence[Any]: ...


@script
async def finish(
    *,
    session: SessionId,
    token: str,
    reply_id: ReplyId,
    outcome: str,
    rest: str,
    answered: bool,
    report: str,
    goes_on: bool,
    thread: str,
    by: str,
    reached: bool,
    link_ttl: int,
    poll_after_ms: int,
) -> Sequence[Any]: ...


@script
async def defer(
    *, session: SessionId, token: str, reply_id: ReplyId, delay: int, notice: str, notice_after: int
) -> tuple[int, int] | None: ...


@script
async def renew(*, leased: str, token: str, lease_ms: int) -> int: ...


@script
async def send_again(
    *, reply_id: ReplyId, score: int, number: int, press: str
) -> SessionId | None: ...


@script
async def revise(
    *,
    reply_id: ReplyId,
    session: SessionId,
    old: str,
    new: str,
    edited: int,
    may_be_ahead: bool,
    drops: str,
) -> tuple[str, str]: ...


@script
async def measure(*, most: int) -> Sequence[Any]: ...


@script
async def list_due(
    *, mail_ms: int, most_sessions: int, most_held: int, entry_ms: int, most_entries: int
) -> tuple[Sequence[SessionId], Sequence[str]]: ...


@script
async def queues(*, session: SessionId, most: int) -> Sequence[Any]: ...
