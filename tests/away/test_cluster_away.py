"""A Cluster that is absent, stops, hangs or wants a password is handled like any other Redis."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import StoreAway
from bot.redis.connection import Store, open_store
from bot.settings import load_settings
from bot.timing import TIMING
from bot.wording.delivery_reports import DELIVERED_MARK
from sandbox import Sandbox
from sandbox.devin.answers import Api
from tests.away.test_failover import has_all_of
from tests.away.test_redis import MISSED_SECONDS, is_ready, readiness, until_taken
from tests.support.bots import ACK_SECONDS, environ_of, open_bot
from tests.support.desk import SESSION, Desk
from tests.support.lines import line_to
from tests.support.processes import ValkeyProcess, bot_process, command
from tests.support.redis_servers import cluster_options, form_cluster, replicate
from tests.support.waiting import wait_until

PASSWORD = "p@ss/w:rd+cluster%"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A Cluster of one node, which keeps its data."""
    server = ValkeyProcess(tmp_path / "node", *cluster_options())
    await server.start()
    await asyncio.to_thread(form_cluster, [server.port])
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
def redis_url(node: ValkeyProcess) -> str:
    """The node's URL."""
    return f"redis+cluster://127.0.0.1:{node.port}"


@pytest.fixture
async def box(api: Api, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack that retries only when the test says so."""
    slack: dict[str, Any] = {"retry_delays": (), "ack_timeout": ACK_SECONDS, "org": is_org}
    async with Sandbox(devin_api=api, **slack) as sandbox:
        sandbox.devin.add_session(SESSION)
        yield sandbox


async def act(node: ValkeyProcess, what: str) -> None:
    """Break or restore the node."""
    if what in {"stop", "start", "kill"}:
        await getattr(node, what)()
    else:
        getattr(node, what)()


@pytest.mark.times(redis_seconds=TIMING.redis_seconds)
@pytest.mark.parametrize(("breaks", "mends"), [("kill", "start"), ("freeze", "thaw")])
async def test_what_cannot_be_kept_is_not_acknowledged(
    bot: Bot, desk: Desk, node: ValkeyProcess, breaks: str, mends: str
) -> None:
    """Slack's retry brings the event back; the relay and the scheduler go on without a restart."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    await act(node, breaks)
    desk.slack.hurry(MISSED_SECONDS)
    ts = await desk.reply("while it is away", thread)
    delivery = await desk.slack.deliveries[-1].settled()
    assert not delivery.acked
    status, missing = await readiness(bot)
    assert (status, list(missing)) == (503, ["Redis"])
    await act(node, mends)
    await wait_until(lambda: is_ready(bot), "it is ready again")
    desk.devin.behave(SESSION, "rate_limited", times=1)
    await until_taken(desk, delivery)
    await desk.until_delivered(ts)
    assert len(desk.received()) == 1


@pytest.mark.parametrize("how", ["lost", "demoted"])
async def test_a_replica_takes_over(box: Sandbox, desk: Desk, tmp_path: Path, how: str) -> None:
    """The relay's and the scheduler's keys are on another node; both go on without a restart."""
    options = ("--repl-diskless-sync-delay", "0")
    nodes = [
        ValkeyProcess(tmp_path / str(number), *cluster_options(), *options) for number in range(4)
    ]
    async with AsyncExitStack() as stack:
        for node in nodes:
            await node.start()
            stack.push_async_callback(node.stop)
        first, *others, spare = [node.port for node in nodes]
        await asyncio.to_thread(form_cluster, [first, *others], [0, 12_000, 14_000])
        await asyncio.to_thread(replicate, spare, first)
        url = f"redis+cluster://127.0.0.1:{others[0]}"
        store = await stack.enter_async_context(open_store(url))
        environ = environ_of(box, url, tmp_path)
        opening = open_bot(load_settings(environ, None), redis_seconds=TIMING.redis_seconds)
        bot = await stack.enter_async_context(opening)
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        if how == "lost":
            await nodes[0].kill()
        else:
            await wait_until(lambda: has_all_of(nodes[-1], nodes[0]), "the replica has all data")
            # Without asking: on a busy machine, nodes give up a failover that takes 5 s.
            await nodes[-1].tell("CLUSTER", "FAILOVER", "TAKEOVER")
            await wait_until(lambda: is_replica(nodes[0]), "it is a replica")
        await wait_until(lambda: answers(store), "the replica has taken over")
        await wait_until(lambda: is_ready(bot), "the bot has noticed")
        desk.devin.behave(SESSION, "rate_limited", times=1)
        ts = await desk.reply("hello", thread)
        await until_taken(desk, await desk.slack.deliveries[-1].settled())
        await wait_until(
            lambda: DELIVERED_MARK in desk.marks(ts), "the scheduler goes on", seconds=30
        )


async def test_nodes_that_all_have_other_addresses_are_found_by_the_url(
    node: ValkeyProcess, tmp_path: Path
) -> None:
    """As after a restart in Kubernetes: the URL's name leads to where they are now."""
    moved = ValkeyProcess(tmp_path / "moved", *cluster_options())
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(line_to(node.url))
        url = f"redis+cluster://127.0.0.1:{line.port}"
        store = await stack.enter_async_context(open_store(url))
        await store.ping()
        await moved.start()
        stack.push_async_callback(moved.stop)
        await asyncio.to_thread(form_cluster, [moved.port])
        line.lead(moved.url)
        await node.kill()
        await wait_until(lambda: answers(store), "the moved node answers")


async def is_replica(node: ValkeyProcess) -> bool:
    """Return True if it follows another node."""
    async with Redis.from_url(node.url) as client:
        return bool((await client.info("replication"))["role"] == "slave")


async def answers(store: Store) -> bool:
    """Return True if Redis answers."""
    try:
        await store.ping()
    except StoreAway:
        return False
    return True


@pytest.mark.parametrize("breaks", ["stop", "freeze"])
async def test_a_stop_while_it_is_away_is_a_stop(
    box: Sandbox, node: ValkeyProcess, redis_url: str, tmp_path: Path, breaks: str
) -> None:
    """A platform that restarts everything at once must not have to kill the process."""
    environ = environ_of(box, redis_url, tmp_path)
    async with bot_process(environ, tmp_path, "run") as run:
        await box.slack.wait_connected()
        await run.until_logged("started")
        await act(node, breaks)
        assert await run.stop() == 0


async def test_an_absent_cluster_is_a_passing_error() -> None:
    """redis-py raises a special exception for it, which is not a `RedisError`."""
    async with open_store("redis+cluster://127.0.0.1:1") as store:
        with pytest.raises(StoreAway, match="RedisClusterException"):
            await store.ping()


async def test_check_says_that_it_does_not_answer(box: Sandbox, tmp_path: Path) -> None:
    """The operator reads where to look."""
    environ = environ_of(box, "redis+cluster://127.0.0.1:1", tmp_path)
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 1
    lines = out.splitlines()
    (at,) = [at for at, line in enumerate(lines) if line.startswith("✗ Redis:")]
    assert "REDIS_URL" in lines[at + 1]


@pytest.mark.parametrize("form", ["redis+cluster://:{}@", "redis+cluster://default:{}@", "?"])
async def test_a_password_may_hold_any_character(
    box: Sandbox, desk: Desk, node: ValkeyProcess, tmp_path: Path, form: str
) -> None:
    """The password is escaped in the address, for the relay and for `doctor`."""
    await node.tell("CONFIG", "SET", "requirepass", PASSWORD)
    escaped, place = quote(PASSWORD, safe=""), f"127.0.0.1:{node.port}"
    url = f"redis+cluster://{place}?password={escaped}"
    if form != "?":
        url = form.format(escaped) + place
    async with open_bot(load_settings(environ_of(box, url, tmp_path), None)):
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited", times=1)
        await desk.until_delivered(await desk.reply("hello", thread))


async def test_the_permissions_that_we_ask_for_are_enough(
    box: Sandbox, desk: Desk, node: ValkeyProcess, tmp_path: Path
) -> None:
    """The permissions are those of docs/security.md, for a separate user."""
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    rules = re.findall(r"`([~&+-][^`]+)`", text.partition("an ACL user with")[2].partition(".")[0])
    await node.tell("ACL", "SETUSER", "relay", "on", ">secret", *rules)
    url = f"redis+cluster://relay:secret@127.0.0.1:{node.port}"
    async with open_bot(load_settings(environ_of(box, url, tmp_path), None)):
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited", times=1)
        await desk.until_delivered(await desk.reply("hello", thread))
