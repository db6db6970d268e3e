"""The outbox keeps what must be posted or done in Slack, until Slack accepts or finally refuses it.

An entry is written in the step that causes it, so a crash at any point delays but never loses it.
Each entry is about a subject, a record in Redis, whose fields mean something only to its kind.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.owed import Owed, parse_owed
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import OUTBOX_KEY, subject_key
from bot.store.lua import outbox as lua

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=60)
"""An entry that was begun but not ended is due again after this time."""

TRYING = timedelta(seconds=45)
"""The time for which a try keeps others out; `reporting/reporter.py` stops before its end."""

KEEP = timedelta(days=7)
"""The least time for which an entry and its subject are kept after the last try."""

GRACE = timedelta(seconds=5)
"""Mail and entries that have been due for this long are overdue."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A try at an entry.

    `again` is True if Slack may have accepted it in an earlier try. `record` has the requested
    fields of the subject; a missing one is empty.
    """

    owed: Owed
    again: bool
    record: Mapping[str, str]


class Outbox:
    """The entries, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def owe(self, owed: Owed, what: str, keep: timedelta) -> bool:
        """Add an entry, with `what` as the `asked` field of its subject, once for each subject.

        Return True while the entry is still to be done. It is remembered for `keep`.

        Raises:
            StoreAway: the entry may not be kept.
        """
        is_open = await lua.owe(
            self._store,
            subject=subject_key(owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(owed),
            asked=what,
            keep=seconds(keep),
        )
        return bool(is_open)

    async def begin(self, owed: Owed, fields: Sequence[str]) -> Begun | None:
        """Begin a try, and read `fields` of the subject.

        Return None if the entry has ended, or while another try is in progress.
        """
        answer = await lua.begin_entry(
            self._store,
            subject=subject_key(owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(owed),
            begun=_begun(owed),
            retry_ms=millis(RETRY),
            trying_ms=millis(TRYING),
            fields=fields,
        )
        if not answer:
            return None
        again, *found = answer
        return Begun(owed, bool(again), dict(zip(fields, map(str, found), strict=True)))

    async def pause(self, owed: Owed, after: float, *, may_be_done: bool) -> None:
        """End this try, with another one due in `after` seconds.

        `may_be_done` says that Slack may have accepted the entry in this one.
        """
        await lua.pause_entry(
            self._store,
            subject=subject_key(owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(owed),
            begun=_begun(owed),
            may_be_done=may_be_done,
            after_ms=int(after * 1000),
            keep=seconds(KEEP),
        )

    async def end(self, owed: Owed, *, forget: bool) -> None:
        """End the entry; with `forget`, delete its content and keep only that it was owed."""
        await lua.end_entry(
            self._store,
            subject=subject_key(owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(owed),
            forgets=forget,
        )

    async def overdue(self, grace: timedelta, limit: int) -> Sequence[Owed]:
        """List entries that have been due for at least `grace`, the longest due first.

        Entries of a kind that only a newer version knows are left to its processes.
        """
        late = await lua.list_late(
            self._store, outbox=OUTBOX_KEY, grace_ms=millis(grace), limit=limit
        )
        known = [owed for one in late if (owed := parse_owed(one)) is not None]
        if left := len(late) - len(known):
            log.info("reports left to a newer version", extra={"reports": left})
        return known


def _begun(owed: Owed) -> str:
    return f"begun:{owed.number}:{owed.kind}"
