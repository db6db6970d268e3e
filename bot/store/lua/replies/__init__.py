"""The signatures of the scripts that change one reply; `edited` is in microseconds."""

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.redis.keys import Key
from bot.redis.scripts import script


@script
async def read_reply(*, reply: Key) -> tuple[SessionId | None, str | None]:
    """Return the session and the JSON of a reply."""


@script
async def revise(
    *,
    reply: Key,
    mail: Key,
    box: Key,
    due: Key,
    outbox: Key,
    old: str,
    new: str,
    edited: int,
    reply_id: ReplyId,
    session: SessionId,
    keep: int,
    ahead: int,
    drops: str,
) -> tuple[str, str]:
    """Apply an edit or a deletion; return the result, and the outcome so far."""


@script
async def offer_correction(*, reply: Key, number: str) -> str:
    """Return the number under which a correction is offered."""


@script
async def note_offered(*, reply: Key, edited: int) -> int:
    """Note that a correction was offered."""


@script
async def keep_files(*, reply: Key, files: str) -> int:
    """Record the uploads of a reply's files."""


@script
async def end_report(*, reply: Key, outbox: Key, owed: str, noticed_in: str) -> tuple[str, str]:
    """End a report; return the reply's state and outcome."""
