"""Reports on replies: the outbox's entries about a reply, read from the reply's own record.

The step that writes an outcome (`FINISH`) or puts a reply off (`DEFER`) adds its report.
"""

from dataclasses import dataclass

from bot.model.outcomes import Outcome
from bot.model.owed import Owed
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.store.lua import replies as lua
from bot.store.lua.reply_fields import ReplyField
from bot.store.outbox import Begun

FIELDS = (
    *(ReplyField.STATE, ReplyField.REPLY, ReplyField.OUTCOME),
    *(ReplyField.NOTICED, ReplyField.ROUND, ReplyField.SESSION),
)
"""The fields of a reply's record that a report needs."""

_WAITING = frozenset({"waiting", "sending"})


@dataclass(frozen=True, slots=True)
class Report:
    """A report on a reply.

    `is_waiting`: the reply has no outcome yet. `noticed_in`: the thread that was told that it
    waits, or empty. `is_current`: the reply has not been sent again since.
    """

    owed: Owed
    again: bool
    is_waiting: bool
    reply: Reply | None
    outcome: Outcome | None
    noticed_in: str
    is_current: bool
    session: SessionId

    @classmethod
    def of(cls, begun: Begun) -> "Report":
        """Build the report from the record that a try at its entry has read, with `FIELDS`.

        Raises:
            ValidationError: the reply or its outcome is broken.
        """
        record = begun.record
        reply, outcome = record[ReplyField.REPLY], record[ReplyField.OUTCOME]
        return cls(
            owed=begun.owed,
            again=begun.again,
            is_waiting=record[ReplyField.STATE] in _WAITING,
            reply=Reply.model_validate_json(reply) if reply else None,
            outcome=Outcome.model_validate_json(outcome) if outcome else None,
            noticed_in=record[ReplyField.NOTICED],
            is_current=record[ReplyField.ROUND] == str(begun.owed.number),
            session=SessionId(record[ReplyField.SESSION]),
        )


class Reports:
    """Ends reports on replies, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def end(self, begun: Begun, noticed_in: str = "") -> tuple[bool, Outcome | None]:
        """End a report that was told, or that cannot or need not be.

        It may have told a thread that the reply waits. Return whether the reply still does, and its
        outcome.
        """
        state, outcome = await lua.end_report(
            self._store, owed=str(begun.owed), held=begun.held, noticed_in=noticed_in
        )
        return state in _WAITING, Outcome.model_validate_json(outcome) if outcome else None
