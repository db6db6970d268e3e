"""Links between threads and sessions are stored on a real Valkey."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Follow, SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros
from bot.redis import keep
from bot.redis.connection import Store
from bot.redis.keys import (
    THREADS_KEY,
    link_key,
    watched_key,
)
from bot.redis.pipelining import Script
from bot.store.links import GONE, Links
from bot.store.lua import scripts
from bot.store.watches import Watches
from tests.support.desk import OTHER_SESSION, SESSION
from tests.support.keys import at

TTL = timedelta(days=90)
WEEK = timedelta(days=7)
ADA = UserId("U0ADA")


def thread(number: int = 1, channel: str = "C0GENERAL") -> ThreadRef:
    return ThreadRef(team="T0TEAM", channel=channel, thread_ts=f"176400000{number}.000100")


def a_link(session: str = SESSION, by: UserId = ADA) -> Link:
    return Link(session=SessionId(session), by=by, linked_at=1764000000)


@pytest.fixture
def links(store: Store) -> Links:
    """The links."""
    return Links(store, TTL)


async def test_a_thread_has_one_session_however_many_try(links: Links) -> None:
    """The first link stays, and later callers get it."""
    wanted = [a_link(f"devin-{number:04x}", UserId(f"U{number}")) for number in range(20)]
    answers = await asyncio.gather(*(links.create(thread(), link) for link in wanted))
    winner = await links.get(thread())
    assert winner in wanted
    assert [link for link, answer in zip(wanted, answers, strict=True) if answer is None] == [
        winner
    ]
    assert {answer for answer in answers if answer} == {winner}


async def test_unlinking_returns_what_was_there_once(links: Links, raw: Redis) -> None:
    """The second time there is nothing, and the thread may be relinked."""
    await links.create(thread(), a_link())
    assert await links.remove(thread()) == a_link()
    assert await links.remove(thread()) is None
    assert await raw.exists(at(link_key(thread())), at(THREADS_KEY)) == 0
    assert await links.create(thread(), a_link(OTHER_SESSION)) is None


async def test_a_new_link_has_nothing_of_one_that_expired(links: Links, raw: Redis) -> None:
    """To the same session; no poll may have found yet that the earlier link had gone."""
    for_thread = [f"{what}:{thread().name}" for what in ("by", "last")]
    await links.create(thread(), a_link())
    for name in for_thread:
        await raw.hset(at(watched_key(SessionId(SESSION))), name, "earlier")
    await raw.delete(at(link_key(thread())))
    await links.create(thread(), a_link())
    assert await raw.hmget(at(watched_key(SessionId(SESSION))), for_thread) == [None, None]


async def test_a_link_lives_as_long_as_the_setting_says(links: Links, raw: Redis) -> None:
    """Its lifetime starts when it is made, and it expires, some time after a poll would end it."""
    await links.create(thread(), a_link())
    longest = (TTL + keep.EXPIRING).total_seconds()
    assert longest - 60 < await raw.ttl(at(link_key(thread()))) <= longest
    await raw.delete(at(link_key(thread())))
    assert await links.get(thread()) is None
    assert await links.active("T0TEAM", "C0GENERAL", WEEK) == []


async def test_a_link_that_is_gone_is_removed_from_its_channel(links: Links, raw: Redis) -> None:
    """Redis may forget a link before its place in the index; others keep their threads."""
    await links.create(thread(1), a_link())
    await links.create(thread(2), a_link())
    await raw.delete(at(link_key(thread(1))))
    assert set(await links.of_channel("T0TEAM", "C0GENERAL", 9)) == {thread(1), thread(2)}
    assert await links.remove(thread(1)) is None
    assert await links.of_channel("T0TEAM", "C0GENERAL", 9) == [thread(2)]
    assert await links.get(thread(2)) == a_link()


class SentTwice(Store):
    """Runs a script that ends a link twice, as after a lost answer, with `meanwhile` in between."""

    def __init__(self, store: Store, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._sent, self._meanwhile = store, meanwhile
        self.prefix, self.timing = store.prefix, store.timing

    async def run(self, script: Script, args: Sequence[str | int]) -> Any:
        """Run `script`."""
        answer = await self._sent.run(script, args)
        if script is scripts.set_link and args[2] == "":
            await self._meanwhile()
            answer = await self._sent.run(script, args)
        return answer


async def test_only_the_link_that_was_found_is_removed(links: Links, store: Store) -> None:
    """Redis's answer is lost, and somebody links the thread before the script is sent again."""
    newer = a_link(OTHER_SESSION).model_copy(update={"card": "2"})
    await links.create(thread(), a_link())
    sent_twice = SentTwice(store, lambda: links.create(thread(), newer))
    assert await Links(sent_twice, TTL).remove(thread()) == a_link()
    assert await links.get(thread()) == newer


@pytest.mark.parametrize("muted", [True, False])
async def test_muting_keeps_the_time_to_live_and_what_else_the_record_says(
    links: Links, raw: Redis, *, muted: bool
) -> None:
    """Fields that only a later version knows stay as well."""
    record = a_link().model_copy(update={"muted": not muted}).model_dump(mode="json")
    await raw.set(at(link_key(thread())), json.dumps(record | {"note": "later"}), ex=1000)
    muted_link = await links.mute(thread(), since=Micros(1_764_000_000_000_001), muted=muted)
    assert muted_link is not None
    assert muted_link.model_copy(update={"since": 0}) == a_link().model_copy(
        update={"muted": muted}
    )
    assert int(muted_link.since) == (0 if muted else 1_764_000_000_000_001)
    assert await links.mute(thread(), muted=muted) == muted_link
    assert await links.get(thread()) == muted_link
    assert json.loads(str(await raw.get(at(link_key(thread())))))["note"] == "later"
    assert 0 < await raw.ttl(at(link_key(thread()))) <= 1000


async def test_changes_at_the_same_time_all_count(links: Links) -> None:
    """One that finds the link changed since it was read reads it again."""
    await links.create(thread(), a_link())
    await asyncio.gather(
        links.mute(thread(), muted=True),
        links.follow(thread(), Follow.TURNS),
        links.take_replies_from(thread(), Micros(1_764_000_000_000_001)),
        links.describe(thread(), "Shall we?", Micros(0)),
    )
    link = await links.get(thread())
    assert link is not None
    assert (link.muted, link.follow, int(link.since)) == (True, Follow.TURNS, 1_764_000_000_000_001)
    assert link.topic == "Shall we?"


async def test_a_change_that_means_another_session_changes_nothing(links: Links) -> None:
    """A button shows one session; by the time it is pressed, the thread may have another one."""
    await links.create(thread(), a_link(OTHER_SESSION))
    before, meant = await links.get(thread()), SessionId(SESSION)
    assert await links.remove(thread(), meant) is None
    assert await links.mute(thread(), Micros(1), meant, muted=True) is None
    assert await links.follow(thread(), Follow.OFF, meant) is None
    assert await links.get(thread()) == before
    assert await links.mute(thread(), Micros(1), SessionId(OTHER_SESSION), muted=True) is not None
    assert await links.remove(thread(), SessionId(OTHER_SESSION)) is not None


async def test_active_links_are_the_channels_latest_first(links: Links, raw: Redis) -> None:
    """The order is by their last traffic, within the requested time."""
    for number in (1, 2, 3, 4):
        await links.create(thread(number), a_link(f"devin-{number}"))
    await links.create(thread(5, "C0OTHER"), a_link("devin-5"))
    now = time.time()
    days_ago = {1: 3, 2: 1, 3: 8, 4: 6}
    scores = {thread(n).name: (now - days * 86_400) * 1000 for n, days in days_ago.items()}
    await raw.zadd(at(THREADS_KEY), scores)
    active = await links.active("T0TEAM", "C0GENERAL", WEEK)
    assert [link.session for _, link in active] == ["devin-2", "devin-1", "devin-4"]
    assert [one for one, _ in active] == [thread(2), thread(1), thread(4)]
    few = await links.active("T0TEAM", "C0GENERAL", WEEK, limit=1)
    assert [link.session for _, link in few] == ["devin-2"]


@pytest.mark.parametrize("raw_link", ["", "no json"])
async def test_a_record_that_cannot_be_read_is_no_link(
    links: Links, raw: Redis, raw_link: str
) -> None:
    """A broken record counts as unlinked, and nothing is sent."""
    await raw.set(at(link_key(thread())), raw_link, ex=60)
    assert await links.get(thread()) is None
    assert await links.mute(thread(), muted=True) is None
    assert await raw.get(at(link_key(thread()))) == raw_link


async def test_a_poll_ends_each_link_without_traffic_once(
    links: Links, store: Store, raw: Redis
) -> None:
    """It returns them; the index would grow forever, since each new link extends its lifetime."""
    old, young, lost = map(thread, range(1, 4))
    ages = {one.name: TTL.total_seconds() + 60 for one in (old, lost)}
    ages[young.name] = TTL.total_seconds() - 60
    for one in (old, young):
        await links.create(one, a_link())
    key, (now, _) = at(THREADS_KEY), await raw.time()
    await raw.zadd(key, {name: (now - age) * 1000 for name, age in ages.items()})
    watches = Watches(store, TTL)
    assert (await watches.take(1, timedelta(0)))[2] == [(old, a_link()), (lost, None)]
    assert (await watches.take(1, timedelta(0)))[2] == []
    assert await raw.zrange(key, 0, -1) == [young.name]
    assert (await links.get(old), await links.get(young)) == (None, a_link())


async def test_the_last_outcome_of_a_thread_is_told_to_status(store: Store, raw: Redis) -> None:
    """It is None before the first one, and where it cannot be read."""
    watches, session = Watches(store, TTL), SessionId(SESSION)
    assert await watches.last_outcome(session, thread()) is None
    outcome = Outcome(kind=OutcomeKind.REFUSED, status=404)
    for kept, told in ((outcome.to_json(), outcome), ('{"kind": "paused"}', None)):
        await raw.hset(at(watched_key(session)), f"last:{thread().name}", kept)
        await raw.expire(at(watched_key(session)), 60)
        assert await watches.last_outcome(session, thread()) == told
        assert await watches.last_outcome(session, thread(2)) is None


async def test_a_link_keeps_its_thread_s_first_words(links: Links, raw: Redis) -> None:
    """They live as long as the link, whatever else changes in it; an unlinked thread has none."""
    await links.create(thread(), a_link())
    await raw.expire(at(link_key(thread())), 600)
    await links.describe(thread(), "“Shall we?” \\ {/}", Micros(0))
    await links.mute(thread(), muted=True)
    link = await links.get(thread())
    assert link is not None
    assert (link.topic, link.muted) == ("“Shall we?” \\ {/}", True)
    assert await raw.ttl(at(link_key(thread()))) <= 600
    await links.describe(thread(2), "Nobody's", Micros(0))
    assert await links.get(thread(2)) is None


async def test_first_words_give_way_only_to_later_ones(links: Links) -> None:
    """That holds to the microsecond, also after another change; nothing follows a deletion."""
    await links.create(thread(), a_link())
    for topic, edited, expected in (
        ("first", Micros(0), "first"),
        ("third", Micros(1_764_000_000_000_300), "third"),
        ("second", Micros(1_764_000_000_000_200), "third"),
        ("", GONE, ""),
        ("fourth", Micros(1_764_000_000_000_400), ""),
    ):
        await links.describe(thread(), topic, edited)
        await links.mute(thread(), muted=True)
        link = await links.get(thread())
        assert link is not None
        assert link.topic == expected
