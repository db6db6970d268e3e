"""Changes or withdraws an accepted reply if its message is edited or deleted before delivery.

Each change is one script, so that it cannot race with the reply being taken. If the reply is being
sent, the change is noted, in case Devin does not accept it (`note_change.lua`). `edited` on the
reply is the time of the latest edit that counted, as `Micros`; the same edit, or an older one that
comes late, has no effect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.model.replies import MAY_BE_THERE, Outcome, Reply, ReplyId
from bot.model.sessions import SessionId
from bot.model.times import Micros
from bot.redis.connection import Store
from bot.redis.keep import DONE
from bot.redis.keys import once_key, subject_key
from bot.store.lua import scripts
from bot.store.mailbox import NO_LONGER
from bot.text.to_devin import is_empty

TRIES = 5


class Revised(StrEnum):
    """The results of an edit or a deletion.

    `UNKNOWN`, `AHEAD`: no such reply was accepted; if the event of one ahead still comes, it is
    accepted in its present form. `SENDING`: it changes only if Devin does not accept it; the same
    call can tell later. `DONE`: it has an outcome already.
    """

    UNKNOWN = "unknown"
    AHEAD = "ahead"
    REPEATED = "repeated"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    SENDING = "sending"
    DONE = "done"


TOO_LATE = frozenset({Revised.DONE, Revised.SENDING})


@dataclass(frozen=True, slots=True)
class Revision:
    """The result, the outcome of the reply if it had ended before, and the session that it is for.

    That is the one for which it was last accepted, as long as that is known.
    """

    what: Revised
    outcome: Outcome | None = None
    session: SessionId | None = None

    @property
    def may_be_taken(self) -> bool:
        """True if Devin may have read the message, provided that it was sent."""
        how = self.outcome
        return how is None or how.kind in MAY_BE_THERE


class Revisions:
    """Changes replies that wait, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def change(
        self, reply: Reply, edited: Micros, *, drops_forwarded: bool = False, may_be_ahead: bool
    ) -> Revision:
        """Change the waiting reply to `reply`; `edited` is the time of the edit.

        The parts that an edit does not show are kept: the files, the sender, the step that waits
        for it, and, unless `drops_forwarded`, the forwarded messages. A reply that is empty now is
        withdrawn.
        """

        def change(raw: str) -> tuple[str, str]:
            kept = Reply.model_validate_json(raw) if raw else reply
            new = _revised(kept, reply, drops_forwarded=drops_forwarded)
            drops = "" if new.all_files == kept.all_files else "files"
            return "" if is_empty(new) else new.to_json(), drops

        return await self._revise(reply.id, edited, change, may_be_ahead=may_be_ahead)

    async def withdraw(
        self, reply: ReplyId, edited: Micros = Micros(0), *, may_be_ahead: bool
    ) -> Revision:
        """Take `reply` out of its mailbox for an edit at `edited`, or 0: a deletion."""
        return await self._revise(reply, edited, lambda _: ("", ""), may_be_ahead=may_be_ahead)

    async def offer(self, reply: ReplyId, number: str) -> str:
        """Return the number under which a correction of `reply` is offered: the first one given."""
        key = once_key(f"offer:{reply}")
        await self._store.claim(key, number, DONE)
        return await self._store.get(key) or number

    async def offered(self, reply: ReplyId, edited: Micros) -> None:
        """Note that a correction by the edit of `edited` has been offered."""
        await self._store.put_field(subject_key(reply), "edited", str(edited), NO_LONGER)

    async def _revise(
        self,
        reply: ReplyId,
        edited: Micros,
        change: Callable[[str], tuple[str, str]],
        *,
        may_be_ahead: bool,
    ) -> Revision:
        """Make a change that returns the new JSON, and the field to delete with the old one."""
        fields = ("session", "reply")
        for _ in range(TRIES):
            ((has_it, raw),) = await self._store.fields([subject_key(reply)], *fields)
            session = SessionId(has_it) if has_it else None
            new, drops = change(raw or "")
            what, outcome = await scripts.revise(
                self._store,
                reply_id=reply,
                session=session or SessionId(""),
                old=raw or "",
                new=new,
                edited=edited,
                may_be_ahead=may_be_ahead,
                drops=drops,
            )
            if what != "raced":
                parsed = Outcome.model_validate_json(outcome) if outcome else None
                return Revision(Revised(what), parsed, session)
        return Revision(Revised.REPEATED)  # each time, a later edit came in between


def _revised(kept: Reply, shown: Reply, *, drops_forwarded: bool) -> Reply:
    unseen: dict[str, object] = {"sent_by": kept.sent_by, "step": kept.step}
    if not shown.files:
        unseen["files"] = kept.files
    if not (shown.forwarded or drops_forwarded):
        unseen["forwarded"] = kept.forwarded
    return shown.model_copy(update=unseen)
