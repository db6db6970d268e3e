"""The command line: `python -m bot run | worker | check | layout | manifest`.

Exit codes: 0 success or stopped by a signal, 1 a problem that an operator must fix, 2 bad settings.
"""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import bot.slim  # noqa: F401  (before any import of httpx)
from bot.app import open_bot
from bot.doctor import findings
from bot.layout import move_keys_back
from bot.model.errors import OperatorError, SettingsError
from bot.runtime import logs
from bot.runtime.connections import raise_open_files
from bot.settings import Settings, load_settings
from bot.slack.app.manifest import manifest_yaml

log = logging.getLogger("bot")

OK, FAILED, MISUSED = 0, 1, 2

GARBAGE = 10_000
"""Net allocations since the last collection that trigger the next one; Python's default is 700."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "manifest":
        return _manifest(arguments)
    try:
        settings = load_settings(needs_transport=arguments.command not in {"worker", "layout"})
    except SettingsError as error:
        for problem in error.problems:
            _say(problem)
        return MISUSED
    logs.configure(settings.log_level, settings.log_format, settings.secrets())
    if arguments.command == "check":
        return _run(_check(settings))
    if arguments.command == "layout":
        return _run(_layout(settings))
    return _run(_serve(settings, listens=arguments.command == "run"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="listen to Slack and deliver to Devin, in one process")
    commands.add_parser("worker", help="deliver only, beside `run`, to scale out")
    commands.add_parser("check", help="look at each credential, scope, Redis and Devin")
    layout = commands.add_parser("layout", help="move the keys in Redis, before a downgrade")
    layout.add_argument("which", choices=["former"], help="as the version before has them")
    manifest = commands.add_parser("manifest", help="print the Slack app manifest")
    manifest.add_argument("--url", help="https address of this deployment, for HTTP mode")
    manifest.add_argument(
        "--workflow-steps", action="store_true", help="with Workflow Builder steps (paid plans)"
    )
    return parser


def _manifest(arguments: argparse.Namespace) -> int:
    try:
        text = manifest_yaml(url=arguments.url, workflow_steps=arguments.workflow_steps)
    except ValueError as error:
        _say(f"--url {error}")
        return MISUSED
    sys.stdout.write(text)
    return OK


async def _check(settings: Settings) -> int:
    all_good = True
    async for finding in findings(settings):
        all_good &= finding.is_good
        sys.stdout.write(f"{'ok ' if finding.is_good else 'BAD'}  {finding.what}: {finding.says}\n")
    return OK if all_good else FAILED


async def _layout(settings: Settings) -> int:
    moved = await move_keys_back(settings)
    sys.stdout.write(f"{moved} keys moved; now start the version before\n")
    return OK


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
    # One task enters and leaves the bot: docket's worker keeps context variables.
    async with open_bot(settings, listens=listens) as bot:
        # What exists now stays for good, so later collections need not look at it again.
        gc.collect()
        gc.freeze()
        # Hardly anything here forms cycles, and looking for them so often took 6 % of a reply.
        gc.set_threshold(GARBAGE)
        started.set()
        if await _first(bot.working, stop):
            await bot.working
            raise OperatorError("the worker ended by itself")
        log.info("stopping: finishing what was begun")
    return OK


async def _first(task: asyncio.Task[Any], stop: asyncio.Event) -> bool:
    """Return True if `task` ended before `stop` was set; otherwise the task keeps running."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return task.done()


def _run(work: Coroutine[Any, Any, int]) -> int:
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    except OperatorError as error:
        _say(str(error))
        return FAILED
    except OSError as error:
        _say(f"cannot start: {error.strerror or type(error).__name__}")
        return FAILED


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415  (it does not exist on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
