"""Real processes for tests: the bot, forked or as typed, and a Valkey that can be stopped."""

import asyncio
import codecs
import resource
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from chaos.processes import ValkeyProcess, free_port, start_bot
from tests.support import secrets_guard
from tests.support.forks import Fork
from tests.support.redis_servers import asked_for, binary_of
from tests.support.waiting import wait_until

__all__ = [
    "BotProcess",
    "ValkeyProcess",
    "bot_process",
    "command",
    "free_port",
    "kept_valkey",
    "open_files",
    "typed",
    "typed_process",
]


class BotProcess:
    """A running `python -m bot …`, whose output is kept."""

    def __init__(self, process: asyncio.subprocess.Process | Fork) -> None:
        self.process = process
        self.out, self.err = "", ""
        self._reading = [
            asyncio.create_task(self._read("out", process.stdout)),
            asyncio.create_task(self._read("err", process.stderr)),
        ]

    async def ends(self) -> int:
        """Wait until it exits on its own, and return its exit code."""
        try:
            async with asyncio.timeout(45):
                code = await self.process.wait()
                await asyncio.gather(*self._reading)
        except TimeoutError:
            raise AssertionError(f"it doesn't end: {self.out}{self.err}") from None
        secrets_guard.look_at(self.out + self.err, "a process of the bot")
        return code

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ends()

    async def until_logged(self, words: str) -> None:
        """Wait until `words` are in its log; fail if it ends without them."""
        await wait_until(
            lambda: words in self.err or self.process.returncode is not None,
            f"the bot logs {words!r}: {self.err}",
        )
        if self.process.returncode is not None:
            await asyncio.gather(*self._reading)  # it may have said that at its end
        assert words in self.err, self.err

    async def _read(self, name: str, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        decoder = codecs.getincrementaldecoder("utf-8")()  # a piece may end within a character
        while chunk := await stream.read(65536):
            setattr(self, name, getattr(self, name) + decoder.decode(chunk))


@asynccontextmanager
async def bot_process(
    environ: Mapping[str, str], cwd: Path, *arguments: str
) -> AsyncIterator[BotProcess]:
    """Fork `python -m bot` with `arguments` in `cwd`; the block's end kills it if it runs."""
    fork = Fork(environ, cwd, *arguments)
    await fork.connect()
    try:
        async with _until_end(BotProcess(fork)) as running:
            yield running
    finally:
        fork.close()


@asynccontextmanager
async def typed_process(
    environ: Mapping[str, str], cwd: Path, *arguments: str
) -> AsyncIterator[BotProcess]:
    """Start `python -m bot` as a shell does, which also starts Python and imports everything."""
    process = await start_bot(environ, cwd, *arguments, out=asyncio.subprocess.PIPE)
    async with _until_end(BotProcess(process)) as running:
        yield running


@asynccontextmanager
async def _until_end(running: BotProcess) -> AsyncIterator[BotProcess]:
    try:
        yield running
    finally:
        if running.process.returncode is None:
            running.process.kill()
        await running.ends()


async def command(environ: Mapping[str, str], cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """Fork `python -m bot`, and let it end; return exit code, stdout and stderr."""
    async with bot_process(environ, cwd, *arguments) as running:
        return await running.ends(), running.out, running.err


async def typed(environ: Mapping[str, str], cwd: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `python -m bot` as a shell does; return exit code, stdout and stderr."""
    async with typed_process(environ, cwd, *arguments) as running:
        return await running.ends(), running.out, running.err


@asynccontextmanager
async def kept_valkey(home: Path) -> AsyncIterator[ValkeyProcess]:
    """Run a Valkey, or Debian's Redis, that keeps its data in the new directory `home`."""
    server = ValkeyProcess(home, binary=binary_of(asked_for()))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextmanager
def open_files(soft: int) -> Iterator[None]:
    """Limit the open files of this process and its children in the block, unless one raises it."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
