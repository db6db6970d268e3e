"""Runs the commands that need settings, each to its exit code."""

import asyncio
import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

from bot import doctor, why
from bot.app import open_bot
from bot.model.errors import OperatorError, SettingsError
from bot.model.findings import Finding
from bot.runtime import logs
from bot.runtime.http import raise_open_files
from bot.runtime.logs import audit_to, reason_of
from bot.settings import Settings, load_settings

log = logging.getLogger("bot")

OK, FAILED, MISUSED = 0, 1, 2

BAD = "✗"

GARBAGE = 10_000
"""Net allocations since the last collection that trigger the next one; Python's default is 700."""


def run(command: str, env_file: Path | None, message: str = "") -> int:
    """Run a command with the settings of `env_file`, or of .env; `why` is about a `message`."""
    place = why.parse_place(message)
    if command == "why" and place is None:
        _show_problems([why.NO_MESSAGE])
        return MISUSED
    needs_transport = command in {"run", "doctor"}
    file = env_file or Path(".env")
    try:
        settings = load_settings(env_file=file, needs_transport=needs_transport)
    except SettingsError as error:
        lacks = any(": missing" in one for one in error.problems)
        absent = (f"No {file} in {Path.cwd()}.",) if lacks and not file.exists() else ()
        _show_problems(error.problems, *absent)
        return MISUSED
    logs.configure(settings.log_level, settings.log_format, settings.secrets())
    if command == "doctor":
        return _run(_tell(doctor.findings(settings)), settings)
    if place is not None:
        return _run(_tell(why.findings(settings, place)), settings)
    for doubt in settings.doubts:
        log.warning("check the settings", extra={"reason": doubt})
    if settings.audit_log is not None:
        try:
            audit_to(settings.audit_log, settings.secrets())
        except OSError as error:
            expected = Settings.model_fields["audit_log"].description
            _show_problems([f"AUDIT_LOG: {reason_of(error)}; expected {expected}"])
            return MISUSED
    return _run(_serve(settings, listens=command == "run"), settings)


async def _tell(findings: AsyncIterator[Finding]) -> int:
    problems = 0
    try:
        async for finding in findings:
            problems += not finding.is_good
            _show(finding)
        sys.stdout.write(f"{_counted(problems)}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `doctor | head -3`; the interpreter would try to flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED if problems else OK


async def _serve(settings: Settings, *, listens: bool) -> int:
    """Serve until a signal; a signal during the wait for Redis or Slack ends the wait."""
    raise_open_files()
    stop = asyncio.Event()
    starting: asyncio.Task[Any] | None = asyncio.current_task()

    def on_signal() -> None:
        if starting is not None and not stop.is_set():
            starting.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        async with open_bot(settings, listens=listens):
            starting = None
            # What exists now stays for good, so later collections need not look at it again.
            gc.collect()
            gc.freeze()
            # Hardly anything here forms cycles, and looking for them so often took 6 % of a reply.
            gc.set_threshold(GARBAGE)
            await stop.wait()
            log.info("stopping: finishing what was begun")
    except asyncio.CancelledError:
        if starting is None:
            raise
    return OK


def _run(work: Coroutine[Any, Any, int], settings: Settings) -> int:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except OperatorError as error:
        why = str(error)
    except OSError as error:
        why = f"Can't start: {error.strerror or type(error).__name__}"
        if error.errno == errno.EADDRINUSE:
            why = f"Port {settings.port} is already in use. Set PORT to another one."
    sys.stderr.write(f"{why}\n")
    return FAILED


def _show(finding: Finding) -> None:
    says = finding.says.replace("\n", "\n    ")
    mark = BAD if not finding.is_good else "!" if finding.warns else "✓"
    sys.stdout.write(f"{mark} {finding.what}: {says}\n")
    if finding.fix:
        sys.stdout.write(f"  → {finding.fix}\n")
    sys.stdout.flush()


def _show_problems(problems: Sequence[str], *notes: str) -> None:
    lines = *(f"{BAD} {problem}" for problem in problems), *notes, _counted(len(problems))
    sys.stderr.writelines(f"{line}\n" for line in lines)


def _counted(problems: int) -> str:
    return f"{problems or 'No'} problem{'' if problems == 1 else 's'} found"
