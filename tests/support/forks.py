"""A fork server for bot processes: it imports the bot once, and each process is a fork of it.

Importing takes a process a second of CPU time, which is most of what a short one needs.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from asyncio import StreamReader, StreamReaderProtocol
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

from bot.__main__ import main
from chaos.processes import ROOT, environment

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["uvloop", "bot.commands", __name__])


class _Passed:
    """A file descriptor that has its number in the fork once it arrives there."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        # Only now, while the fork is being started, is it passed along with the request for it.
        return _received, (DupFd(self._number),)


def _received(passed: Any) -> int:
    number: int = passed.detach()
    return number


def _become(arguments: Sequence[str], environ: Mapping[str, str], cwd: Path, *ends: int) -> None:
    """Be `python -m bot` in this new process, which has its own session."""
    os.setsid()
    os.chdir(cwd)
    for number, end in enumerate(ends, start=1):
        os.dup2(end, number)
        os.close(end)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [str(ROOT / "bot" / "__main__.py"), *arguments]
    sys.exit(main())


class Fork:
    """A fork that became `python -m bot`, with what the tests use of asyncio's `Process`."""

    def __init__(self, environ: Mapping[str, str], cwd: Path, *arguments: str) -> None:
        self.stdout, self.stderr = StreamReader(), StreamReader()
        self._pipes: list[asyncio.ReadTransport] = []
        (self._out, out), (self._err, err) = os.pipe(), os.pipe()
        given = (arguments, environment(environ), cwd, _Passed(out), _Passed(err))
        self._process = _server.Process(target=_become, args=given, daemon=True)
        self._process.start()
        os.close(out)
        os.close(err)

    async def connect(self) -> None:
        """Read its output as it comes."""
        loop = asyncio.get_running_loop()
        for stream, end in ((self.stdout, self._out), (self.stderr, self._err)):
            pipe = os.fdopen(end, "rb", buffering=0)
            transport, _ = await loop.connect_read_pipe(
                lambda one=stream: StreamReaderProtocol(one),  # type: ignore[misc]
                pipe,
            )
            self._pipes.append(transport)

    @property
    def pid(self) -> int:
        """The number by which the system knows it."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close its output once all of it is read: uvloop leaves a pipe open at its end."""
        for pipe in self._pipes:
            pipe.close()

    async def wait(self) -> int:
        """Wait until it ends, and return its exit code."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        assert self.returncode is not None
        return self.returncode
