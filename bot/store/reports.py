"""Reports: what the outbox has to tell of a reply, from the reply's own record.

A report is owed from the step that writes an outcome (`FINISH`) or puts a reply off (`DEFER`).
"""

from dataclasses import dataclass

from bot.model.outcomes import Outcome
from bot.model.owed import Owed, OwedKind
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY, subject_key
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
    """What there is to tell of a reply.

    `is_waiting`: the reply has no outcome yet. `was_noticed`: the thread was told that it waits.
    `is_current`: it was not sent again since.
    """

    owed: Owed
    again: bool
    is_waiting: bool
    reply: Reply | None
    outcome: Outcome | None
    was_noticed: bool
    is_current: bool
    session: SessionId

    @classmethod
    def of(cls, begun: Begun) -> "Report":
        """The report that a try at an entry found, with `FIELDS`.

        Raises:
            ValidationError: a newer version wrote the reply or its outcome.
        """
        record = begun.record
        reply, outcome = record[ReplyField.REPLY], record[ReplyField.OUTCOME]
        return cls(
            owed=begun.owed,
            again=begun.again,
            is_waiting=record[ReplyField.STATE] in _WAITING,
            reply=Reply.model_validate_json(reply) if reply else None,
            outcome=Outcome.model_validate_json(outcome) if outcome else None,
            was_noticed=bool(record[ReplyField.NOTICED]),
            is_current=record[ReplyField.ROUND] == str(begun.owed.number),
            session=SessionId(record[ReplyField.SESSION]),
        )


class Reports:
    """How the reports of replies end, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def end(self, owed: Owed, *, told: bool) -> bool:
        """The thread has been told, or never can or need be; True while the reply still waits."""
        gave_notice = told and owed.kind is OwedKind.DELAY
        state = await lua.end_report(
            self._store,
            reply=subject_key(owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(owed),
            gave_notice=gave_notice,
        )
        return state in _WAITING
