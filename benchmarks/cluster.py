"""A reply's steps on a Cluster of three nodes, with the keys of 30 workspaces.

With all keys in one slot, one node does all the work; with a slot for each workspace, the nodes
share it. This process and the nodes share one machine, so the rate says little; what bounds a
Cluster is the CPU time of its busiest node.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from benchmarks.contest import Values
from benchmarks.payloads import PEOPLE, message
from benchmarks.plan import Plan
from benchmarks.processes import free_port
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, micros_ts
from bot.redis.connection import Store, open_store
from bot.redis.embedded.server import _binary
from bot.store.links import Links
from bot.store.mailbox import Head, Mailbox
from bot.timing import Timing

NODES, SLOTS = 3, 16_384
WORKSPACES = 30
TTL = timedelta(days=90)
PATIENCE_SECONDS = 30.0
BEGAN = Micros(1_764_000_000_000_000)
DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)


@dataclass(frozen=True, slots=True)
class _Used:
    """What a node has done: seconds of CPU time, and scripts."""

    cpu: float
    scripts: int


class _Ports(NamedTuple):
    """A node's port, and the one for the other nodes."""

    port: int
    bus: int


class _Workspaces:
    """Thirty workspaces, each with a linked session; `stores` has the store of each."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._mailboxes = [Mailbox(store, TTL) for store in stores]
        self._links = [Links(store, TTL) for store in stores]
        self._written = 0

    async def link(self) -> None:
        """Link the thread of each workspace."""
        for number, links in enumerate(self._links):
            link = Link(
                session=_session(number), by=UserId(PEOPLE[0]), linked_at=int(BEGAN) // 1_000_000
            )
            await links.create(_thread(number), link)

    async def replies(self, rounds: int) -> int:
        """Bring that many replies in each workspace through all steps; return how many in all."""
        for _ in range(rounds):
            await asyncio.gather(*(self._reply(number) for number in range(WORKSPACES)))
        return rounds * WORKSPACES

    async def _reply(self, number: int) -> None:
        self._written += 1
        mailbox, session = self._mailboxes[number], _session(number)
        text = f"reply {self._written:07d}"
        reply = Reply(
            thread=_thread(number),
            ts=micros_ts(BEGAN + self._written),
            author=UserId(PEOPLE[0]),
            text=text,
            blocks=tuple(message(text)["blocks"]),
        )
        await mailbox.accept(reply, session, timedelta(0))
        head = await mailbox.take(session, "token")
        if not isinstance(head, Head):
            raise RuntimeError(f"nothing to take: {head}")  # noqa: TRY004  (a state, not a type)
        await mailbox.finish(session, "token", head, DELIVERED, go_on=False)


async def cluster(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """Measure a reply's steps with all keys in one slot, and with a slot for each workspace."""
    async with _nodes() as ports, AsyncExitStack() as stack:
        url = f"redis+cluster://127.0.0.1:{ports[0]}"
        opened = await stack.enter_async_context(
            open_store(url, Timing(redis_seconds=PATIENCE_SECONDS))
        )
        nodes = [await stack.enter_async_context(Redis(port=port)) for port in ports]
        cases = {
            "one slot for all": _Workspaces([opened] * WORKSPACES),
            "one slot a workspace": _Workspaces([opened.of(_team(n)) for n in range(WORKSPACES)]),
        }
        for workspaces in cases.values():
            await workspaces.link()
            await workspaces.replies(1)
        for _ in range(rounds):
            for case, workspaces in cases.items():
                yield case, await _measured(workspaces, nodes, max(1, plan.samples // 5))


async def _measured(workspaces: _Workspaces, nodes: Sequence[Redis], rounds: int) -> Values:
    before = [await _used(node) for node in nodes]
    began = time.perf_counter()
    done = await workspaces.replies(rounds)
    took = time.perf_counter() - began
    after = [await _used(node) for node in nodes]
    cpu = [now.cpu - was.cpu for was, now in zip(before, after, strict=True)]
    scripts = [now.scripts - was.scripts for was, now in zip(before, after, strict=True)]
    return {
        "replies/s": done / took,
        "busiest node, CPU µs a reply": 1e6 * max(cpu) / done,
        "all nodes, CPU µs a reply": 1e6 * sum(cpu) / done,
        "its scripts %": 100 * max(scripts) / sum(scripts),
        "replies/s until its core is full": done / max(cpu),
    }


async def _used(node: Redis) -> _Used:
    cpu, commands = await node.info("cpu"), await node.info("commandstats")
    calls = commands.get("cmdstat_evalsha", {"calls": 0})["calls"]
    return _Used(cpu["used_cpu_user"] + cpu["used_cpu_sys"], calls)


@asynccontextmanager
async def _nodes() -> AsyncIterator[Sequence[int]]:
    """Run a Cluster whose nodes share the slots evenly, and sync each write; yield their ports."""
    async with AsyncExitStack() as stack:
        homes = [stack.enter_context(TemporaryDirectory()) for _ in range(NODES)]
        ports = [await stack.enter_async_context(_node(home)) for home in homes]
        await _form(ports)
        yield [port for port, _ in ports]


@asynccontextmanager
async def _node(home: str) -> AsyncIterator[_Ports]:
    port, bus = free_port(), free_port()
    options = {
        "port": port,
        "cluster-port": bus,
        "bind": "127.0.0.1",
        "dir": home,
        "cluster-enabled": "yes",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
    }
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(_binary(), *words, stdout=quiet)
    try:
        await _until(partial(_answers, port))
        yield _Ports(port, bus)
    finally:
        server.terminate()
        await server.wait()


async def _form(ports: Sequence[_Ports]) -> None:
    """Give each node its slots, and wait until all agree."""
    for number, (port, bus) in enumerate(ports):
        first, end = (one * SLOTS // NODES for one in (number, number + 1))
        await _asked(port, "CLUSTER ADDSLOTSRANGE", first, end - 1)
        await _asked(port, "CLUSTER SET-CONFIG-EPOCH", number + 1)
        await _asked(ports[0].port, "CLUSTER MEET", "127.0.0.1", port, bus)
    for port, _ in ports:
        await _until(partial(_is_formed, port))


async def _answers(port: int) -> bool:
    try:
        return bool(await _asked(port, "PING"))
    except RedisConnectionError:
        return False


async def _is_formed(port: int) -> bool:
    is_up = (await _asked(port, "CLUSTER INFO"))["cluster_state"] == "ok"
    return is_up and len(await _asked(port, "CLUSTER SLOTS")) == NODES


async def _asked(port: int, *words: str | int) -> Any:
    node: Any = Redis(port=port, decode_responses=True)
    async with node:
        return await node.execute_command(*words)


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110  (it gives no event)
            await asyncio.sleep(0.02)


def _team(number: int) -> str:
    return f"T{number:08d}"


def _thread(number: int) -> ThreadRef:
    return ThreadRef(team=_team(number), channel="C00000000", thread_ts=micros_ts(BEGAN - 1))


def _session(number: int) -> SessionId:
    return SessionId(f"devin-{number:032x}")
