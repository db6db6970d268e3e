"""Runs the commands that need settings, each to its exit code."""

import asyncio
import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bot.app import open_bot
from bot.doctor import findings
from bot.model.errors import OperatorError, SettingsError
from bot.runtime import logs
from bot.runtime.audit import audit_to, reason_of
from bot.runtime.open_files import raise_open_files
from bot.settings import Settings, load_settings
from bot.terminal import counted, show, show_problems

log = logging.getLogger("bot")

OK, FAILED, MISUSED = 0, 1, 2

GARBAGE = 10_000
"""Net allocations since the last collection that trigger the next one; Python's default is 700."""


def run(command: str, env_file: Path | None) -> int:
    """Run `run`, `worker` or `doctor` with the settings of `env_file`, or of .env."""
    needs_transport = command != "worker"
    file = env_file or Path(".env")
    try:
        settings = load_settings(env_file=file, needs_transport=needs_transport)
    except SettingsError as error:
        lacks = any(": missing" in one for one in error.problems)
        absent = (f"No {file} in {Path.cwd()}.",) if lacks and not file.exists() else ()
        show_problems(error.problems, sys.stderr, *absent)
        return MISUSED
    logs.configure(settings.log_level, settings.log_format, settings.secrets())
    if command == "doctor":
        return _run(_doctor(settings), settings)
    for doubt in settings.doubts:
        log.warning("check the settings", extra={"reason": doubt})
    if settings.audit_log is not None:
        try:
            audit_to(settings.audit_log, settings.secrets())
        except OSError as error:
            expected = Settings.model_fields["audit_log"].description
            show_problems([f"AUDIT_LOG: {reason_of(error)}; expected {expected}"], sys.stderr)
            return MISUSED
    return _run(_serve(settings, listens=command == "run"), settings)


async def _doctor(settings: Settings) -> int:
    problems = 0
    try:
        async for finding in findings(settings):
            problems += not finding.is_good
            show(finding, sys.stdout)
        sys.stdout.write(f"{counted(problems)}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `doctor | head -3`; the interpreter would try to flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED if problems else OK


async def _serve(settings: Settings, *, listens: bool) -> int:
    """Serve until a signal; a signal during the wait for Redis or Slack ends the wait."""
    raise_open_files()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    started = asyncio.Event()
    serving = asyncio.create_task(_until(stop, started, settings, listens=listens))
    if not await _first(serving, stop) and not started.is_set():
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        return OK
    return await serving


async def _until(
    stop: asyncio.Event, started: asyncio.Event, settings: Settings, *, listens: bool
) -> int:
    async with open_bot(settings, listens=listens):
        # What exists now stays for good, so later collections need not look at it again.
        gc.collect()
        gc.freeze()
        # Hardly anything here forms cycles, and looking for them so often took 6 % of a reply.
        gc.set_threshold(GARBAGE)
        started.set()
        await stop.wait()
        log.info("stopping: finishing what was begun")
    return OK


async def _first(task: asyncio.Task[Any], stop: asyncio.Event) -> bool:
    """Return True if `task` ended before `stop` was set; otherwise the task keeps running."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return task.done()


def _run(work: Coroutine[Any, Any, int], settings: Settings) -> int:
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    except OperatorError as error:
        _say(str(error))
        return FAILED
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            _say(f"Port {settings.port} is already in use. Set PORT to another one.")
        else:
            _say(f"Can't start: {error.strerror or type(error).__name__}")
        return FAILED


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415  (it does not exist on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
