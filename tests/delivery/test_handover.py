"""A reply that was handed to this process is sent by it, or put back as certainly not sent."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.delivery.handover import Handover
from bot.delivery.lease import Lease
from bot.model.errors import StoreAway
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.scripts import Script
from bot.runtime.background import Background
from bot.runtime.in_flight import InFlight
from bot.runtime.reordering import CROWD
from bot.store.mailbox import Mailbox
from bot.store.turn import Head
from tests.support.desk import SESSION
from tests.support.entries import linked
from tests.support.schedules import Planned
from tests.support.waiting import wait_until

ID = SessionId(SESSION)
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL", thread_ts="1764000000.000100")
REPLY = Reply(thread=THREAD, ts="1764000001.000200", author=UserId("U0ADA"), text="hello")
TTL = timedelta(days=90)
NONE = timedelta(0)


class Losing(Store):
    """A connection that breaks after Redis has run the first script, and before its answer."""

    is_broken = True

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run a script; the answer to the first one is lost."""
        answer = await super().run(script, keys, args)
        if self.is_broken:
            self.is_broken = False
            raise StoreAway("ConnectionError")
        return answer


class Desk:
    """A process with room for deliveries, whose schedule only records."""

    def __init__(self, store: Store) -> None:
        self.schedule = Planned()
        self.schedule.free_slots = 1
        self.in_flight = InFlight()
        self.mailbox = Mailbox(store, TTL)
        self.handover = Handover(
            self.mailbox, self.schedule, self.in_flight, Background(self.in_flight)
        )

    async def crowd(self) -> None:
        """Let more come in at once than people write."""
        for _ in range(CROWD + 1):
            await self.in_flight.enter()

    async def assert_put_back(self) -> None:
        """Wait until the session is woken, and see that the reply counts as never sent."""
        await wait_until(lambda: self.schedule.woken, "its session is woken")
        step = await self.mailbox.take(ID, "another")
        assert isinstance(step, Head)
        assert (step.reply, step.interrupted) == (REPLY, False)
        assert self.handover.taken(ID) is None


@pytest.fixture
async def desk(store: Store) -> Desk:
    """A process whose thread is linked."""
    await linked(store, THREAD, Link(session=ID, by=UserId("U0ADA"), at=1764000000), TTL)
    return Desk(store)


async def handed(desk: Desk) -> tuple[Lease, Head]:
    """Let the reply be accepted and handed over; it is given to its sender next."""
    with desk.handover.offered(ID) as lease:
        assert lease is not None
        head = (await desk.mailbox.accept(REPLY, ID, NONE, token=lease.token)).head
        assert head is not None
        return lease, head


async def test_a_handed_reply_waits_for_its_sender(desk: Desk) -> None:
    """The delivery of its session, which begins here, finds the lease and the reply; once."""
    lease, head = await handed(desk)
    desk.handover.give(lease, head)
    assert desk.schedule.woken == [(ID, 0.0)]
    assert desk.handover.taken(ID) == (lease, head)
    assert lease.is_certain
    assert desk.handover.taken(ID) is None


def is_offered(desk: Desk) -> bool:
    with desk.handover.offered(ID) as lease:
        return lease is not None


async def test_nothing_is_offered_without_a_slot_or_in_a_crowd_or_at_the_end(desk: Desk) -> None:
    """What could not be sent at once stays in its mailbox; each offer is worth a slot."""
    desk.schedule.free_slots = 0
    assert not is_offered(desk)
    desk.schedule.free_slots = 2
    with desk.handover.offered(ID), desk.handover.offered(ID):
        assert not is_offered(desk)
    assert is_offered(desk)
    await desk.crowd()
    assert not is_offered(desk)
    closing = Desk(desk.mailbox._store)  # noqa: SLF001  (the same one)
    closing.in_flight.is_closing = True
    assert not is_offered(closing)


async def test_what_a_crowd_has_overtaken_goes_back(desk: Desk) -> None:
    """The crowd may bring an earlier reply of the session."""
    lease, head = await handed(desk)
    await desk.crowd()
    desk.handover.give(lease, head)
    await desk.assert_put_back()


async def test_what_finds_no_slot_goes_back(desk: Desk) -> None:
    """In the line its lease would expire, and another process would call it uncertain."""
    lease, head = await handed(desk)
    desk.schedule.has_begun = False
    desk.handover.give(lease, head)
    await desk.assert_put_back()


async def test_a_handover_whose_answer_was_lost_goes_back(desk: Desk, store: Store) -> None:
    """Its event is not acknowledged, and nobody has sent it: it must not end as “uncertain”."""
    losing = Desk(Losing(store._connection, store.prefix))  # noqa: SLF001  (the same server)
    with losing.handover.offered(ID) as lease:
        assert lease is not None
        with pytest.raises(StoreAway):
            await losing.mailbox.accept(REPLY, ID, NONE, token=lease.token)
    losing.handover.withdraw(lease, REPLY.id)
    await losing.assert_put_back()
