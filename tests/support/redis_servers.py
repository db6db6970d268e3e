"""Servers for the tests: a Valkey, Debian's Redis, or a Cluster; none keeps its data."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

import redis

from bot.redis.embedded.server import _binary
from chaos.processes import free_port

SLOTS = 16384


class Kind(StrEnum):
    """The kinds of servers for the tests, as `TEST_REDIS` names them."""

    VALKEY = "valkey"
    DEBIAN = "debian"
    CLUSTER = "cluster"


def asked_for() -> Kind:
    """Return the kind that this test run uses."""
    return Kind(os.environ.get("TEST_REDIS") or "valkey")


def binary_of(kind: Kind) -> Path:
    """Return the server's program; fail if Debian's is requested but not installed."""
    if kind is not Kind.DEBIAN:
        return _binary()
    found = shutil.which("redis-server")
    assert found, "TEST_REDIS=debian needs a redis-server: apt-get install redis-server"
    return Path(found)


def node_url(url: str) -> str:
    """Return the address at which a client without Cluster support finds the same server."""
    return url.replace("+cluster", "", 1)


def cluster_options() -> tuple[str, ...]:
    """Return the options of a Cluster node; its second port is by default the first plus 10,000."""
    bus_port = str(free_port())
    return (
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        bus_port,
        "--cluster-node-timeout",
        "1000",
    )


@contextmanager
def serving(kind: Kind, home: Path, *options: str) -> Iterator[str]:
    """Run a server of that kind; yield its address."""
    if kind is Kind.CLUSTER:
        with serving_cluster(home, 1, *options) as ports:
            yield f"redis+cluster://127.0.0.1:{ports[0]}"
    else:
        with _server(binary_of(kind), home, *options) as port:
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def serving_cluster(home: Path, nodes: int, *options: str) -> Iterator[Sequence[int]]:
    """Run a Cluster whose nodes share the slots evenly; yield their ports."""
    with ExitStack() as stack:
        ports = []
        for number in range(nodes):
            place = home / f"node-{number}"
            place.mkdir()
            server = _server(binary_of(Kind.CLUSTER), place, *cluster_options(), *options)
            ports.append(stack.enter_context(server))
        form_cluster(ports)
        yield ports


def form_cluster(ports: Sequence[int], firsts: Sequence[int] | None = None) -> None:
    """Give each node slots, evenly or from `firsts` on; wait until all have met and agree."""
    firsts = firsts or [number * SLOTS // len(ports) for number in range(len(ports))]
    for number, (port, first, end) in enumerate(
        zip(ports, firsts, [*firsts[1:], SLOTS], strict=True)
    ):
        with redis.Redis(port=port) as node:
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for other in ports[:number]:
            meet(port, other)
    for port in ports:
        _until(lambda port=port: _is_formed(port, len(ports)), "the nodes agree")  # type: ignore[misc]


def meet(port: int, other: int) -> None:
    """Introduce one node to another."""
    with redis.Redis(port=other, decode_responses=True) as node:
        bus_port = str(node.config_get("cluster-port")["cluster-port"])
    with redis.Redis(port=port) as node:
        node.execute_command("CLUSTER MEET", "127.0.0.1", other, bus_port)


def replicate(port: int, primary: int) -> None:
    """Make a new node the replica of another, and wait until it has all of its data."""
    with redis.Redis(port=port, decode_responses=True) as node:
        with redis.Redis(port=primary, decode_responses=True) as source:
            wanted = source.execute_command("CLUSTER MYID")
        meet(port, primary)
        _until(lambda: wanted in str(node.execute_command("CLUSTER NODES")), "they have met")
        node.execute_command("CLUSTER REPLICATE", wanted)
        _until(lambda: node.info("replication")["master_link_status"] == "up", "it has caught up")


def _is_formed(port: int, nodes: int) -> bool:
    with redis.Redis(port=port, decode_responses=True) as node:
        is_up = node.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
        return is_up and len(node.execute_command("CLUSTER SLOTS")) == nodes


@contextmanager
def _server(binary: Path, home: Path, *options: str) -> Iterator[int]:
    port = free_port()
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
    command += ["--save", "", "--appendonly", "no", "--loglevel", "warning", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            _until(lambda: _answers(port), f"{binary.name} answers")
            yield port
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def _until(predicate: Callable[[], bool], description: str) -> None:
    deadline = time.monotonic() + 15
    while not predicate():
        assert time.monotonic() < deadline, f"not within 15 s: {description}"
        time.sleep(0.02)
