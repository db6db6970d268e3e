"""Claims hold once per workspace, and claims of an earlier version still count."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.errors import UnderWay
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import former_once_key
from bot.store.claims import Claims

THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")


async def test_a_claim_is_its_workspaces_own(store: Store) -> None:
    """A Slack Connect channel has one id in both workspaces, and so have its messages."""
    here, there = Claims(store, "T0TEAM"), Claims(store, "T0OTHER")
    assert await here.claim("command:C0:1")
    assert not await here.claim("command:C0:1")
    assert await there.claim("command:C0:1")
    await here.disclaim("command:C0:1")
    assert not await here.is_claimed("command:C0:1")
    assert await there.is_claimed("command:C0:1")


async def test_what_an_earlier_version_claimed_is_claimed(store: Store, raw: Redis) -> None:
    """Its keys had no team; an upgrade during Slack's retries does nothing twice."""
    claims = Claims(store, THREAD.team)
    await raw.set(former_once_key("claim:command:C0:1"), "theirs", ex=60)
    assert await claims.is_claimed("command:C0:1")
    assert not await claims.claim("command:C0:1")
    assert not await claims.begin("command:C0:1", "message")
    await claims.disclaim("command:C0:1")
    assert await claims.claim("command:C0:1")


async def test_what_an_earlier_version_began_goes_on_by_the_same_event(
    store: Store, raw: Redis
) -> None:
    """The event that Slack retries continues; the other event of the same message waits."""
    claims = Claims(store, THREAD.team)
    await raw.set(former_once_key("begun:command:C0:1"), "message", ex=60)
    assert await claims.begin("command:C0:1", "message")
    with pytest.raises(UnderWay):
        await claims.begin("command:C0:1", "app_mention")


async def test_an_offer_of_an_earlier_version_counts(store: Store, raw: Redis) -> None:
    """A thread is offered a link once in 30 days."""
    place = f"{THREAD.team}:{THREAD.channel}:{THREAD.thread_ts}"
    await raw.set(former_once_key(f"offered:{place}"), "1764000001.000100", ex=60)
    claims = Claims(store, THREAD.team)
    assert not await claims.offer(THREAD, "1764000002.000100")
    assert await claims.offer(THREAD, "1764000001.000100"), "the same message, brought again"


async def test_a_claim_in_somebodys_name_is_theirs_again_and_again(store: Store) -> None:
    """Nobody else gets it until it is released."""
    claims = Claims(store, THREAD.team)
    assert await claims.claim_as("starting:x", "mine", timedelta(days=8))
    assert await claims.claim_as("starting:x", "mine", timedelta(days=8))
    assert not await claims.claim_as("starting:x", "theirs", timedelta(days=8))
    await claims.disclaim("starting:x")
    assert await claims.claim_as("starting:x", "theirs", timedelta(days=8))
