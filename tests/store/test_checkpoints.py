"""Checkpoints are a workspace's own, and what an earlier version noted is taken over."""

from datetime import timedelta

from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import (
    FORMER_BEHIND_KEY,
    FORMER_CATCHING_UP_KEY,
    FORMER_GAP_KEY,
    behind_key,
    gap_key,
    unread_key,
)
from bot.store.checkpoints import Checkpoints, named
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.turn import Later

WITHIN = timedelta(days=1)
SESSION = SessionId("devin-0123456789abcdef0123456789abcdef")
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")


async def noted_before(raw: Redis) -> None:
    """As a version before this one notes that a thread of a session may miss something."""
    await raw.set(FORMER_GAP_KEY, "1764000000000000", ex=60)
    await raw.zadd(FORMER_BEHIND_KEY, {SESSION: 0})
    await raw.zadd(unread_key(THREAD.team), {named(THREAD): 1764000000000000})
    await raw.expire(FORMER_BEHIND_KEY, 60)
    await raw.expire(unread_key(THREAD.team), 60)


async def test_a_gap_of_an_earlier_version_is_read(store: Store, raw: Redis) -> None:
    """It is found by a process that listens already, as when the earlier one has ended."""
    await noted_before(raw)
    checkpoints = Checkpoints(store, THREAD.team, WITHIN, "new")
    assert await checkpoints.is_left()
    gap = await checkpoints.claim()
    assert gap == "1764000000000000"
    _, unread = await checkpoints.unread()
    assert [one.thread for one in unread] == [THREAD]
    assert await raw.zscore(behind_key(THREAD.team), SESSION) == 0
    assert not await raw.exists(FORMER_GAP_KEY, FORMER_BEHIND_KEY)
    assert not await checkpoints.let_go(gap)
    assert not await raw.exists(gap_key(THREAD.team))


async def test_what_an_earlier_version_reads_now_is_left_to_it(store: Store, raw: Redis) -> None:
    """It compares the gap that it read with the one that is there."""
    await noted_before(raw)
    await raw.set(FORMER_CATCHING_UP_KEY, "old", ex=6)
    assert not await Checkpoints(store, THREAD.team, WITHIN, "new").is_left()
    assert await raw.exists(FORMER_GAP_KEY, FORMER_BEHIND_KEY) == 2


async def test_mail_waits_for_what_an_earlier_version_has_noted(store: Store, raw: Redis) -> None:
    """As long as that one reads: a reply that it refused may belong before this one."""
    await Links(store, WITHIN).create(THREAD, Link(session=SESSION, by=UserId("U0ADA"), at=1))
    mailbox = Mailbox(store, WITHIN)
    reply = Reply(thread=THREAD, ts="1764000001.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, SESSION, timedelta(0))
    await noted_before(raw)
    assert isinstance(await mailbox.take(SESSION, "token"), Later)


async def test_one_workspace_waits_for_no_other(store: Store, raw: Redis) -> None:
    """A session may have threads in two: mail of the one does not wait for threads of the other."""
    await Links(store, WITHIN).create(THREAD, Link(session=SESSION, by=UserId("U0ADA"), at=1))
    mailbox = Mailbox(store, WITHIN)
    reply = Reply(thread=THREAD, ts="1764000001.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, SESSION, timedelta(0))
    await raw.zadd(behind_key("T0OTHER"), {SESSION: 0})
    await raw.expire(behind_key("T0OTHER"), 60)
    assert not isinstance(await mailbox.take(SESSION, "token"), Later)
    await raw.delete(behind_key("T0OTHER"))
