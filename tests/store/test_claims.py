"""Claims hold once per workspace."""

from datetime import timedelta

from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.store.claims import Claims

THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")


async def test_a_claim_is_its_workspaces_own(store: Store) -> None:
    """A Slack Connect channel has one id in both workspaces, and so have its messages."""
    here, there = Claims(store.of("T0TEAM")), Claims(store.of("T0OTHER"))
    assert await here.claim("command:C0:1")
    assert not await here.claim("command:C0:1")
    assert await there.claim("command:C0:1")
    await here.disclaim("command:C0:1")
    assert not await here.is_claimed("command:C0:1")
    assert await there.is_claimed("command:C0:1")


async def test_a_claim_in_somebodys_name_is_theirs_again_and_again(store: Store) -> None:
    """Nobody else gets it until it is released."""
    claims = Claims(store)
    assert await claims.claim("starting:x", timedelta(days=8), "mine")
    assert await claims.claim("starting:x", timedelta(days=8), "mine")
    assert not await claims.claim("starting:x", timedelta(days=8), "theirs")
    await claims.disclaim("starting:x")
    assert await claims.claim("starting:x", timedelta(days=8), "theirs")
