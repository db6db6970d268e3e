"""The watch in Redis: who polls a session, what a poll may record, and the budget of reads."""

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import redis.asyncio

from bot.model.people import UserId
from bot.model.replies import MAY_BE_THERE, Outcome, OutcomeKind, Reply
from bot.model.sessions import Said, SaidKind, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis, as_datetime
from bot.redis.connection import Store
from bot.redis.keys import (
    OUTBOX_KEY,
    THREADS_KEY,
    WATCH_KEY,
    link_key,
    subject_key,
    watched_key,
    words_key,
)
from bot.store.cards import card_subject
from bot.store.claims import Reads
from bot.store.links import Links
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import OwedKind
from bot.store.watches import Polled, TakenPoll, Watches, short_id
from tests.support.keys import at
from tests.support.waiting import wait_until

TTL = timedelta(hours=1)
LONG = timedelta(days=90)
SESSION = SessionId("devin-0123")
SOON = timedelta(minutes=10)
"""No test is so slow that it comes by itself."""


def thread(number: int = 1) -> ThreadRef:
    return ThreadRef(team="T0", channel="C0", thread_ts=f"{number}.000000")


async def linked(store: Store, number: int = 1, session: SessionId = SESSION) -> None:
    link = Link(session=session, by=UserId("U0ADA"), linked_at=1)
    assert await Links(store, TTL).create(thread(number), link) is None


async def take(store: Store) -> list[TakenPoll]:
    """Take what is due, and open it."""
    watches = Watches(store, TTL)
    return [await watches.open(one) for one in (await watches.take(100, SOON))[0]]


def found(*said: str, state: SessionState = SessionState.WORKING) -> Polled:
    items = [(thread(), Said(id=one, text=one)) for one in said]
    return Polled(
        seen=Watched(state=state, read_at=Millis(1)), after=SOON, ids=list(said), said=items
    )


async def test_a_session_is_watched_from_its_link_to_its_unlink(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """It has the threads that are linked to it."""
    await linked(store, 1)
    await linked(store, 2)
    (poll,) = await take(store)
    assert poll.session == SESSION
    assert {one.thread for one in poll.threads} == {thread(1), thread(2)}
    for number in (1, 2):
        await Links(store, TTL).remove(thread(number))
    assert await raw.zcard(at(WATCH_KEY)) == 0


async def test_a_thread_of_another_session_by_now_follows_that_one_alone(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Its first link has expired, which tells the session nothing."""
    other = SessionId("devin-4567")
    await linked(store)
    await raw.delete(at(link_key(thread())))
    await linked(store, session=other)
    threads = {one.session: [f.thread for f in one.threads] for one in await take(store)}
    assert threads == {SESSION: [], other: [thread()]}
    assert await raw.zscore(at(WATCH_KEY), SESSION) is None, "it has no threads any more"


async def test_a_thread_that_joins_during_a_poll_misses_nothing_that_it_reads(store: Store) -> None:
    """The poll knew nothing of it: what it has read is not recorded, but read again for both."""
    await linked(store, 1)
    (poll,) = await take(store)
    await linked(store, 2)
    assert await Watches(store, TTL).record(poll, found("said meanwhile")) is None
    (again,) = await take(store)
    assert {one.thread for one in again.threads} == {thread(1), thread(2)}
    assert not again.knows("said meanwhile")
    assert await Watches(store, TTL).record(again, found("said meanwhile")) is not None


async def test_the_last_message_that_a_thread_was_owed_is_known_as_long_as_its_link(
    store: Store,
) -> None:
    """Events are none; a poll that is recorded after an unlink brings nothing back."""
    watches, links = Watches(store, TTL), Links(store, TTL)
    for number in (1, 2):
        await linked(store, number)
    (poll,) = await take(store)
    asked = replace(found("one", "two"), after=timedelta(0))
    asked = replace(asked, said=[*asked.said, (thread(), Said(kind=SaidKind.QUESTION, id="q"))])
    assert await watches.record(poll, asked) is not None
    (poll,) = await take(store)
    owed = {one.thread: one.owed for one in poll.threads}
    assert owed == {thread(1): short_id("two"), thread(2): ""}
    await links.remove(thread(1))
    assert await watches.record(poll, replace(found("three"), after=timedelta(0))) is not None
    await linked(store, 1)
    (poll,) = await take(store)
    assert {one.owed for one in poll.threads} == {""}


async def test_a_poll_tells_the_time_by_redis_however_late_it_reads(store: Store) -> None:
    """The survey, and the wait for a free place, may take longer than Devin's words are fresh."""
    await linked(store)
    (poll,) = await take(store)
    late = replace(poll, taken=poll.taken - 60)
    assert late.clock() >= as_datetime(poll.began) + timedelta(seconds=60)


async def test_a_reply_that_was_sent_while_a_poll_read_answers_nothing_that_it_found(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """People were told only once that was recorded, and a reply that is sent later may answer."""
    await linked(store)
    (poll,) = await take(store)
    watches, sent = Watches(store, TTL), poll.began + 1

    async def is_past() -> bool:
        now, micros = await raw.time()
        return Millis(now * 1000 + micros // 1000) > sent

    await wait_until(is_past, "the reply is sent")
    await raw.hset(at(watched_key(SESSION)), "reply_sent_at", str(sent))
    seen = Watched(asked="a", answerable_since=poll.began)
    assert await watches.record(poll, Polled(seen=seen, after=SOON)) is not None
    assert await watches.asking(SESSION, "a") is not None
    await raw.zadd(at(WATCH_KEY), {SESSION: 0})
    (poll,) = await take(store)
    assert poll.reply_sent_at < poll.seen.answerable_since
    await raw.hset(at(watched_key(SESSION)), "reply_sent_at", str(poll.seen.answerable_since + 1))
    assert await watches.asking(SESSION, "a") is None


async def test_a_session_is_taken_by_one_at_a_time_until_its_lease_ends(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Another process follows one that died; of two polls, only the first to end is recorded."""
    await linked(store)
    (first,) = await take(store)
    assert await take(store) == []
    await raw.zadd(at(WATCH_KEY), {SESSION: 0})
    (second,) = await take(store)
    watches = Watches(store, TTL)
    assert await watches.record(second, found("a")) is not None
    assert await watches.record(first, found("a", state=SessionState.WAITING)) is None
    assert await raw.llen(at(words_key(thread()))) == 1


async def test_a_poll_leaves_a_session_due_that_others_want_polled(store: Store) -> None:
    """A thread that was linked meanwhile waits for no later poll, whatever this one found."""
    watches, later = Watches(store, TTL), timedelta(minutes=5)
    await linked(store)
    (poll,) = await take(store)
    await linked(store, 2)
    await watches.end([(poll, later)])
    (poll,) = await take(store)
    assert len(poll.threads) == 2
    await watches.hurry(SESSION)
    assert (
        await watches.record(poll, Polled(seen=Watched(read_at=Millis(1)), after=later)) is not None
    )
    (poll,) = await take(store)
    await watches.end([(poll, later)])
    assert await take(store) == []


async def test_a_delivered_reply_has_its_session_polled_and_its_author_known(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Devin may answer soon, and what it asks then is asked of who wrote last."""
    await linked(store)
    (poll,) = await take(store)
    watches, mailbox = Watches(store, TTL), Mailbox(store, TTL)
    await watches.end([(poll, LONG)])
    reply = Reply(thread=thread(), ts="2.000000", author=UserId("U0BEN"), text="hello")
    await mailbox.accept(reply, SESSION, timedelta(0))
    head = await mailbox.take(SESSION, "token")
    assert isinstance(head, Head)
    await mailbox.finish(SESSION, "token", head, Outcome(kind=OutcomeKind.DELIVERED), go_on=True)
    assert await watches.last_people(SESSION, thread()) == ("U0BEN", "")
    replied, wanted = await raw.hmget(at(watched_key(SESSION)), "replied", "read_wanted_at")
    assert replied == wanted
    pause = int(store.timing.watch_pause * 1000)
    assert await raw.zscore(at(WATCH_KEY), SESSION) == int(replied or 0) + pause


async def test_a_reply_that_did_not_reach_its_session_answers_nothing(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """What Devin asks stays open; `status` tells the outcome all the same."""
    await linked(store)
    mailbox = Mailbox(store, TTL)
    for number, kind in enumerate(OutcomeKind, start=2):
        reply = Reply(thread=thread(), ts=f"{number}.000000", author=UserId("U0BEN"), text="hello")
        await mailbox.accept(reply, SESSION, timedelta(0))
        head = await mailbox.take(SESSION, "token")
        assert isinstance(head, Head)
        await raw.hdel(at(watched_key(SESSION)), "replied")
        await mailbox.finish(SESSION, "token", head, Outcome(kind=kind), go_on=False)
        reached = await raw.hget(at(watched_key(SESSION)), "replied") is not None
        assert reached == (kind in MAY_BE_THERE), kind
        last = await Watches(store, TTL).last_outcome(SESSION, thread())
        assert last == Outcome(kind=kind)


async def test_silent_sessions_take_one_command_each(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Whatever else a batch of polls takes, it takes once."""
    watches = Watches(store, TTL)

    async def commands() -> int:
        before = await _calls(raw)
        polls = (await watches.take(100, SOON))[0]
        await watches.end([(one, timedelta(0)) for one in polls])
        made = await _calls(raw) - before
        return sum(calls for name, calls in made.items() if name not in {"info", "script|load"})

    for number in range(3):
        await linked(store, number, SessionId(f"devin-{number}"))
    await commands()  # loads the scripts
    few = await commands()
    for number in range(3, 43):
        await linked(store, number, SessionId(f"devin-{number}"))
    assert await commands() == few + 40


async def _calls(raw: redis.asyncio.Redis) -> Counter[str]:
    stats: dict[str, Any] = await raw.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()})


async def test_silent_sessions_are_polled_together(store: Store, raw: redis.asyncio.Redis) -> None:
    """One call tells the states of many, so long pauses end together."""
    for number in range(3):
        await linked(store, number, SessionId(f"devin-{number}"))
    polls = await take(store)
    pauses = [timedelta(seconds=seconds) for seconds in (60, 70, 300)]
    await Watches(store, TTL).end(list(zip(polls, pauses, strict=True)))
    dues = [await raw.zscore(at(WATCH_KEY), one.session) or 1 for one in polls]
    assert all(due % 10_000 == 0 for due in dues)


async def test_what_devin_says_and_does_is_traffic_of_a_thread(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """It keeps the link, and puts the thread first; a link that is gone stays gone."""
    watches, names = Watches(store, TTL), [thread(number).name for number in (1, 2, 3)]
    for number in (1, 2, 3):
        await linked(store, number)
    (poll,) = await take(store)
    await Links(store, TTL).remove(thread(3))
    await raw.zadd(at(THREADS_KEY), {names[0]: 1, names[1]: 2})
    await raw.expire(at(link_key(thread())), 60)
    seen = Watched(state=SessionState.WAITING, read_at=Millis(1))
    said = [(thread(), Said(id="a", text="Shall I?"))]
    cards = [one for one in poll.threads if one.thread != thread(2)]
    assert await watches.record(poll, Polled(seen=seen, after=SOON, said=said, cards=cards))
    assert await raw.zrange(at(THREADS_KEY), 0, -1) == [names[1], names[0]]
    assert await raw.ttl(at(link_key(thread()))) > TTL.total_seconds() - 60


async def test_a_poll_is_recorded_once(store: Store, raw: redis.asyncio.Redis) -> None:
    """redis-py may run a script twice."""
    await linked(store)
    (poll,) = await take(store)
    watches = Watches(store, TTL)
    for _ in range(2):
        assert await watches.record(poll, found("a", "b")) is not None
    items = [json.loads(item)["text"] for item in await raw.lrange(at(words_key(thread())), 0, -1)]
    assert items == ["a", "b"]
    await raw.zadd(at(WATCH_KEY), {SESSION: 0})
    (poll,) = await take(store)
    assert [poll.knows(one) for one in "abc"] == [True, True, False]
    owed = [
        one for one in await raw.zrange(at(OUTBOX_KEY), 0, -1) if str(one).endswith(OwedKind.WORDS)
    ]
    assert len(owed) == 1


async def test_a_card_is_known_for_as_long_as_its_link(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """Also once it was to be edited: a card that is forgotten would say what is no longer so."""
    await Links(store, LONG).create(
        thread(), Link(session=SESSION, by=UserId("U0ADA"), linked_at=1)
    )
    watches = Watches(store, LONG)
    poll = await watches.open((await watches.take(100, SOON))[0][0])
    await watches.record(
        poll, Polled(seen=Watched(read_at=Millis(1)), after=SOON, cards=poll.threads)
    )
    card = card_subject(thread(), poll.threads[0].link)
    assert await raw.ttl(at(subject_key(card))) > LONG.total_seconds() - 60


async def test_a_thread_that_is_caught_up_keeps_the_time_of_its_link(
    store: Store, raw: redis.asyncio.Redis
) -> None:
    """The end of a turn shows it nothing from before that."""
    await linked(store)
    name, since = f"linked:{thread().name}", Millis(1_700_000_000_123)
    await raw.hset(at(watched_key(SESSION)), name, int(since))
    (poll,) = await take(store)
    assert [(one.follows_from, one.is_caught_up) for one in poll.threads] == [(since, False)]
    seen = Watched(read_at=Millis(1))
    found = Polled(seen=seen, after=timedelta(0), caught_up=poll.threads)
    await Watches(store, TTL).record(poll, found)
    (again,) = await take(store)
    assert [(one.follows_from, one.is_caught_up) for one in again.threads] == [(since, True)]
    assert await raw.hget(at(watched_key(SESSION)), name) == f"{since} read"


async def test_a_session_that_ended_is_not_watched(store: Store, raw: redis.asyncio.Redis) -> None:
    """Neither after a poll that found that, nor after one that found nothing new."""
    await linked(store)
    (poll,) = await take(store)
    await Watches(store, TTL).end([(poll, None)])
    assert await raw.zcard(at(WATCH_KEY)) == 0


async def test_no_minute_has_more_reads_than_the_budget(store: Store) -> None:
    """A twelfth at once, then one after the other; what was made anyway is paid later."""
    reads, began = Reads(store, 120), time.monotonic()
    assert (await reads.spend(7))[0] == 7
    spent, seconds = await reads.spend(7)
    assert 3 <= spent <= 3 + (time.monotonic() - began) * 110 / 60
    assert 0 < seconds < 60 / 109
    await reads.spend(220, is_made=True)
    spent, seconds = await reads.spend()
    assert spent == 0
    assert seconds > 220 * 60 / 110 - (time.monotonic() - began)


async def test_a_read_that_finds_what_to_read_leaves_one_for_it(store: Store) -> None:
    """With the smallest budget too: else the states of sessions are all that is ever read."""
    reads = Reads(store, 10)
    assert (await reads.spend(rest=1))[0] == 1
    spent, seconds = await reads.spend(rest=1)
    assert (spent, 0 < seconds <= 60 / 8) == (0, True)
    assert (await reads.spend())[0] == 1
    spent, seconds = await reads.spend(rest=1)
    assert (spent, seconds > 60 / 8) == (0, True)


async def test_devin_s_retry_after_stops_all_reads(store: Store) -> None:
    """Of every process."""
    reads, began = Reads(store, 60), time.monotonic()
    await reads.spend(0, pause=30)
    spent, seconds = await Reads(store, 60).spend()
    assert (spent, seconds < 32) == (0, True)
    assert seconds + time.monotonic() - began > 30
