"""Changes or withdraws an accepted reply if its message is edited or deleted before delivery.

Each change is one script, so that it cannot race with the reply being taken. If the reply is being
sent, the change is noted, in case Devin does not accept it (`note_change.lua`). `edited` on the
reply is the `ts` of the latest edit that counted, in microseconds; the same edit, or an older one
that comes late, has no effect.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from bot.model.errors import StoreAway
from bot.model.replies import Outcome, OutcomeKind, Reply, ReplyId
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.store.lua import replies as lua
from bot.store.lua.reply_fields import ReplyField
from bot.text.to_devin import is_empty

NEVER_TAKEN = frozenset({OutcomeKind.ENDED, OutcomeKind.REFUSED, OutcomeKind.GIVEN_UP})

TRIES = 5

LOOK_SECONDS = 0.25
LONGEST_TRY_SECONDS = 120.0
"""Longer than one try takes with its uploads, its POST, and its reconciliation."""


class Revised(StrEnum):
    """The results of an edit or a deletion."""

    UNKNOWN = "unknown"
    """No such reply was accepted."""

    AHEAD = "ahead"
    """No such reply was accepted; if its event still comes, it is accepted in its present form."""

    REPEATED = "repeated"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    SENDING = "sending"
    """It is being sent, and changes only if Devin does not accept it. A later call can tell."""

    LATE = "late"
    """It has an outcome already."""


TOO_LATE = frozenset({Revised.LATE, Revised.SENDING})


@dataclass(frozen=True, slots=True)
class Revision:
    """The result, and the outcome of the reply if it had ended before."""

    what: Revised
    outcome: Outcome | None = None

    @property
    def may_be_taken(self) -> bool:
        """True if Devin may have read the message, provided that it was sent."""
        how = self.outcome
        return how is None or how.kind not in NEVER_TAKEN


class Revisions:
    """Changes replies that wait, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def change(
        self, reply: Reply, edited: int, *, drops_forwarded: bool = False, may_be_ahead: bool
    ) -> Revision:
        """Change the waiting reply to `reply`; `edited` is the time of the edit, in microseconds.

        The parts that an edit does not show are kept: the files, the sender, the step that waits
        for it, and, unless `drops_forwarded`, the forwarded messages. A reply that is empty now is
        withdrawn.
        """
        for _ in range(TRIES):
            session, raw = await self._read(reply.id)
            kept = Reply.model_validate_json(raw) if raw else reply
            new = _revised(kept, reply, drops_forwarded=drops_forwarded)
            what = await self._revise(
                reply.id,
                session,
                edited,
                old=raw or "",
                new="" if is_empty(new) else new.to_json(),
                drops="" if new.all_files == kept.all_files else ReplyField.FILES,
                may_be_ahead=may_be_ahead,
            )
            if what is not None:
                return what
        return Revision(Revised.REPEATED)  # each time, a later edit came in between

    async def withdraw(self, reply: ReplyId, edited: int = 0, *, may_be_ahead: bool) -> Revision:
        """Take `reply` out of its mailbox, if it waits there.

        `edited` is the time of the edit that does so, in microseconds; 0 for a deletion.
        """
        for _ in range(TRIES):
            session, _raw = await self._read(reply)
            what = await self._revise(reply, session, edited, may_be_ahead=may_be_ahead)
            if what is not None:
                return what
        return Revision(Revised.REPEATED)

    async def offer(self, reply: ReplyId, number: str) -> str:
        """Return the number under which a correction of `reply` is offered: the first one given."""
        return await lua.note_reply(
            self._store, reply_id=reply, field=ReplyField.OFFER, text=number, once=True
        )

    async def offered(self, reply: ReplyId, edited: int) -> None:
        """Note that a correction by the edit of `edited` has been offered."""
        await lua.note_reply(
            self._store, reply_id=reply, field=ReplyField.EDITED, text=str(edited), once=False
        )

    async def _read(self, reply: ReplyId) -> tuple[SessionId, str | None]:
        """Return the session and the JSON; if they are of two moments, `REVISE` finds that out."""
        key = subject_key(reply)
        session, raw = await asyncio.gather(
            self._store.field(key, ReplyField.SESSION), self._store.field(key, ReplyField.REPLY)
        )
        return SessionId(session or ""), raw

    async def _revise(
        self,
        reply: ReplyId,
        session: SessionId,
        edited: int,
        *,
        old: str = "",
        new: str = "",
        drops: str = "",
        may_be_ahead: bool,
    ) -> Revision | None:
        what, outcome = await lua.revise(
            self._store,
            reply_id=reply,
            session=session,
            old=old,
            new=new,
            edited=edited,
            may_be_ahead=may_be_ahead,
            drops=drops,
        )
        if what == "raced":
            return None
        parsed = Outcome.model_validate_json(outcome) if outcome else None
        return Revision(Revised(what), parsed)


def _revised(kept: Reply, shown: Reply, *, drops_forwarded: bool) -> Reply:
    """Return the reply as an edit shows it, with the parts that the edit does not show."""
    unseen: dict[str, object] = {"sent_by": kept.sent_by, "step": kept.step}
    if not shown.files:
        unseen["files"] = kept.files
    if not (shown.forwarded or drops_forwarded):
        unseen["forwarded"] = kept.forwarded
    return shown.model_copy(update=unseen)


async def outlasted(change: Callable[[], Awaitable[Revision]]) -> Revision:
    """Repeat `change` until its reply is no longer being sent, for two minutes at most.

    Return the last result. The change is also repeated while Redis is away: its note is kept there.
    """
    met = Revision(Revised.SENDING)
    deadline = time.monotonic() + LONGEST_TRY_SECONDS
    while met.what is Revised.SENDING and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        with suppress(StoreAway):
            met = await change()
    return met
