"""On a Redis Cluster of three nodes, the relay's and the scheduler's keys are on different ones."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
import redis

from bot.app import Bot
from bot.model.errors import StoreAway
from bot.model.sessions import SessionId
from bot.redis.connection import Store, open_store
from bot.redis.keys import lease_key, once_key, prefix_of
from bot.store.claims import Claims
from bot.urls import is_cluster
from bot.wording import thread_links
from bot.wording.delivery_reports import DELIVERED_MARK
from sandbox import Sandbox
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.bots import BRISK
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_v1
from tests.support.keys import at
from tests.support.processes import bot_process, command
from tests.support.redis_servers import serving_cluster
from tests.support.waiting import stops, wait_until

PREFIX = prefix_of(TEAM_ID)


class Node:
    """One node, addressed directly."""

    def __init__(self, port: int) -> None:
        self.client = redis.Redis(port=port, decode_responses=True)

    def ask(self, *words: str | int) -> object:
        """Return the node's answer to a command."""
        answer: object = self.client.execute_command(*words)  # type: ignore[no-untyped-call]
        return answer

    def keys(self, beginning: str) -> list[str]:
        """Return the node's keys with that prefix."""
        return [str(key) for key in self.client.scan_iter(f"{beginning}*", count=1000)]

    def connections(self) -> int:
        """Return how many connections the node has, this one included."""
        return len(self.client.client_list())

    def endless(self) -> list[str]:
        """Return the relay's keys on the node that would never expire."""
        return [key for key in self.keys("{devin-relay[:}]") if self.client.ttl(key) == -1]


@pytest.fixture
def is_org() -> bool:
    """The bot is installed to a workspace, whose keys are on the third node."""
    return False


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[int]]:
    """The nodes' ports."""
    with serving_cluster(tmp_path_factory.mktemp("cluster"), nodes=3) as found:
        yield found


@pytest.fixture
def nodes(ports: Sequence[int]) -> Iterator[list[Node]]:
    """The empty nodes; after the test, none may have a relay key that would never expire."""
    found = [Node(port) for port in ports]
    for node in found:
        node.client.flushall()
        node.client.script_flush()
    yield found
    endless = [node.endless() for node in found]
    for node in found:
        node.client.flushall()
        node.client.close()
    assert endless == [[]] * len(found), "keys without a TTL"


@pytest.fixture
def redis_url(nodes: list[Node], ports: Sequence[int]) -> str:
    """The Cluster's URL, by the node that has the slots of neither the relay nor the scheduler."""
    return f"redis+cluster://127.0.0.1:{ports[1]}"


@on_v1
async def test_a_team_steers_a_session_from_a_thread(
    bot: Bot, desk: Desk, nodes: list[Node]
) -> None:
    """Link, reply, suspend, send again, `/devin-say`: each script has all its keys in one slot."""
    thread = await desk.linked_thread()
    first = await desk.reply("one", thread)
    await desk.until_delivered(first)
    desk.devin.behave(SESSION, "suspended", times=1)
    second = await desk.reply("two", thread)
    await desk.until_marked("zzz", second)
    await desk.press("send_again", thread)
    await desk.until_delivered(second)
    await desk.slack.slash("/devin-say", "three")
    await desk.until_received("three")
    for words in ("mute", "unmute", "status", "unlink"):
        await desk.mention(words, thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)

    assert [len(node.keys(PREFIX)) > 0 for node in nodes] == [False, False, True]


async def test_what_is_for_later_is_done_then(bot: Bot, desk: Desk) -> None:
    """What waits for Devin is due on the Cluster as well."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited", times=2)
    await desk.until_delivered(await desk.reply("in a while", thread))
    assert len(desk.devin.requests) == 3


async def test_a_slot_that_is_moving_is_waited_for(
    redis_url: str, nodes: list[Node], box: Sandbox
) -> None:
    """Where it goes, a script would find a part of the keys, and take the rest for gone."""
    slot = int(str(nodes[0].ask("CLUSTER", "KEYSLOT", PREFIX)))
    from_, to = nodes[2], nodes[0]
    async with open_store(redis_url, timing=BRISK) as connection:
        store = connection.of(box.slack.team_id)
        await store.ping()
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", str(from_.ask("CLUSTER", "MYID")))
        from_.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", str(to.ask("CLUSTER", "MYID")))
        try:
            with pytest.raises(StoreAway):
                await store.get(once_key("alive"))
        finally:
            for node in (from_, to):
                node.ask("CLUSTER", "SETSLOT", slot, "STABLE")
        assert await store.get(once_key("alive")) == "1"


async def test_processes_share_it(
    environ: dict[str, str], desk: Desk, nodes: list[Node], tmp_path: Path
) -> None:
    """A `run` process is killed, and a `worker` delivers the mail that it had in hand."""
    desk.devin.add_session(OTHER_SESSION)
    async with bot_process(environ, tmp_path, "run") as run:
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "slow", delay=30.0, takes=True, times=1)
        taken = await desk.reply("one", thread)
        await wait_until(lambda: desk.devin.requests, "Devin is asked")
        later = await desk.reply("two", thread)
        await desk.until_heard()
        run.process.kill()
        await run.ends()
    nodes[2].client.delete(at(lease_key(SessionId(SESSION)), TEAM_ID))  # its lease runs out
    async with bot_process(environ, tmp_path, "worker") as worker:
        for ts in (taken, later):
            await wait_until(
                lambda ts=ts: DELIVERED_MARK in desk.marks(ts),  # type: ignore[misc]
                "the worker has told it",
                seconds=30,
            )
        assert await worker.stop() == 0
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["one", "two"]


async def test_doctor_finds_it_well(environ: dict[str, str], tmp_path: Path) -> None:
    """The operator reads that Redis answers."""
    code, out, err = await command(environ, tmp_path, "doctor")
    assert (code, err) == (0, "")
    assert "✓ Redis: reachable" in out


async def test_why_reads_the_node_with_the_workspaces_keys(
    environ: dict[str, str], desk: Desk, tmp_path: Path
) -> None:
    """A message is told of as on a single server."""
    async with bot_process(environ, tmp_path, "run") as run:
        await desk.slack.wait_connected()
        ts = await desk.reply("Please rebase", await desk.linked_thread())
        await desk.until_delivered(ts)
        place = desk.slack.workspace.channel("general").id
        code, out, err = await command(environ, tmp_path, "why", f"{TEAM_ID}:{place}:{ts}")
        assert await run.stop() == 0
    assert (code, err) == (0, "")
    assert " was sent: Devin has it" in out


async def test_the_node_with_the_workspaces_keys_is_the_one_that_is_judged(
    environ: dict[str, str], nodes: list[Node], ports: Sequence[int], tmp_path: Path
) -> None:
    """Another one may evict and lose what it likes; `doctor` and each start say what this does."""
    move_slot(nodes[2], nodes[1], ports[1])
    try:
        nodes[1].ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        code, out, _ = await command(environ, tmp_path, "doctor")
        async with bot_process(environ, tmp_path, "worker") as worker:
            await worker.until_logged("started")
            assert await worker.stop() == 0
    finally:
        nodes[1].ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        move_slot(nodes[1], nodes[2], ports[2])
    assert code == 1
    for told in (out, worker.err):
        assert "Redis eviction: allkeys-lru" in told


async def test_several_keys_are_read_at_once(store: Store) -> None:
    """The relay's keys share a slot, so that one MGET may name them."""
    assert await Claims(store).claim("one")
    keys = [once_key(f"claim:{name}") for name in ("one", "two", "three")]
    assert [value is not None for value in await store.get_all(keys)] == [True, False, False]


async def test_many_may_ask_at_once(store: Store) -> None:
    """There may be more than the hundred connections that redis-py allows per node by default."""
    names = [str(number) for number in range(101)]
    claims = Claims(store)
    first = await asyncio.gather(*(claims.claim(name) for name in names))
    assert first == [True] * 101


async def test_our_keys_may_move_to_another_node(
    bot: Bot, desk: Desk, nodes: list[Node], ports: Sequence[int]
) -> None:
    """When an operator adds a node, nobody has to be told, and nothing is lost."""
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("before", thread))
    move_slot(nodes[2], nodes[1], ports[1])
    try:
        await desk.until_delivered(await desk.reply("after", thread))
        assert nodes[1].keys(PREFIX)
        assert not nodes[2].keys(PREFIX)
    finally:
        move_slot(nodes[1], nodes[2], ports[2])


def move_slot(source: Node, target: Node, port: int) -> None:
    """Move the slot of the relay's keys, with all its contents, from one node to another."""
    slot = str(source.ask("CLUSTER KEYSLOT", PREFIX))
    target_id, source_id = (str(node.ask("CLUSTER MYID")) for node in (target, source))
    target.ask("CLUSTER SETSLOT", slot, "IMPORTING", source_id)
    source.ask("CLUSTER SETSLOT", slot, "MIGRATING", target_id)
    while keys := cast("list[str]", source.ask("CLUSTER GETKEYSINSLOT", slot, 100)):
        source.ask("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys)
    for node in (target, source):
        node.ask("CLUSTER SETSLOT", slot, "NODE", target_id)


@pytest.mark.parametrize("turns", range(0, 40, 4))
async def test_what_asks_again_and_again_can_be_stopped(redis_url: str, turns: int) -> None:
    """A call can be canceled while it finds the node, connects or waits for the answer."""
    async with open_store(redis_url) as store:
        assert await stops(lambda: store.get_all([once_key("one")]), turns)


async def test_what_is_closed_at_any_moment_leaves_no_connection(
    redis_url: str, nodes: list[Node]
) -> None:
    """Whether it finds the node, connects or waits for the answer: no node still has one."""

    async def close_after(turns: int) -> None:
        async with open_store(redis_url) as store:
            asking = asyncio.create_task(store.get_all([once_key("one")]))
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.wait({asking})

    await asyncio.gather(*(close_after(turns) for turns in range(1, 100)))
    own = [1] * len(nodes)
    await wait_until(lambda: [node.connections() for node in nodes] == own, "all are closed")


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("redis+cluster://127.0.0.1:7000", True),
        ("rediss+cluster://:pw@redis.example", True),
        ("rediss://:a+cluster://b@redis.example", False),
        ("redis://127.0.0.1", False),
    ],
)
def test_the_scheme_says_that_it_is_a_cluster(url: str, *, is_one: bool) -> None:
    """Nothing else in the address, such as the password, decides that."""
    assert is_cluster(url) is is_one
