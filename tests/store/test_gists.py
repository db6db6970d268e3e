"""A look takes only the gist of a session at rest, and misses nothing that happens to it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import redis.asyncio

from bot.mirror.pace import gist_of
from bot.model.mirror import Gist, Watched
from bot.model.people import UserId
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import GISTS_KEY, WATCH_KEY
from bot.store.links import Links
from bot.store.mirror.looks import Found, Look
from bot.store.mirror.watches import Watches
from tests.support.keys import at

TTL = timedelta(days=90)
NOW = timedelta(0)
LATER = timedelta(minutes=5)


def thread(number: int = 1) -> ThreadRef:
    return ThreadRef(team="T0", channel="C0", thread_ts=f"{number}.000000")


def session(number: int = 1) -> SessionId:
    return SessionId(f"devin-{number:032x}")


async def linked(store: Store, number: int = 1, to: int | None = None) -> None:
    link = Link(session=session(to or number), by=UserId("U0ADA"), at=1)
    assert await Links(store, TTL).create(thread(number), link) is None


async def take(store: Store) -> list[Look]:
    return list((await Watches(store, TTL).take(100, NOW)).looks)


async def at_rest(store: Store, *numbers: int, ago: timedelta = NOW) -> None:
    """Link sessions, and record that they rest, as read some time `ago`; their looks are due."""
    for number in numbers or (1,):
        await linked(store, number)
    looks = await take(store)
    await pass_by(store, [look for look in looks if look.gist])
    for look in (look for look in looks if not look.gist):
        read_at = look.began - ago // timedelta(milliseconds=1)
        seen = Watched(state=SessionState.WAITING, read_at=read_at, updated=7_000)
        found = Found(seen=seen, after=NOW, gist=gist_of(seen, look, 3))
        assert await Watches(store, TTL).record(look, found) is not None


async def pass_by(store: Store, looks: list[Look], after: timedelta = NOW) -> None:
    """End looks that found nothing new."""
    gists: dict[SessionId, Gist | None] = {
        look.session: gist_of(look.seen, look, look.step + 1) for look in looks
    }
    await Watches(store, TTL).go_by([(look, after) for look in looks], gists)


async def test_a_session_at_rest_is_taken_with_its_gist(store: Store) -> None:
    """It says what a change is told by, and how often nothing has changed."""
    await at_rest(store)
    for step in (3, 4):
        (look,) = await take(store)
        assert look.gist is not None
        assert (look.seen.state, look.seen.updated) == (SessionState.WAITING, 7_000)
        assert (look.step, look.followers) == (step, ())
        await pass_by(store, [look])


async def test_a_session_at_work_is_taken_with_all_that_is_known(store: Store) -> None:
    """Its thread shows that it is at work, so followers are needed at each look."""
    await linked(store)
    (look,) = await take(store)
    assert gist_of(Watched(state=SessionState.WORKING), look, 0) is None


async def test_a_gist_is_opened_where_there_may_be_something_new(store: Store) -> None:
    """The opened look may be recorded, once, and it knows its followers."""
    await at_rest(store)
    (short,) = await take(store)
    (look,) = await Watches(store, TTL).open([short])
    assert look.gist is None
    assert [one.thread for one in look.followers] == [thread()]
    assert await Watches(store, TTL).record(look, Found(seen=look.seen, after=LATER)) is not None
    assert not await Watches(store, TTL).open([short])


async def test_a_thread_that_is_linked_has_its_session_looked_at_whole(store: Store) -> None:
    """It must be caught up, which a gist does not know of."""
    await at_rest(store)
    await linked(store, 2, to=1)
    (look,) = await take(store)
    assert look.gist is None
    assert len(look.followers) == 2


async def test_a_thread_that_is_linked_during_a_look_waits_for_no_other(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Whatever that look ends in, the session is due within a second, and looked at whole."""
    await at_rest(store)
    (short,) = await take(store)
    await linked(store, 2, to=1)
    await pass_by(store, [short], LATER)
    (look,) = await take(store)
    assert look.gist is None
    await linked(store, 3, to=1)
    found = Found(seen=look.seen, after=LATER, gist=short.gist)
    assert await Watches(store, TTL).record(look, found) is not None
    assert (await raw.zscore(at(WATCH_KEY), session()) or 0) <= await _now(raw) + 1_000


async def test_a_session_without_threads_leaves_no_gist(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Neither after its last thread was unlinked, nor after its last link has expired."""
    await at_rest(store, 1, 2)
    await Links(store, TTL).remove(thread(1))
    assert await raw.hkeys(at(GISTS_KEY)) == [session(2)]
    (short,) = await take(store)
    await raw.delete(f"{{devin-relay:T0SANDBOX}}:link:{thread(2).name}")
    assert not await Watches(store, TTL).open([short])
    assert not await raw.exists(at(GISTS_KEY))


async def test_a_gist_is_not_enough_when_the_rest_would_expire(store: Store) -> None:
    """A look at all of it renews the session's other keys."""
    await at_rest(store, 1, ago=TTL / 2 - timedelta(days=1))
    await at_rest(store, 2, ago=TTL / 2)
    looks = await take(store)
    assert {look.session: look.gist is not None for look in looks} == {
        session(1): True,
        session(2): False,
    }


async def test_silent_sessions_take_no_command_each(store: Store, raw: redis.asyncio.Redis) -> None:
    """A thousand of them cost Redis as much as a few."""
    await at_rest(store, *range(1, 4))
    await commands_of_a_look(store, raw)  # loads the scripts
    few = await commands_of_a_look(store, raw)
    await at_rest(store, *range(4, 40))
    assert await commands_of_a_look(store, raw) == few


async def commands_of_a_look(store: Store, raw: redis.asyncio.Redis) -> int:
    """Count the commands of a look at all sessions, including those inside scripts."""
    before = await _calls(raw)
    looks = await take(store)
    assert all(look.gist for look in looks)
    await pass_by(store, looks)
    made = await _calls(raw) - before
    return sum(calls for name, calls in made.items() if name not in {"info", "script|load"})


async def _now(raw: redis.asyncio.Redis) -> float:
    seconds, micros = await raw.time()
    return float(seconds * 1_000 + micros / 1_000)


async def _calls(raw: redis.asyncio.Redis) -> Counter[str]:
    stats: dict[str, Any] = await raw.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()})


async def test_sessions_at_rest_are_taken_early_with_those_that_are_due(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """One call tells the states of many; a session of which a gist is not enough keeps its time."""
    await at_rest(store, 1, 2, 3)
    looks = await take(store)
    soon = timedelta(seconds=8)
    await pass_by(store, [one for one in looks if one.session == session(1)])
    await pass_by(store, [one for one in looks if one.session != session(1)], soon)
    await raw.zincrby(at(WATCH_KEY), -1, session(3))
    watches = Watches(store, TTL)
    taken = (await watches.take(100, NOW, timedelta(seconds=10))).looks
    assert [one.session for one in taken] == [session(1), session(2)]
