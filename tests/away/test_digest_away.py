"""A digest is posted once, although its process is killed or Redis is away at its time."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.features.digest.use import digest_owed
from bot.settings import load_settings
from sandbox import Sandbox
from tests.features.test_digest import digests, dues, let_time_pass, set_digest, until_gone
from tests.support.bots import environ_of, open_bot
from tests.support.desk import Desk
from tests.support.entries import expire
from tests.support.processes import ValkeyProcess, bot_process, kept_valkey
from tests.support.waiting import wait_until


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A separate Valkey, which keeps its data."""
    async with kept_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def environ(box: Sandbox, valkey: ValkeyProcess, tmp_path: Path) -> dict[str, str]:
    """The environment of a bot on it."""
    return environ_of(box, valkey.url, tmp_path)


@pytest.fixture
async def raw(valkey: ValkeyProcess) -> AsyncIterator[Redis]:
    """A plain client of it."""
    async with Redis.from_url(valkey.url, decode_responses=True) as client:
        yield client


@pytest.mark.parametrize("taken", [True, False])
async def test_a_process_that_is_killed_over_a_digest_leaves_it_to_another(
    environ: dict[str, str], desk: Desk, raw: Redis, tmp_path: Path, *, taken: bool
) -> None:
    """Whether Slack has taken the post by then, or not."""
    answered = asyncio.Event()
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        due = await set_digest(desk, raw)
        await desk.linked_thread()
        held = "conversations.history" if taken else "chat.postMessage"
        before = calls(desk, held)
        if taken:
            desk.slack.fail_next("chat.postMessage", drop_after=True)
        desk.slack.fail_next(held, until=answered, drop=True)
        await let_time_pass(raw, due)
        await wait_until(lambda: calls(desk, held) > before, "it is being posted, or looked for")
        await process.stop(signal.SIGKILL)
    answered.set()
    assert len(digests(desk)) == taken
    channel = desk.slack.workspace.channel("general").id
    await expire(raw, digest_owed(desk.slack.team_id, channel, due))
    await let_time_pass(raw, due)
    async with bot_process(environ, tmp_path, "run"):
        await until_gone(raw, due)
    assert len(digests(desk)) == 1
    assert await dues(raw) == [due + timedelta(days=1)]


def calls(desk: Desk, method: str) -> int:
    """Return how often a method of Slack's was called."""
    return sum(one.method == method for one in desk.slack.calls)


async def test_a_digest_that_is_due_while_redis_is_away_comes_once_it_is_back(
    environ: dict[str, str], desk: Desk, raw: Redis, valkey: ValkeyProcess
) -> None:
    """And so does the one after it."""
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        due = await set_digest(desk, raw)
        await desk.linked_thread()
        await valkey.stop()
        await valkey.start()
        await raw.connection_pool.disconnect()
        await let_time_pass(raw, due)
        await until_gone(raw, due)
        assert await dues(raw) == [due + timedelta(days=1)]
    assert len(digests(desk)) == 1
