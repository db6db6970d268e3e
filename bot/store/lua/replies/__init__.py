"""The signatures of the scripts that change one reply; `edited` is in microseconds."""

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.redis.scripts import script


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
) -> tuple[str, str]:
    """Apply an edit or a deletion; return the result, and the outcome so far."""


@script
async def note_reply(*, reply_id: ReplyId, field: str, text: str, once: bool) -> str:
    """Note `text` in a field of a reply that is kept; return what is noted there now."""


@script
async def end_report(*, owed: str, held: str, noticed_in: str) -> tuple[str, str]:
    """End a report; return the reply's state and outcome."""
