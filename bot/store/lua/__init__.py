"""The signatures of the scripts in these folders: one for every atomic change in Redis.

What a script checks still holds when it acts. Times are milliseconds of Redis's clock, but a `ttl`
is in seconds, and a `ts` in microseconds of Slack's clock.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from bot.model.replies import Evidence, ReplyId
from bot.model.sessions import SessionId
from bot.redis.scripts import script


class ReplyField(StrEnum):
    """The fields of a reply's hash, which scripts name as literals; `redis.md` explains each."""

    STATE = "state"
    REPLY = "reply"
    SESSION = "session"
    ACCEPTED = "accepted"
    NOT_BEFORE = "not_before"
    ROUND = "round"
    PRESSED = "pressed"
    TOKEN = "token"  # noqa: S105 - the name of a field
    SENDING_SINCE = "sending_since"
    FILES = "files"
    AS_USER = "as_user"
    OUTCOME = "outcome"
    PUT_OFF_AT = "put_off_at"
    DELAY_TOLD_IN = "delay_told_in"
    EDITED = "edited"
    MEANWHILE = "meanwhile"
    MEANWHILE_AT = "meanwhile_at"
    MEANWHILE_DROPS = "meanwhile_drops"
    APPLIED = "applied"
    CONTENT = "content"
    """Of an outbox entry that is about no reply: what is to be told or done, as JSON."""


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
    call: str,
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
    may_be_there: bool,
    link_ttl: int,
    poll_after_ms: int,
) -> Sequence[Any]: ...


@script
async def defer(
    *,
    session: SessionId,
    token: str,
    reply_id: ReplyId,
    after_ms: int,
    report: str,
    report_after_ms: int,
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
async def count_mail(*, session: SessionId) -> int: ...


@script
async def owe(*, subject: str, owed: str, content: str, keep: int, due_ms: int) -> int: ...


@script
async def begin_entry(
    *, owed: str, token: str, lease_ms: int, fields: Sequence[str]
) -> Sequence[Any] | None: ...


@script
async def pause_entry(
    *, owed: str, held: str, may_be_done: bool, after_ms: int, keep: int
) -> int: ...


@script
async def end_entry(*, owed: str, held: str, leaves: str, delay_told_in: str) -> int: ...


@script
async def cut_words(
    *, owed: str, held: str, thread: str, most: int, most_bytes: int, since: str
) -> tuple[str, str | int, str, str, int] | None: ...


@script
async def note_batch(*, owed: str, held: str, name: str, what: str) -> int: ...


@script
async def end_words(*, owed: str, held: str, thread: str, notes: str) -> int: ...


@script
async def end_card(
    *,
    owed: str,
    held: str,
    requests: str,
    ts: str,
    shows: str,
    slot: str,
    is_open: bool,
    pace_ms: int,
    rest_ms: int,
) -> int: ...


@script
async def want_card_of(*, name: str, pace_ms: int, doubts: bool) -> int: ...


@script
async def set_link(
    *,
    thread: str,
    was: str,
    new: str,
    session: str,
    card_name: str,
    joins: str,
    link_ttl: int,
    pace_ms: int,
) -> int: ...


@script
async def take_polls(
    *, limit: int, ahead_ms: int, link_ttl: int
) -> tuple[int, Any, Sequence[Any]]: ...


@script
async def open_poll(*, session: SessionId, link_ttl: int) -> tuple[Sequence[Any], str, str]: ...


@script
async def end_polls(*, polls: Sequence[Any], began: int) -> int: ...


@script
async def record_poll(
    *,
    session: SessionId,
    before: str,
    seen: str,
    began: int,
    after_ms: int,
    read_ids: str,
    said: Sequence[Any],
    joined: Sequence[Any],
    cards: Sequence[Any],
    used: Sequence[str],
    link_ttl: int,
    pace_ms: int,
    tells: bool,
) -> Sequence[Any]: ...


@script
async def hurry(*, session: SessionId) -> int: ...


@script
async def spend_reads(
    *, most: int, per_minute: int, burst: int, rest: int, is_made: bool, pause_ms: int
) -> tuple[int, int]: ...


@script
async def read_ledger(*, month: str) -> Sequence[str]: ...


@script
async def note_missed(
    *, within_ms: int, threads: Sequence[tuple[str, int, bool, bool]], begins: bool
) -> int: ...


@script
async def let_go(*, token: str, read: str) -> int: ...


@script
async def list_unread() -> tuple[str, Sequence[str], Sequence[str]]: ...


@script
async def note_read(
    *, read_gap: str, session: SessionId, threads: Sequence[tuple[str, int]]
) -> int: ...
