"""Real processes for tests: the bot by its command line, and a Valkey that can be stopped."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.embedded import _binary
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
INHERITED = ("PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BotProcess:
    """`python -m bot …`, running; its output is kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out, self.err = "", ""
        self._reading = [
            asyncio.create_task(self._read("out", process.stdout)),
            asyncio.create_task(self._read("err", process.stderr)),
        ]

    async def ends(self) -> int:
        """Its exit code, once it ended by itself."""
        async with asyncio.timeout(20):
            code = await self.process.wait()
            await asyncio.gather(*self._reading)
        return code

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ends()

    async def until_logged(self, words: str) -> None:
        """Wait until `words` are in its log; fail when it ends without them."""
        await wait_until(
            lambda: words in self.err or self.process.returncode is not None,
            f"the bot logs {words!r}: {self.err}",
        )
        assert words in self.err, self.err

    async def _read(self, name: str, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        while chunk := await stream.read(65536):
            setattr(self, name, getattr(self, name) + chunk.decode())


@asynccontextmanager
async def bot_process(
    environ: Mapping[str, str], cwd: Path, *arguments: str
) -> AsyncIterator[BotProcess]:
    """Start `python -m bot` with `arguments` in `cwd`; the block's end kills what still runs."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), **environ},
    )
    running = BotProcess(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.ends()


async def command(environ: Mapping[str, str], cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `python -m bot` to its end: exit code, stdout, stderr."""
    async with bot_process(environ, cwd, *arguments) as running:
        code = await running.ends()
        return code, running.out, running.err


class ValkeyProcess:
    """A Valkey on one port and directory, which keeps its data over stops and starts."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        home.mkdir()
        self._home = home
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            *(str(_binary()), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self._home), "--save", "", "--loglevel", "warning"),
            *("--appendonly", "yes", "--appendfsync", "always"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await wait_until(self._answers, "Valkey answers")

    async def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None and self._process.returncode is None:
            self.thaw()
            self._process.terminate()
            await self._process.wait()

    async def kill(self) -> None:
        """End it as a machine's failure does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def freeze(self) -> None:
        """Let it answer nothing, with all its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

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


@asynccontextmanager
async def kept_valkey(home: Path) -> AsyncIterator[ValkeyProcess]:
    """A running Valkey that keeps its data in the new directory `home`."""
    server = ValkeyProcess(home)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
