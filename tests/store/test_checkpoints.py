"""Checkpoints are a workspace's own."""

from datetime import timedelta

from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import BEHIND_KEY, prefix_of
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.turn import Later

WITHIN = timedelta(days=1)
SESSION = SessionId("devin-0123456789abcdef0123456789abcdef")
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")


async def test_one_workspace_waits_for_no_other(store: Store, raw: Redis) -> None:
    """A session may have threads in two: mail of the one does not wait for threads of the other."""
    await Links(store, WITHIN).create(THREAD, Link(session=SESSION, by=UserId("U0ADA"), at=1))
    mailbox = Mailbox(store, WITHIN)
    reply = Reply(thread=THREAD, ts="1764000001.000100", author=UserId("U0ADA"), text="hello")
    await mailbox.accept(reply, SESSION, timedelta(0))
    other = prefix_of("T0OTHER") + BEHIND_KEY
    await raw.zadd(other, {SESSION: 0})
    await raw.expire(other, 60)
    assert not isinstance(await mailbox.take(SESSION, "token"), Later)
    await raw.delete(other)
