"""The keys of the version before, which had one prefix, move to their workspace and back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.errors import StoreAway, UnderWay
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store, open_store
from bot.redis.keys import (
    ALIVE_KEY,
    MIGRATING_KEY,
    MIGRATION_LANDED_KEY,
    MIGRATION_PREFIX,
    SHARED_PREFIX,
    Key,
    KeyPrefix,
    default_key,
    listeners_key,
    mail_key,
    prefix_of,
    reply_key,
)
from bot.store.checkpoints import Checkpoints
from bot.store.links import Links
from bot.store.lua import migration as lua
from bot.store.mailbox import Mailbox
from bot.store.migration.mover import ASIDE, EVERY, migrate, move_back, shared_keys
from bot.store.outbox import Outbox
from bot.store.turn import Head
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.upgrades import FIRST, SHARED, kept, load

TTL = timedelta(days=1)
HOUR = timedelta(hours=1)
NEW, FORMER = prefix_of(TEAM_ID), SHARED_PREFIX
SESSION = SessionId("devin-1234abcd5678ef901234abcd5678ef90")
THREAD = ThreadRef(team=TEAM_ID, channel="C0GENERAL", thread_ts="1764000000.000100")
REPLY = Reply(thread=THREAD, ts="1764000001.000100", author=UserId("U0ADA"), text="hello")


@pytest.fixture
async def former(redis_url: str) -> AsyncIterator[Store]:
    """The keys as a process of the version before has them."""
    async with open_store(redis_url, patience=30.0) as opened:
        yield opened


@pytest.fixture
async def before(raw: Redis) -> dict[str, object]:
    """The keys of a snapshot of the version before, which are in Redis now."""
    await load(raw, SHARED)
    await raw.delete(f"{FORMER}{ALIVE_KEY}")
    return await kept(raw, FORMER)


async def left(raw: Redis) -> dict[str, object]:
    """Return what is under the former prefix, but for fences."""
    return await kept(raw, FORMER)


async def moved(raw: Redis) -> dict[str, object]:
    """Return what is under the workspace's prefix, but for what the migration notes there."""
    now = await kept(raw, NEW)
    return {name: now[name] for name in now if not name.startswith(MIGRATION_PREFIX)}


def listening_too(names: dict[str, object]) -> dict[str, object]:
    """Return the keys without the listener that stands for earlier processes."""
    listeners = names[listeners_key(TEAM_ID)]
    assert isinstance(listeners, dict)
    others = {name: said for name, said in listeners.items() if name != "former"}
    return names | {listeners_key(TEAM_ID): others}


async def test_each_key_gets_its_workspaces_prefix(
    former: Store, raw: Redis, before: dict[str, object]
) -> None:
    """Its value and its TTL stay; only fences are left, for an hour."""
    ttls = {name: await raw.ttl(f"{FORMER}{name}") for name in before}
    await migrate(former, TEAM_ID, "one")
    assert listening_too(await moved(raw)) == before
    assert await left(raw) == {}
    fences = [key async for key in raw.scan_iter(f"{FORMER}*")]
    assert len(fences) >= len(before)
    for key in fences:
        assert 0 < await raw.ttl(key) <= HOUR.total_seconds()
    for name, ttl in ttls.items():
        assert ttl - 30 <= await raw.ttl(f"{NEW}{name}") <= max(ttl, HOUR.total_seconds())


async def test_names_without_a_team_get_one(former: Store, raw: Redis) -> None:
    """A version further back had them."""
    await load(raw, FIRST)
    await migrate(former, TEAM_ID, "one")
    names = await moved(raw)
    assert {f"gap:{TEAM_ID}", f"behind:{TEAM_ID}"} <= names.keys()
    claims = [name for name in names if name.startswith("once:")]
    assert claims
    assert all(name.startswith(f"once:{TEAM_ID}:") for name in claims)


async def set_aside(former: Store) -> None:
    """Let a process die after the first step."""
    await lua.set_aside(
        former,
        *shared_keys(TEAM_ID),
        every=EVERY,
        aside=ASIDE,
        own=MIGRATION_PREFIX,
        alive=KeyPrefix(ALIVE_KEY),
        fence_ms=3_600_000,
    )


async def land(former: Store) -> Sequence[str]:
    """Let a process die when all keys have their new names, but none is dropped."""
    await set_aside(former)
    new = former.of(TEAM_ID)
    await new.put(MIGRATING_KEY, "dead", TTL)
    _, found = await lua.list_aside(former, aside=Key(ASIDE), cursor="0", count=10_000)
    await lua.land(
        new,
        lease=MIGRATING_KEY,
        landed=MIGRATION_LANDED_KEY,
        every=EVERY,
        token="dead",
        lease_ms=1000,
        keep=60,
        keys=found,
    )
    await new.delete(MIGRATING_KEY)
    return [name for name, _, _ in found]


async def settle(former: Store) -> None:
    """Let a process die when some keys are dropped."""
    names = await land(former)
    await lua.settle(former, every=Key(EVERY), aside=Key(ASIDE), landed=names[::2], stayed=[])


@pytest.mark.parametrize("crash", [set_aside, land, settle])
async def test_the_next_process_goes_on(
    former: Store,
    raw: Redis,
    before: dict[str, object],
    crash: Callable[[Store], Awaitable[object]],
) -> None:
    """Wherever the one before it was killed."""
    await crash(former)
    await migrate(former, TEAM_ID, "two")
    assert listening_too(await moved(raw)) == before
    assert await left(raw) == {}


async def test_what_has_landed_and_was_used_up_does_not_come_again(
    former: Store, raw: Redis, before: dict[str, object]
) -> None:
    """A key that others have deleted since is not restored from what was set aside."""
    await land(former)
    name = next(name for name in before if name.startswith("mail:"))
    await raw.delete(f"{NEW}{name}")
    await migrate(former, TEAM_ID, "two")
    assert not await raw.exists(f"{NEW}{name}")
    assert await left(raw) == {}


async def test_a_mover_that_lost_its_lease_moves_nothing(former: Store, raw: Redis) -> None:
    """It was frozen, and another process has finished meanwhile."""
    await raw.set(f"{FORMER}default:{TEAM_ID}:C0", "x", ex=60)
    await land(former)
    await raw.flushall()
    keys = [("default:C0", 1000, "00")]
    landed = await lua.land(
        former.of(TEAM_ID),
        lease=MIGRATING_KEY,
        landed=MIGRATION_LANDED_KEY,
        every=EVERY,
        token="late",
        lease_ms=1000,
        keep=60,
        keys=keys,
    )
    assert landed is None
    assert await moved(raw) == {}


async def test_of_two_processes_one_waits(
    former: Store, raw: Redis, before: dict[str, object]
) -> None:
    """It raises what its start waits for, and has nothing to do later."""
    await raw.set(f"{NEW}{MIGRATING_KEY}", "one", ex=60)
    with pytest.raises(UnderWay, match="another process is moving the keys"):
        await migrate(former, TEAM_ID, "two")
    await raw.delete(f"{NEW}{MIGRATING_KEY}")
    await asyncio.gather(*(migrate(former, TEAM_ID, "one") for _ in range(2)))
    assert listening_too(await moved(raw)) == before


async def test_a_process_of_the_version_before_can_do_nothing(
    former: Store, raw: Redis, before: dict[str, object]
) -> None:
    """It neither accepts nor delivers nor tells; its scripts fail before they write anything."""
    links = Links(former, TTL)
    await links.create(THREAD, Link(session=SESSION, by=UserId("U0ADA"), at=1))
    mailbox, outbox = Mailbox(former, TTL), Outbox(former)
    await mailbox.accept(REPLY, SESSION, timedelta(0))
    head = await mailbox.take(SESSION, "token")
    assert isinstance(head, Head)
    await migrate(former, TEAM_ID, "one")
    now = await moved(raw)
    later = Reply(thread=THREAD, ts="1764000002.000100", author=UserId("U0ADA"), text="more")
    delivered = Outcome(kind=OutcomeKind.DELIVERED)
    tries: list[Awaitable[object]] = [
        mailbox.finish(SESSION, "token", head, delivered, go_on=True),
        links.get(THREAD),
        mailbox.accept(REPLY, SESSION, timedelta(0)),
        mailbox.accept(later, SESSION, timedelta(0)),
        mailbox.take(SESSION, "other"),
        mailbox.put_back(SESSION, "token", REPLY.id),
        outbox.overdue(timedelta(0), 10),
        Checkpoints(former, TEAM_ID, TTL, "old").vouch(1764000003000000),
        Checkpoints(former, TEAM_ID, TTL, "old").claim(),
    ]
    for attempt in tries:
        with pytest.raises(StoreAway, match="WRONGTYPE"):
            await attempt
    assert await left(raw) == {}
    assert await moved(raw) == now
    assert await former.of(TEAM_ID).field(reply_key(REPLY.id), "state") == "sending"


async def test_what_it_acknowledged_unseen_is_read_later(former: Store, raw: Redis) -> None:
    """In a thread that was linked since, it knows no link; so it counts as a process that died."""
    await raw.set(f"{FORMER}default:{TEAM_ID}:C0", "x", ex=60)
    await migrate(former, TEAM_ID, "one")
    listeners = f"{NEW}{listeners_key(TEAM_ID)}"
    kept_until, _, at = str(await raw.hget(listeners, "former")).partition(":")
    seconds, _ = await raw.time()
    assert seconds < int(at) / 1000
    process = Checkpoints(former.of(TEAM_ID), TEAM_ID, TTL, "new")
    await process.note_all()
    assert await process.vouch(seconds * 1_000_000) is None
    await raw.hset(listeners, "noted", f"0:{(seconds - 90) * 1000}")
    await raw.hset(listeners, "former", f"{kept_until}:{(seconds - 60) * 1000}")
    assert await process.vouch(seconds * 1_000_000) == int(kept_until)


async def test_what_turns_up_later_moves_at_the_next_start(
    former: Store, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a newer key has the name, that one stays, and the older one is logged."""
    key, other = default_key(TEAM_ID, "C0"), default_key(TEAM_ID, "C1")
    await former.put(key, "old", TTL)
    await migrate(former, TEAM_ID, "one")
    await former.put(key, "older", TTL)
    await former.put(other, "more", TTL)
    with caplog.at_level(logging.WARNING):
        await migrate(former, TEAM_ID, "two")
    assert await former.of(TEAM_ID).get_all([key, other]) == ["old", "more"]
    assert await left(raw) == {key: "older"}
    (record,) = caplog.records
    assert vars(record)["key"] == key


async def test_replies_wait_a_moment_after_a_move(former: Store, before: dict[str, object]) -> None:
    """Earlier ones may come back from Slack, which brought them to a process that met a fence."""
    assert before
    await migrate(former, TEAM_ID, "one")
    assert former.of(TEAM_ID).was_away


async def test_a_start_that_moves_nothing_makes_nobody_wait(former: Store) -> None:
    """As the first start of all."""
    await migrate(former, TEAM_ID, "one")
    assert not former.of(TEAM_ID).was_away


async def test_mail_that_a_script_left_halfway_is_due(former: Store, raw: Redis) -> None:
    """A script met the fence of the set of due sessions after it had written the mailbox."""
    await raw.zadd(f"{FORMER}{mail_key(SESSION)}", {REPLY.id: 1})
    await raw.expire(f"{FORMER}{mail_key(SESSION)}", 60)
    await raw.hset(f"{FORMER}{reply_key(REPLY.id)}", "state", "waiting")
    await raw.expire(f"{FORMER}{reply_key(REPLY.id)}", 60)
    await migrate(former, TEAM_ID, "one")
    assert (await raw.zscore(f"{NEW}due", SESSION) or 0) > 0
    assert await raw.ttl(f"{NEW}due") > 0


async def test_a_later_start_does_not_scan(former: Store, raw: Redis) -> None:
    """Once nothing was found; unless a process of the version before has run since."""
    for token in ("one", "two"):
        await migrate(former, TEAM_ID, token)
    key = default_key(TEAM_ID, "C0")
    await former.put(key, "alone", TTL)
    await migrate(former, TEAM_ID, "three")
    assert await left(raw) == {key: "alone"}
    await raw.delete(f"{FORMER}due")
    await raw.zadd(f"{FORMER}due", {SESSION: 1})
    await raw.expire(f"{FORMER}due", 60)
    await migrate(former, TEAM_ID, "four")
    assert await left(raw) == {}


async def test_the_way_back(former: Store, raw: Redis, before: dict[str, object]) -> None:
    """All keys are what they were, and no fence is left; after that, they may move again."""
    await migrate(former, TEAM_ID, "one")
    assert await move_back(former, TEAM_ID, "two") == len(before)
    assert listening_too(await left(raw)) == before
    assert await moved(raw) == {}
    assert [key async for key in raw.scan_iter(f"{FORMER}*", _type="stream")] == []
    await migrate(former, TEAM_ID, "three")
    assert listening_too(await moved(raw)) == before
