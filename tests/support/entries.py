"""A test's view of the outbox: reports of replies, and the number of waiting entries."""

from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis

from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store, millis
from bot.redis.keys import lease_key, subject_key
from bot.reporting.outcomes import Report
from bot.schedule import MOST_HELD
from bot.store.cards import card_owed
from bot.store.links import Links
from bot.store.lua import scripts
from bot.store.outbox import Begun, DueAgain, Ended, Outbox, Owed, OwedKind, parse_owed
from bot.store.state import backlog
from tests.support.keys import at


async def linked(store: Store, thread: ThreadRef, link: Link, ttl: timedelta) -> None:
    """Link a thread whose card was posted, so that the outbox holds nothing of it."""
    await Links(store, ttl).create(thread, link)
    begun = await Outbox(store).begin(card_owed(thread, link))
    if begun is not None:  # else the bot that runs beside the test has ended it
        await Outbox(store).settle(begun, Ended())


async def is_held(raw: Redis, owed: Owed) -> bool:
    """Return True while a try at an entry goes on, or may have been accepted by Slack."""
    field = f"begun|{owed.number}|{owed.kind}"
    return bool(await raw.hexists(at(subject_key(owed.subject)), field))


async def expire(raw: Redis, owed: Owed) -> None:
    """Let the lease of the latest try at an entry run out."""
    record, field = at(subject_key(owed.subject)), f"begun|{owed.number}|{owed.kind}"
    held = await raw.hget(record, field)
    assert isinstance(held, str)
    await raw.hset(record, field, f"1|{held.partition('|')[2]}")


async def lapse(raw: Redis, session: str) -> None:
    """Let the lease on a session run out, whose holder was killed."""
    await raw.delete(at(lease_key(SessionId(session))))


class Entries:
    """Begins, pauses and ends reports of replies, like their tellers."""

    def __init__(self, store: Store) -> None:
        self.outbox = Outbox(store)
        self._store = store
        self._begun: dict[Owed, Begun] = {}

    async def begin(self, owed: Owed) -> Report | None:
        """Begin an attempt; None if there is nothing to tell, or another process tells it."""
        begun = await self.outbox.begin(owed)
        if begun is None:
            return None
        self._begun[owed] = begun
        return Report.of(begun)

    async def pause(self, owed: Owed, after: float, *, may_be_done: bool) -> None:
        """Have the latest attempt followed by another."""
        await self.outbox.settle(self._begun[owed], DueAgain(after, may_be_done=may_be_done))

    async def end(self, owed: Owed, *, told: bool) -> None:
        """End the latest attempt; a delay that was told was told somewhere."""
        where = "1764000000.000100" if told and owed.kind == OwedKind.DELAY else ""
        await self.outbox.settle(self._begun[owed], Ended(delay_told_in=where))

    async def overdue(
        self, grace: timedelta, limit: int
    ) -> tuple[Sequence[SessionId], Sequence[Owed]]:
        """Return the sessions and the entries that a poll would find."""
        sessions, entries = await scripts.list_due(
            self._store,
            mail_ms=millis(grace),
            most_sessions=limit,
            most_held=MOST_HELD,
            entry_ms=millis(grace),
            most_entries=limit,
        )
        return sessions, [parse_owed(one) for one in entries]

    async def depths(self) -> tuple[int, int]:
        """Return the number of sessions with mail, and of waiting entries."""
        _, _, sessions, entries, *_ = await backlog(self._store)
        return int(sessions), int(entries)
