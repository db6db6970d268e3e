"""The ledger: what a recorded poll enters, and what is read of a month."""

from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from bot.model.ledger import parse_uses
from bot.model.people import UserId
from bot.model.sessions import SessionId, Started, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import as_millis
from bot.redis import keep
from bot.redis.connection import Store
from bot.redis.keys import WATCH_KEY, ledger_key
from bot.store.links import Links
from bot.store.watches import Polled, TakenPoll, Watches
from tests.support.keys import at

TTL = timedelta(hours=1)
SESSION = SessionId("devin-0123")
THREAD = ThreadRef(team="T0", channel="C0", thread_ts="1.000000")
ADA = UserId("U0ADA")
NOVEMBER = datetime(2026, 11, 29, 23, 59, 50, tzinfo=UTC)
STARTED = Started(by=ADA, channel="C0", thread="1.000000", cap=10)


class Meter:
    """Polls one session at times of a test's choice, and records its ACUs."""

    def __init__(self, store: Store, raw: redis.asyncio.Redis) -> None:
        self.store, self.raw = store, raw
        self.watches, self.seen = Watches(store, TTL), Watched()

    async def begin(self, started: Started | None = STARTED) -> None:
        """Link the session, which the relay has started or not."""
        if started is not None:
            await self.watches.begin(SESSION, started)
        link = Link(session=SESSION, by=UserId("U0BEN"), linked_at=1)
        await Links(self.store, TTL).create(THREAD, link)

    async def polled(self, when: datetime) -> TakenPoll:
        """Take the session, as if at a time."""
        await self.raw.zadd(at(WATCH_KEY), {SESSION: 0})
        (taken,) = (await self.watches.take(1, timedelta(0)))[0]
        poll = await self.watches.open(taken)
        return TakenPoll(
            SESSION,
            as_millis(when),
            poll.seen,
            before=poll.before,
            threads=poll.threads,
            started=poll.started,
        )

    async def read(self, when: datetime, acus: float | None) -> None:
        """Record a poll that finds a total."""
        await self.record(await self.polled(when), acus)

    async def record(self, poll: TakenPoll, acus: float | None) -> bool:
        """Record it; return False if another poll was recorded before."""
        seen = poll.seen.model_copy(update={"acus": acus, "read_at": poll.began})
        found = Polled(seen=seen, after=timedelta(0))
        return await self.watches.record(poll, found) is not None


@pytest.fixture
def meter(store: Store, raw: redis.asyncio.Redis) -> Meter:
    """Return a meter of the session."""
    return Meter(store, raw)


async def test_totals_of_days_are_kept_by_month(meter: Meter) -> None:
    """A day's use is its total without the one before it, in another month as well."""
    await meter.begin()
    for days, acus in ((0, 1.5), (1, 2.0), (1, 4.0), (2, 4.5), (9, 7.0)):
        await meter.read(NOVEMBER + timedelta(days=days), acus)
    (november,) = await meter.watches.used(NOVEMBER)
    assert (november.account.by, november.account.channel) == (ADA, "C0")
    assert (november.on(29), november.on(30), november.in_month) == (1.5, 2.5, 4.0)
    assert await meter.watches.use_of(SESSION, NOVEMBER) == november
    assert await meter.watches.use_of(SessionId("devin-0"), NOVEMBER) is None
    assert [*await meter.watches.used(NOVEMBER, "C0")] == [november]
    assert await meter.watches.used(NOVEMBER, "C1") == []
    (december,) = await meter.watches.used(NOVEMBER + timedelta(days=5))
    assert (december.base, december.on(1), december.on(5)) == (4.0, 0.5, 0.0)
    assert (december.on(8), december.in_month, december.until(31)) == (2.5, 3.0, 7.0)


async def test_a_poll_that_is_recorded_twice_or_too_late_enters_nothing_more(meter: Meter) -> None:
    """Totals are absolute, and of two polls of a session only the first one counts."""
    await meter.begin()
    first, second = await meter.polled(NOVEMBER), await meter.polled(NOVEMBER)
    assert await meter.record(second, 2.0)
    assert await meter.record(second, 2.0)
    assert not await meter.record(first, 1.0)
    (use,) = await meter.watches.used(NOVEMBER)
    assert use.in_month == 2.0


async def test_a_session_that_shrinks_takes_nothing_from_others(meter: Meter) -> None:
    """Below what it had before the month, it has used nothing there; days are counted together."""
    await meter.begin()
    for days, acus in ((0, 5.0), (2, 3.0), (3, 4.0)):
        await meter.read(NOVEMBER + timedelta(days=days), acus)
    (december,) = await meter.watches.used(NOVEMBER + timedelta(days=3))
    assert (december.base, december.in_month) == (5.0, 0.0)
    assert (december.on(1), december.on(2), december.on(1, 2)) == (0.0, 1.0, 0.0)


async def test_a_linked_session_counts_from_its_first_poll(meter: Meter) -> None:
    """What it had used before was used elsewhere; who started it isn't known."""
    await meter.begin(started=None)
    await meter.read(NOVEMBER, 50.0)
    assert await meter.watches.used(NOVEMBER) == []
    await meter.read(NOVEMBER, 52.0)
    (use,) = await meter.watches.used(NOVEMBER)
    assert (use.account.by, use.account.channel, use.in_month) == ("", "C0", 2.0)
    assert use.until(31) == 52.0


async def test_a_session_that_tells_no_acus_or_uses_none_has_no_entry(
    raw: redis.asyncio.Redis, meter: Meter
) -> None:
    """As with version 1, and in a month in which it is silent."""
    await meter.begin()
    await meter.read(NOVEMBER, None)
    await meter.read(NOVEMBER, 1.0)
    await meter.read(NOVEMBER + timedelta(days=9), 1.0)
    assert await meter.watches.used(NOVEMBER + timedelta(days=9)) == []
    left = await raw.ttl(at(ledger_key("2026-11")))
    assert left > keep.LEDGER.total_seconds() - 60


def test_what_a_later_version_counts_is_ignored() -> None:
    """During an upgrade, processes of two versions share the ledger."""
    (use,) = parse_uses({SESSION: "{}", f"{SESSION} 07": "2.5", f"{SESSION} replies": "many"})
    assert use.totals == {7: 2.5}
