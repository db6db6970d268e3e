"""What was deleted leaves the files of the embedded Valkey, soon after a start and then daily."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.redis.embedded.server import embedded_valkey
from bot.timing import TIMING
from tests.support.embedded import client_of, files_with, get, put
from tests.support.waiting import wait_until

SOON = replace(TIMING, rewrite_pause=0.05)
OFTEN = replace(SOON, rewrite_wait=timedelta(seconds=0.05))


async def test_what_was_deleted_is_off_the_disk_after_the_next_rewrite(tmp_path: Path) -> None:
    """What was not deleted is still there."""
    async with embedded_valkey(tmp_path, timing=OFTEN) as url, client_of(url) as client:
        await put(url, "kept", "lion")
        for word in ("zebra", "gnu"):  # by the first rewrite, and by one of the next
            await put(url, "deleted", word)
            await client.delete("deleted")
            await wait_until(lambda word=word: not files_with(word, tmp_path), "it is rewritten")  # type: ignore[misc]
    async with embedded_valkey(tmp_path) as url:
        assert await get(url, "kept") == "lion"
        assert await get(url, "deleted") is None


async def test_what_expired_while_nothing_ran_leaves_the_disk_soon_after_a_start(
    tmp_path: Path,
) -> None:
    """No command has touched these keys, and a rewrite alone would write them again."""
    async with embedded_valkey(tmp_path) as url, client_of(url) as client:
        await client.config_set("hz", 1)
        async with client.pipeline() as writing:
            for number in range(2000):
                writing.set(f"key:{number}", "zebra", px=1)
            await writing.execute()
    assert files_with("zebra", tmp_path)
    async with embedded_valkey(tmp_path, timing=SOON):
        await wait_until(lambda: not files_with("zebra", tmp_path), "the file is rewritten")


async def test_a_rewrite_that_fails_is_an_error_in_the_log_until_one_succeeds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has to look, since what was deleted is still there. It is tried again soon."""
    async with embedded_valkey(tmp_path) as url:
        await put(url, "key", "zebra")
        await put(url, "key", "value")
    # The next base file can't take its place.
    (obstacle := tmp_path / "appendonlydir" / "appendonly.aof.2.base.rdb").mkdir()
    async with embedded_valkey(tmp_path, timing=SOON) as url:
        await wait_until(lambda: "append-only file not rewritten" in caplog.text, "it is told")
        obstacle.rmdir()
        await wait_until(lambda: not files_with("zebra", tmp_path), "the file is rewritten")
        assert await get(url, "key") == "value"


async def test_a_rewrite_whose_server_is_killed_leaves_no_copy(tmp_path: Path) -> None:
    """Its unfinished file holds what was there at that moment, and Valkey never removes it."""
    async with embedded_valkey(tmp_path) as url:
        await put(url, "key", "value")
    for name in ("temp-rewriteaof-77.aof", "temp-rewriteaof-bg-77.aof"):
        (tmp_path / name).write_bytes(b"zebra")
    async with embedded_valkey(tmp_path) as url:
        assert files_with("zebra", tmp_path) == []
        assert await get(url, "key") == "value"
