"""ACCEPT hands the reply of an idle session to its caller, under a lease, and no other reply."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.people import UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import lease_key, reply_key
from bot.store.mailbox import Accepted, Mailbox
from bot.store.turn import LEASE, Head, Nothing
from tests.support.desk import SESSION
from tests.support.entries import linked
from tests.support.keys import at

ID = SessionId(SESSION)
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL", thread_ts="1764000000.000100")
LINK = Link(session=ID, by=UserId("U0ADA"), at=1764000000)
TTL = timedelta(days=90)
NONE = timedelta(0)
DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)


def a_reply(second: int) -> Reply:
    ts = f"{1764000000 + second}.000200"
    return Reply(thread=THREAD, ts=ts, author=UserId("U0ADA"), text="hello")


@pytest.fixture
async def mailbox(store: Store) -> Mailbox:
    """A mailbox whose thread is linked."""
    await linked(store, THREAD, LINK, TTL)
    return Mailbox(store, TTL)


async def offered(mailbox: Mailbox, second: int, token: str) -> Accepted:
    return await mailbox.accept(a_reply(second), ID, NONE, token=token)


async def test_the_reply_of_an_idle_session_is_handed_over(mailbox: Mailbox, raw: Redis) -> None:
    """It counts as being sent from then on, and nobody needs to be woken for it."""
    accepted = await offered(mailbox, 1, "a")
    assert (accepted.change, accepted.wake_after) == (Change.ACCEPTED, None)
    assert accepted.head is not None
    assert (accepted.head.reply, accepted.head.interrupted) == (a_reply(1), False)
    assert await raw.hget(at(reply_key(a_reply(1).id)), "state") == "sending"
    assert 0 < await raw.pttl(at(lease_key(ID))) <= LEASE.total_seconds() * 1000
    assert await mailbox.take(ID, "b") is Nothing.HELD
    assert await mailbox.finish(ID, "a", accepted.head, DELIVERED, go_on=True) is Nothing.EMPTY


async def test_a_reply_behind_another_is_not_handed_over(mailbox: Mailbox) -> None:
    """Whoever has the session's lease sends it in its turn, also if it is the earlier one."""
    await mailbox.accept(a_reply(2), ID, NONE)
    assert (await offered(mailbox, 1, "a")).head is None
    step = await mailbox.take(ID, "b")
    assert isinstance(step, Head)
    assert step.reply == a_reply(1)


async def test_a_reply_is_not_handed_over_within_the_reordering_window(mailbox: Mailbox) -> None:
    """A late one waits for earlier ones, whatever its process offers."""
    window = timedelta(seconds=4)
    accepted = await mailbox.accept(a_reply(2), ID, window, token="a")
    assert (accepted.head, accepted.wake_after) == (None, 4.0)


async def test_a_reply_is_not_handed_over_past_a_lease(mailbox: Mailbox, raw: Redis) -> None:
    """A holder that has not given up its lease yet may still be writing its outcome."""
    await raw.set(at(lease_key(ID)), "another", px=5000)
    accepted = await offered(mailbox, 1, "a")
    assert (accepted.head, accepted.wake_after) == (None, 0.0)


async def test_a_handover_whose_answer_was_lost_is_made_again(mailbox: Mailbox) -> None:
    """The same token gets the same head; to any other, the reply is a repeat."""
    first, again = await offered(mailbox, 1, "a"), await offered(mailbox, 1, "a")
    assert first.head is not None
    assert again.head is not None
    assert (again.head.reply, again.head.interrupted) == (first.head.reply, False)
    other = await offered(mailbox, 1, "b")
    assert (other.change, other.head, other.wake_after) == (Change.REPEATED, None, None)


async def test_a_repeat_of_a_handed_reply_that_was_finished_hands_nothing(mailbox: Mailbox) -> None:
    """Its outcome stands."""
    head = (await offered(mailbox, 1, "a")).head
    assert head is not None
    await mailbox.finish(ID, "a", head, DELIVERED, go_on=True)
    repeated = await offered(mailbox, 1, "a")
    assert (repeated.change, repeated.head) == (Change.REPEATED, None)


async def test_what_was_handed_over_and_put_back_was_never_sent(mailbox: Mailbox) -> None:
    """The next holder sends it as if it had only been accepted."""
    await offered(mailbox, 1, "a")
    await mailbox.put_back(ID, "a", a_reply(1).id)
    step = await mailbox.take(ID, "b")
    assert isinstance(step, Head)
    assert not step.interrupted
