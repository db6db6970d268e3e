"""The processes of a contestant: started beside a wire, waited for, and ended."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import aiohttp

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0
LOG = "contestant.log"


class Servers(Protocol):
    """Slack and Devin: the wire, or the sandbox's."""

    def environ(self) -> Mapping[str, str]:
        """Return the settings of a client of these servers."""

    async def connected(self, seconds: float) -> None:
        """Wait for a Socket Mode connection."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program to measure: its name on the page, and Python's arguments.

    If it `may_lose` replies, the lost ones are counted; otherwise a lost one ends the run. `root`
    is the checkout that it imports from.
    """

    name: str
    command: Sequence[str]
    may_lose: bool = False
    has_redis: bool = True
    root: Path = ROOT

    @property
    def is_relay(self) -> bool:
        """True for this checkout's relay, and for another's."""
        return self.command == RELAY.command


RELAY = Contestant("relay", ("-m", "bot", "run"))
WORKER = Contestant("worker", ("-m", "bot", "worker"))
SCRIPT = Contestant(
    "script", (str(ROOT / "benchmarks" / "script.py"),), may_lose=True, has_redis=False
)
FLOOR = Contestant("floor", ("-m", "benchmarks.floor"))


def commit_of(root: Path) -> str:
    """Return the short commit of a checkout, with a `+` if files differ from it."""
    git = ("git", "-C", str(root))
    head = subprocess.check_output([*git, "rev-parse", "--short", "HEAD"], text=True).strip()  # noqa: S603  (git, by its arguments)
    is_changed = subprocess.call([*git, "diff", "--quiet", "HEAD"]) != 0  # noqa: S603  (git, by its arguments)
    return f"{head}+" if is_changed else head


def relay_of(root: Path) -> Contestant:
    """Return the relay of another checkout, named by its commit."""
    return replace(RELAY, name=f"relay {commit_of(root)}", root=root.resolve())


async def until_connected(
    servers: Servers, process: asyncio.subprocess.Process, who: Contestant, home: Path
) -> None:
    """Wait for the contestant's connection, or raise an error that says why there will be none."""
    ended = asyncio.create_task(process.wait())
    greeted = asyncio.create_task(servers.connected(START_SECONDS))
    await asyncio.wait({ended, greeted}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not greeted.done():
        greeted.cancel()
        code = process.returncode
        raise RuntimeError(f"{who.name} ended with exit code {code}:\n{last_words(home)}")
    await greeted


def last_words(home: Path) -> str:
    """Return the end of the log of the contestant at `home`."""
    return "\n".join((home / LOG).read_text().splitlines()[-8:])


@asynccontextmanager
async def started(
    contestant: Contestant,
    servers: Servers,
    home: Path,
    port: int = 0,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process of `contestant`, which keeps its data and its log in `home`."""
    ours = {
        "PYTHONPATH": str(contestant.root),
        "DATA_DIR": str(home / "data"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": "INFO",
    }
    with (home / LOG).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            os.environ.get("CONTESTANT_PYTHON") or sys.executable,
            *contestant.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            env=os.environ | {**servers.environ()} | ours | dict(settings or {}),
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def started_worker(servers: Servers, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker beside a relay in the same `home`, and wait until it is ready."""
    port = free_port()
    async with started(WORKER, servers, home, port) as process, aiohttp.ClientSession() as http:
        async with asyncio.timeout(START_SECONDS):
            while not await _is_ready(http, f"http://127.0.0.1:{port}/readyz"):  # noqa: ASYNC110  (another process gives no event)
                await asyncio.sleep(0.05)
        yield process


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
