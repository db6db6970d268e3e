"""The watch in Redis: who looks at a session, what a look may record, and the budget of reads."""

import json
from datetime import timedelta

import redis.asyncio

from bot.model.mirror import Said, Watched
from bot.model.owed import OwedKind
from bot.model.people import UserId
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import (
    OUTBOX_KEY,
    READS_KEY,
    THREADS_KEY,
    WATCH_KEY,
    followers_key,
    link_key,
    subject_key,
    words_key,
)
from bot.store.links import Links
from bot.store.mirror.cards import card_subject
from bot.store.mirror.looks import Found, Look
from bot.store.mirror.reads import Reads
from bot.store.mirror.watches import Watches
from tests.support.keys import at

TTL = timedelta(hours=1)
LONG = timedelta(days=90)
SESSION = SessionId("devin-0123")
SOON = timedelta(seconds=1)


def thread(number: int = 1) -> ThreadRef:
    return ThreadRef(team="T0", channel="C0", thread_ts=f"{number}.000000")


async def linked(store: Store, number: int = 1, session: SessionId = SESSION) -> None:
    link = Link(session=session, by=UserId("U0ADA"), at=1)
    assert await Links(store, TTL).create(thread(number), link) is None


async def take(store: Store) -> list[Look]:
    return list((await Watches(store, TTL).take(100, SOON)).looks)


def found(*said: str, state: SessionState = SessionState.WORKING) -> Found:
    items = [(thread(), Said(id=one, text=one)) for one in said]
    return Found(seen=Watched(state=state, read_at=1), after=SOON, ids=list(said), said=items)


async def test_a_session_is_watched_from_its_link_to_its_unlink(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Its followers are the threads that are linked to it."""
    await linked(store, 1)
    await linked(store, 2)
    (look,) = await take(store)
    assert look.session == SESSION
    assert {one.thread for one in look.followers} == {thread(1), thread(2)}
    for number in (1, 2):
        await Links(store, TTL).remove(thread(number))
    assert await raw.zcard(at(WATCH_KEY)) == 0


async def test_a_link_that_has_expired_is_followed_no_more(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Nothing tells of a link that expires, so each look asks for it."""
    await linked(store)
    (name,) = [key async for key in raw.scan_iter("{devin-relay:T0SANDBOX}:link:*")]
    await raw.delete(name)
    assert await take(store) == []
    assert await raw.zcard(at(WATCH_KEY)) == 0


async def test_a_session_is_taken_by_one_at_a_time_until_its_lease_ends(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """A process that died is followed by another, and may not record what it found."""
    await linked(store)
    (first,) = await take(store)
    assert await take(store) == []
    await raw.zadd(at(WATCH_KEY), {SESSION: 0})
    (second,) = await take(store)
    watches = Watches(store, TTL)
    assert await watches.record(first, found("a")) is None
    assert await watches.record(second, found("a")) is not None
    assert await raw.llen(at(words_key(thread()))) == 1


async def test_what_devin_says_and_does_is_traffic_of_a_thread(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """It keeps the link, and puts the thread first; a link that is gone stays gone."""
    watches, names = Watches(store, TTL), [thread(number).name for number in (1, 2, 3)]
    for number in (1, 2, 3):
        await linked(store, number)
    (look,) = await take(store)
    await Links(store, TTL).remove(thread(3))
    await raw.zadd(at(THREADS_KEY), {names[0]: 1, names[1]: 2})
    await raw.expire(at(link_key(thread())), 60)
    seen = Watched(state=SessionState.WAITING, read_at=1)
    said = [(thread(), Said(id="a", text="Shall I?"))]
    cards = [thread(), thread(3)]
    assert await watches.record(look, Found(seen=seen, after=SOON, said=said, cards=cards))
    assert await raw.zrange(at(THREADS_KEY), 0, -1) == [names[1], names[0]]
    assert await raw.ttl(at(link_key(thread()))) > TTL.total_seconds() - 60


async def test_a_look_is_recorded_once(store: Store, raw: redis.asyncio.Redis) -> None:
    """redis-py may run a script twice."""
    await linked(store)
    (look,) = await take(store)
    watches = Watches(store, TTL)
    for _ in range(2):
        assert await watches.record(look, found("a", "b")) is not None
    items = [json.loads(item)["text"] for item in await raw.lrange(at(words_key(thread())), 0, -1)]
    assert items == ["a", "b"]
    assert await watches.shown(SESSION, ["a", "b", "c"]) == {"a", "b"}
    owed = [
        one for one in await raw.zrange(at(OUTBOX_KEY), 0, -1) if str(one).endswith(OwedKind.WORDS)
    ]
    assert len(owed) == 1


async def test_a_card_is_known_for_as_long_as_its_link(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Also once it was to be edited: a card that is forgotten would say what is no longer so."""
    await Links(store, LONG).create(thread(), Link(session=SESSION, by=UserId("U0ADA"), at=1))
    watches = Watches(store, LONG)
    (look,) = (await watches.take(100, SOON)).looks
    await watches.record(look, Found(seen=Watched(read_at=1), after=SOON, cards=[thread()]))
    assert await raw.ttl(at(subject_key(card_subject(thread())))) > LONG.total_seconds() - 60


async def test_a_thread_that_was_linked_anew_meanwhile_has_not_joined(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """The look was of its earlier link."""
    await linked(store)
    await raw.hset(at(followers_key(SESSION)), thread().name, "1")
    (look,) = await take(store)
    await Links(store, TTL).remove(thread())
    await linked(store)
    caught_up = Found(seen=Watched(read_at=1), after=timedelta(0), joined=look.followers)
    await Watches(store, TTL).record(look, caught_up)
    (again,) = await take(store)
    assert all(one.joined for one in again.followers)


async def test_a_session_that_ended_is_not_watched(store: Store, raw: redis.asyncio.Redis) -> None:
    """Neither after a look that found that, nor after one that found nothing new."""
    await linked(store)
    (look,) = await take(store)
    await Watches(store, TTL).go_by([(look, None)])
    assert await raw.zcard(at(WATCH_KEY)) == 0


async def test_no_minute_has_more_reads_than_the_budget(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """A twelfth at once, then one after the other; what was made anyway is paid later."""
    reads = Reads(store, 120)
    assert (await reads.spend(7))[0] == 7
    spent, seconds = await reads.spend(7)
    assert (spent, 0 < seconds < 60 / 109) == (3, True)
    await reads.note(5)
    spent, seconds = await reads.spend()
    assert (spent, seconds > 4 * 60 / 110) == (0, True)
    await raw.delete(at(READS_KEY))
    assert (await reads.spend(7, is_spare=True))[0] == 5
    assert (await reads.spend(is_spare=True))[0] == 0
    assert (await reads.spend(3))[0] == 3


async def test_a_read_that_is_not_made_is_given_back(store: Store) -> None:
    """Others may make it."""
    reads = Reads(store, 120)
    assert (await reads.spend(10))[0] == 10
    assert (await reads.spend())[0] == 0
    await reads.give_back()
    assert (await reads.spend(2))[0] == 1
    await Reads(store, 0).give_back()


async def test_devin_s_retry_after_stops_all_reads(store: Store) -> None:
    """Of every process."""
    reads = Reads(store, 60)
    await reads.stop(30)
    spent, seconds = await Reads(store, 60).spend()
    assert (spent, 29 < seconds < 32) == (0, True)
