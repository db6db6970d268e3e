"""When a replica takes over behind the address of Redis, the relay follows without a restart."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.settings import load_settings
from sandbox import Sandbox
from sandbox.devin.answers import Api
from tests.away.test_redis import is_ready
from tests.support.bots import ACK_SECONDS, environ_of, open_bot
from tests.support.desk import SESSION, Desk
from tests.support.lines import line_to
from tests.support.processes import ValkeyProcess, kept_valkey
from tests.support.waiting import wait_until


@pytest.fixture
async def box(api: Api, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack that never retries."""
    slack: dict[str, Any] = {"retry_delays": (), "ack_timeout": ACK_SECONDS, "org": is_org}
    async with Sandbox(devin_api=api, **slack) as sandbox:
        sandbox.devin.add_session(SESSION)
        yield sandbox


async def test_a_demoted_primary_is_left_for_the_new_one(
    box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """The old connection stays open, and only a new one reaches the new primary."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(kept_valkey(tmp_path / "first"))
        second = await stack.enter_async_context(kept_valkey(tmp_path / "second"))
        line = await stack.enter_async_context(line_to(first.url))
        environ = environ_of(box, line.url, tmp_path)
        bot = await stack.enter_async_context(open_bot(load_settings(environ, None)))
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_heard()
        await first.tell("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        await second.tell("REPLICAOF", "127.0.0.1", str(first.port))
        await wait_until(lambda: has_all_of(second, first), "the replica has all data")
        await second.tell("REPLICAOF", "NO", "ONE")
        await first.tell("REPLICAOF", "127.0.0.1", str(second.port))
        line.lead(second.url)
        ts = await desk.reply("after the failover", thread)
        assert (await desk.slack.deliveries[-1].settled()).acked
        await desk.until_delivered(ts)
        assert await is_ready(bot)


async def has_all_of(replica: ValkeyProcess, primary: ValkeyProcess) -> bool:
    """Return True if the replica has as much of the primary's log as that has written."""
    async with Redis.from_url(replica.url) as one, Redis.from_url(primary.url) as other:
        state, source = await one.info("replication"), await other.info("replication")
    is_up = state["master_link_status"] == "up"
    return is_up and bool(state["slave_repl_offset"] == source["master_repl_offset"])
