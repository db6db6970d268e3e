"""The profiles of channels, as several people change them."""

import asyncio

from bot.model.options import Options, Profile
from bot.redis.connection import open_store
from bot.store.profiles import Profiles
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.bots import BRISK

DIGEST = {"often": "daily", "by": "U0BEN00000", "zone": ""}
OPTIONS = Options(max_acu=10)
BOTH = Profile.model_validate({"options": OPTIONS, "digest": DIGEST})


async def test_of_two_changes_at_once_none_is_lost(redis_url: str) -> None:
    """In two processes: one chooses the defaults, and one the digest."""
    async with open_store(redis_url, BRISK) as one, open_store(redis_url, BRISK) as other:
        first, second = (Profiles(store.of(TEAM_ID)) for store in (one, other))
        for number in range(10):
            channel = f"C{number}"
            await asyncio.gather(
                first.change(channel, lambda _: {"options": OPTIONS}),
                second.change(channel, lambda _: {"digest": DIGEST}),
            )
            assert await first.get(channel) == BOTH
