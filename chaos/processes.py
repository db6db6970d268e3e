"""Real processes, stopped as machines stop them: the bot's, and a Valkey's."""

import asyncio
import atexit
import contextlib
import os
import random
import secrets
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.redis.embedded.server import _binary

ROOT = Path(__file__).parent.parent
INHERITED = ("PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
START_SECONDS = 15.0
PAUSES = (0.1, 1.5)
LAST = 200
"""Characters of a line with a traceback, up to its end: the failure itself, and where."""
"""Range of seconds for which a bot process is missing before another takes its place."""


_PORTS = range(10_000, 32_000)
_CLAIMED = 100
"""The ports claimed at once by this process; those of a test run's servers are a dozen."""

_claims: deque[socket.socket] = deque()


def free_port() -> int:
    """Return a port that nobody listens on or has claimed, outside of the system's ephemeral range.

    Ephemeral ports begin at 32768 (Linux) or above: an outgoing connection, for example, could take
    one before our server binds it, or while it is stopped. Other callers, in any process, leave it
    alone, too: a UDP socket claims it until this process ends, or has claimed `_CLAIMED` others.
    """
    while True:
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", secrets.choice(_PORTS)))
            with socket.socket() as probe:
                probe.bind(claim.getsockname())
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        if len(_claims) > _CLAIMED:
            _claims.popleft().close()
        port: int = claim.getsockname()[1]
        return port


@atexit.register
def _give_back() -> None:
    for claim in _claims:
        claim.close()


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a bot process: `environ`, and little of this process's own."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "PYTHONPATH": str(ROOT), **environ}


async def start_bot(
    environ: Mapping[str, str], cwd: Path, *arguments: str, out: int | IO[bytes]
) -> asyncio.subprocess.Process:
    """Start `python -m bot` in `cwd`.

    It gets its own session, so that a Ctrl-C reaches only the process that started it.
    """
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=out,
        cwd=cwd,
        env=environment(environ),
        start_new_session=True,
    )


async def is_ready(port: int) -> bool:
    """Return True if the bot process on that port is ready, as it says itself."""
    try:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
    except httpx.TransportError:
        return False
    return answer.is_success


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a child, which may have ended.

    `Popen.send_signal` would collect its exit code first, so that asyncio reports 255 instead
    (Python 3.11, "Unknown child process").
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


class ValkeyProcess:
    """A Valkey on one port and directory, which keeps its data across restarts.

    `binary` is another server that takes the same options; `environ` is added to its environment.
    """

    def __init__(
        self,
        home: Path,
        *options: str,
        binary: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        home.mkdir()
        self._home = home
        self._options = options
        self._environ = {**os.environ, **(environ or {})}
        self._program = binary or _binary()
        self._running: asyncio.subprocess.Process | None = None

    @property
    def _process(self) -> asyncio.subprocess.Process:
        if self._running is None:
            raise RuntimeError("not started")
        return self._running

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._running = await asyncio.create_subprocess_exec(
            *(str(self._program), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self._home), "--save", "", "--loglevel", "warning"),
            *("--appendonly", "yes", "--appendfsync", "always", *self._options),
            stdout=asyncio.subprocess.DEVNULL,
            env=self._environ,
            start_new_session=True,
        )
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():  # noqa: ASYNC110  (another process gives no event)
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Terminate it as an operator does."""
        if self._running is not None and self._running.returncode is None:
            self.thaw()
            send(self._process, signal.SIGTERM)
            await self._process.wait()

    async def kill(self) -> None:
        """Kill it as a machine's failure does."""
        send(self._process, signal.SIGKILL)
        await self._process.wait()

    def freeze(self) -> None:
        """Make it answer nothing, with all its connections open."""
        send(self._process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it resume."""
        send(self._process, signal.SIGCONT)

    async def tell(self, *words: str) -> None:
        """Run one command on it."""
        client = Redis.from_url(self.url)
        try:
            await client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's own
        finally:
            await client.aclose()

    async def _answers(self) -> bool:
        try:
            await self.tell("PING")
        except RedisError:
            return False
        return True


class Post:
    """A place for one bot process, which is replaced by another whenever it ends.

    `deaths` are the codes of exits that were not caused here, or that were errors.
    """

    def __init__(self, name: str, command: str, home: Path, seed: int) -> None:
        self.name = name
        self.deaths: list[int] = []
        self._command = command
        self._home, self._log = home, home / f"{name}.log"
        self._pauses = random.Random(f"{seed} {name}")  # noqa: S311  (repeatable, not secret)
        self._process: asyncio.subprocess.Process | None = None
        self._expected = False

    @property
    def tracebacks(self) -> Sequence[str]:
        """The lines of its log that have a traceback, by their ends."""
        with self._log.open(errors="replace") as log:
            return [line[-LAST:].strip() for line in log if "Traceback (most recent" in line]

    @property
    def is_ending(self) -> bool:
        """True if there is no process, or it was told to end."""
        return self._expected or self._process is None or self._process.returncode is not None

    async def keep(self, environ: Mapping[str, str]) -> None:
        """Start a process, and another after each end; on cancellation, kill the current one."""
        with self._log.open("ab") as log:
            try:
                while True:
                    self._expected = False
                    process = await start_bot(environ, self._home, self._command, out=log)
                    self._process = process
                    code = await process.wait()
                    if code > 0 or not self._expected:
                        self.deaths.append(code)
                    await asyncio.sleep(self._pauses.uniform(*PAUSES))
            finally:
                if self._process is not None and self._process.returncode is None:
                    send(self._process, signal.SIGKILL)
                    await self._process.wait()

    async def end(self, number: signal.Signals) -> None:
        """Send a signal that ends the process, once there is one."""
        process = await self._alive()
        self._expected = True
        send(process, number)

    async def freeze(self, seconds: float) -> None:
        """Stop the process with SIGSTOP, and resume it after that time unless it was killed."""
        process = await self._alive()
        send(process, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if process.returncode is None:
                send(process, signal.SIGCONT)

    async def _alive(self) -> asyncio.subprocess.Process:
        while self._process is None or self._process.returncode is not None:  # noqa: ASYNC110  (a pause's end)
            await asyncio.sleep(0.02)
        return self._process
