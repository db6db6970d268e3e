"""Links that the watch does not know are adopted, at little cost."""

from datetime import timedelta

from redis.asyncio import Redis

from bot.mirror.adoption import Adoption
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import THREADS_KEY, followers_key
from bot.store.links import Links
from bot.store.mirror.watches import Watches
from tests.support.entries import linked
from tests.support.keys import at

TTL = timedelta(days=3650)
TEAM, CHANNEL = "T0", "C0"


async def link(store: Store, number: int) -> SessionId:
    """Link a thread to a session of its own."""
    session = SessionId(f"devin-{number:032x}")
    thread = ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=f"176400000{number}.000100")
    await linked(store, thread, Link(session=session, by=UserId("U0ADA"), at=1), TTL)
    return session


async def test_after_the_first_time_only_links_with_traffic_are_looked_through(
    store: Store, raw: Redis
) -> None:
    """A link that an older process makes has traffic; all others were looked through before."""
    adoption = Adoption(
        links=Links(store, TTL),
        watches=Watches(store, TTL),
        reads=300,
    )
    old, latest = await link(store, 1), await link(store, 2)
    await raw.zadd(at(THREADS_KEY), {f"{TEAM}:{CHANNEL}:1764000001.000100": 1_764_000_001_000})
    await raw.delete(at(followers_key(old)), at(followers_key(latest)))
    assert await adoption.adopt() == 2
    await raw.delete(at(followers_key(old)))
    assert await adoption.adopt() == 0
    new = await link(store, 3)
    await raw.delete(at(followers_key(new)))
    assert await adoption.adopt() == 1
    await raw.zadd(at(THREADS_KEY), {f"{TEAM}:{CHANNEL}:1764000001.000100": 4_000_000_000_000})
    assert await adoption.adopt() == 1
