"""A holder of a lease sends only while it is certain to have it, and waits for Redis meanwhile."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import pytest

from bot.delivery.sending import Lease, lease_clock
from bot.devin.api import Devin
from bot.model.errors import StoreAway
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis import keep
from bot.redis.connection import Store, retried
from bot.store.links import Links
from bot.store.mailbox import Head, Mailbox
from sandbox import Sandbox
from tests.support.parts import parts_of


async def test_a_lease_is_certain_for_less_time_than_redis_keeps_it(store: Store) -> None:
    """It counts from before the command that confirmed it, whose answer may have taken long."""
    lease, now = Lease(Mailbox(store, timedelta(days=1)), SessionId("devin-0")), lease_clock()
    assert not lease.is_certain
    lease.extend(now)
    assert lease.is_certain
    lease.extend(now - 0.9 * keep.SESSION_LEASE.total_seconds())
    assert not lease.is_certain


async def test_a_lease_is_not_certain_after_the_machine_was_suspended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux's monotonic clock stands still meanwhile, and Redis's doesn't."""
    lease = Lease(Mailbox(store, timedelta(days=1)), SessionId("devin-0"))
    lease.extend(lease_clock())
    assert lease.is_certain
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    clocks = {clock: time.clock_gettime(clock) + keep.SESSION_LEASE.total_seconds()}
    monkeypatch.setattr(time, "clock_gettime", lambda which: clocks.get(which, 0.0))
    assert not lease.is_certain


class Refusing:
    """A Devin that lets nobody write as a person, and takes longer to say so than a lease lasts."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.tries = 0
        self.is_noted_slowly = False

    def __getattr__(self, name: str) -> None:
        """Do nothing else."""

    async def member(self, _: str) -> str:
        """Return an account."""
        return "user-ada"

    def listed(self, message: str, _: Sequence[str] = ()) -> str:
        """Return the text of a message, which is noted before it is sent."""
        if self.lease is not None and self.is_noted_slowly:
            self.lease.extend(-keep.SESSION_LEASE.total_seconds())
        return message

    async def post_message(self, *_: object) -> Outcome:
        """Refuse, once the lease may be over."""
        assert self.lease is not None
        self.tries += 1
        self.lease.extend(-keep.SESSION_LEASE.total_seconds())
        return Outcome(kind=OutcomeKind.REFUSED, status=403)


@pytest.mark.parametrize("slow", ["composed", "words noted", "refused as the person"])
async def test_nothing_is_sent_under_a_lease_that_may_be_over(
    store: Store, box: Sandbox, slow: str
) -> None:
    """Whatever came before took so long that another process may send the reply by now."""
    box.slack.scopes = [*box.slack.scopes, "users:read.email"]
    devin, tries = Refusing(), int(slow == "refused as the person")
    devin.is_noted_slowly = slow == "words noted"
    parts = parts_of(box, store, devin=cast("Devin", devin), ACT_AS="known")
    thread = ThreadRef(team=box.slack.team_id, channel="C0GENERAL0", thread_ts="1.1")
    mailbox, session, ada = parts.state.mailbox, SessionId("devin-0"), UserId("U0ADA00000")
    await Links(store, timedelta(days=1)).create(thread, Link(session=session, by=ada, linked_at=1))
    reply = Reply(thread=thread, ts="2.1", author=ada, text="hello")
    await mailbox.accept(reply, session, timedelta(0))
    lease = devin.lease = Lease(mailbox, session)
    began = lease_clock()
    head = await mailbox.take(session, lease.token)
    assert isinstance(head, Head)
    if slow != "composed":
        lease.extend(began)
    answer, message = await parts.sender().send(lease, head)
    assert message is not None
    assert (answer, devin.tries) == (None, tries)


async def test_a_step_that_redis_does_not_take_is_repeated() -> None:
    """Otherwise a reply that was taken and not sent would count as perhaps sent."""
    failures = [StoreAway("away")]

    async def step() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert await retried(step) == "done"
