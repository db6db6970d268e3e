"""What is gone from Redis is gone from the disk after the next rewrite.

No credential is ever there.
"""

from pathlib import Path

from redis.asyncio import Redis

from bot.settings import load_settings
from tests.support.bots import open_bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.embedded import client_of, files_with
from tests.support.waiting import wait_until

WORDS = ("armadillo", "chinchilla", "wolverine")


async def test_no_word_of_a_reply_that_is_done_is_on_the_disk_after_a_rewrite(
    environ: dict[str, str], desk: Desk, tmp_path: Path
) -> None:
    """One was delivered, one deleted while it was queued, and one's thread was unlinked."""
    del environ["REDIS_URL"]
    delivered, deleted, unlinked = WORDS
    desk.devin.add_session(OTHER_SESSION)
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        thread, other = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
        for words, place in ((delivered, other), (unlinked, thread)):
            ts = await desk.reply(f"Please feed the {words}.", place)
            await desk.until_delivered(ts)
        await desk.cut_off("unlink", thread)
        desk.devin.behave(OTHER_SESSION, "rate_limited", retry_after=3600)
        ts = await desk.reply(f"Please feed the {deleted}.", other)
        await wait_until(lambda: files_with(deleted, tmp_path), "it is queued")
        await desk.slack.delete("general", ts)
        await desk.until_heard()
        assert all(files_with(word, tmp_path) for word in WORDS)
        keys = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DEVIN_API_KEY")
        assert not any(files_with(environ[key], tmp_path) for key in keys)
    async with open_bot(load_settings(environ, None), rewrite_pause=0.05):
        await wait_until(
            lambda: not any(files_with(word, tmp_path) for word in WORDS),
            "the disk has forgotten them",
        )
        address = f"unix://{tmp_path}/data/valkey.sock"
        async with client_of(address) as client:
            assert await without_ttl(client) == []
    assert not any(files_with(word, tmp_path) for word in WORDS)
    assert desk.received(SESSION)


async def without_ttl(client: Redis) -> list[str]:
    """Return the keys that would never expire."""
    return [key async for key in client.scan_iter() if await client.ttl(key) == -1]
