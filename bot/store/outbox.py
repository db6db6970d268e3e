"""The outbox: what must be posted, or done in Slack, until Slack took it or refused it for good.

An entry is written in the step that causes it, so a crash anywhere delays it and never loses it.
Each is about a subject, a record in Redis, whose fields mean something only to the entry's kind.
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
"""An entry that was begun and not ended is looked at again after this time."""

TRYING = timedelta(seconds=45)
"""Until then nobody else begins; `reporting/reporter.py` stops before that."""

KEEP = timedelta(days=7)
"""How long what is owed outlasts the last try."""

GRACE = timedelta(seconds=5)
"""Mail and entries that have been due for this long are overdue."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A try at an entry.

    `again`: Slack may have taken it from an earlier try. `record` has the fields of the subject
    that were asked for, empty where there is none.
    """

    owed: Owed
    again: bool
    record: Mapping[str, str]


class Outbox:
    """The entries, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def owe(self, owed: Owed, what: str, keep: timedelta) -> bool:
        """Keep `what` as `asked` of its subject, once for each; True while it has to be done.

        That it was owed is known for as long as `keep`.

        Raises:
            StoreAway: it is not known to be owed.
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
        """Begin a try, and read `fields` of the subject; None when it is over, or another tries."""
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
        """End this try; another one is due in `after` seconds."""
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
        """End the entry; with `forget` only that it was owed stays known, and not what."""
        await lua.end_entry(
            self._store,
            subject=subject_key(owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(owed),
            forgets=forget,
        )

    async def overdue(self, grace: timedelta, limit: int) -> Sequence[Owed]:
        """Entries that nobody tries, due since `grace`, the longest first.

        Those of a kind that a newer version made are left to its processes.
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
