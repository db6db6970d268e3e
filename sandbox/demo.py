"""The demo: the sandbox and a real bot as two programs, with one thread already linked.

The bot is a child process with its own environment: none of the developer's Slack, Devin or Redis
settings and no `.env` reach it. It ends with the demo, however the demo ends.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.devin.server import DevinSandbox
from sandbox.devin.sessions import DEMO_SESSIONS
from sandbox.devin.v3.access import IMPERSONATE
from sandbox.launch import Sandbox, environment_of, free_port
from sandbox.slack.server import SlackSandbox

MEMBERS = ("ada", "ben")
ALERT = "The nightly build of `main` failed: `test_upload` timed out in 3 of 3 runs."
"""A thread to start a session in; the bot asks first whether Devin may read it."""

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 40.0
LINK_SECONDS = 15.0
GRACE_SECONDS = 15.0
TAIL_LINES = 40
PR_SET_PDEATHSIG = 1

SETTINGS = (
    "SLACK_", "DEVIN_", "REDIS_", "ALLOW_", "LOG_", "MIRROR", "START_", "ADMIN_", "AGENT", "ACT_AS",
    "DATA_DIR", "HOST", "PORT", "LINK_TTL", "GIVE_UP_AFTER", "DELIVERY_CONCURRENCY",
    "CATCH_UP", "FILE_LIMIT", "LIST_SESSIONS", "NOTIFY", "STARTS_", "AUDIT_LOG", "MAX_ACU",
)  # fmt: skip


class DemoError(Exception):
    """The demo cannot continue; the message says why."""


@dataclass(frozen=True, slots=True)
class Home:
    """The fresh directory of one demo, and the lock that keeps other demos out of it."""

    directory: Path
    lock: int

    @property
    def log(self) -> Path:
        """The file that receives the bot's output."""
        return self.directory / "bot.log"


async def run_demo(sandbox: Sandbox, stop: asyncio.Event, say: Callable[[str], None]) -> None:
    """Start the bot, link a thread, print the invitation, and keep running until `stop`.

    Raises `DemoError`, including the bot's output, if the bot exits or does not become ready.
    """
    sandbox.slack.bot_events = [*sandbox.slack.bot_events, "reaction_added"]
    know_members(sandbox.slack, sandbox.devin)
    with claimed_home(demo_homes(ROOT, os.environ)) as home:
        environment = bot_environment(os.environ, sandbox, home.directory)
        async with child([sys.executable, "-m", "bot", "run"], environment, home) as bot:
            try:
                await _while_alive(_prepare(sandbox.slack), bot, stop)
                if not stop.is_set():
                    say(invitation(sandbox.page.url))
                await _while_alive(stop.wait(), bot, stop)
            except DemoError as error:
                raise DemoError(f"{error}\n{_tail(home.log)}") from error


def demo_homes(root: Path, environ: Mapping[str, str]) -> Path:
    """Return where the directories of demos are: in a checkout, or in the user's cache."""
    if (root / "Makefile").exists():
        return root / ".demo"
    caches = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "devin-relay" / "demo"


def invitation(url: str) -> str:
    """Return the one line that a visitor needs."""
    return (
        f"Open {url} and press Tour, or reply in the thread: Devin answers there. "
        "Ctrl-C stops everything."
    )


def bot_environment(inherited: Mapping[str, str], sandbox: Sandbox, home: Path) -> dict[str, str]:
    """Return the inherited environment without settings and proxies, plus the sandbox's."""
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(SETTINGS) and not name.upper().endswith("_PROXY")
    }
    return (
        kept
        | environment_of(sandbox.slack, sandbox.devin)
        | {
            "ACT_AS": "known" if sandbox.devin.api == "v3" else "off",
            "DATA_DIR": str(home / "data"),
            "HOST": "127.0.0.1",
            "PORT": str(free_port("127.0.0.1", 0)),
            "LOG_FORMAT": "console",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "START_EMOJI": "robot_face",
            "START_EMOJI_CHANNELS": sandbox.slack.workspace.channel("general").id,
        }
    )


@contextmanager
def claimed_home(base: Path) -> Iterator[Home]:
    """Yield the first of `run-1`, `run-2`, … that no other demo holds, emptied.

    The bot inherits the lock, so that a bot that outlives a killed demo keeps its directory.
    """
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(1, 100):
        lock = os.open(base / f"run-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        directory = base / f"run-{number}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        try:
            yield Home(directory, lock)
        finally:
            os.close(lock)
        return
    raise DemoError(f"Every directory in {base} is in use by another demo.")


@asynccontextmanager
async def child(
    command: list[str], environment: Mapping[str, str], home: Home
) -> AsyncIterator[Process]:
    """Run a program in `home`; when the block exits, it has ended, by request or killed."""
    with home.log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=home.directory,
            env=dict(environment),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            start_new_session=True,
            pass_fds=[home.lock],
            preexec_fn=_end_with(os.getpid()),
        )
    try:
        yield process
    finally:
        await _end(process)


def _end_with(parent: int) -> Callable[[], None] | None:
    """Return the Linux hook that sends the child SIGTERM when its parent dies, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def ask_for_the_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the request
            os._exit(1)

    return ask_for_the_signal


async def _end(process: Process) -> None:
    """Send SIGTERM, allow time to drain, then send SIGKILL; return when the child has exited."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _while_alive(work: Coroutine[Any, Any, Any], bot: Process, stop: asyncio.Event) -> None:
    """Do the work until it is done, `stop` is set, or the bot has exited (`DemoError`)."""
    tasks = [asyncio.create_task(it) for it in (work, bot.wait(), stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        elif tasks[1].done() and not stop.is_set():
            raise DemoError(f"The relay exited with code {tasks[1].result()}. Its last lines:")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def know_members(slack: SlackSandbox, devin: DevinSandbox) -> None:
    """Make Ada and Ben members of the local Devin, as whom the bot may write.

    The app has the scopes of the manifest with `--emoji --act-as`.
    """
    slack.scopes = [*slack.scopes, "reactions:read", "users:read.email"]
    devin.permissions.add(IMPERSONATE)
    for name in MEMBERS:
        user = slack.workspace.user(name)
        devin.members.add(user.email, name=user.real_name)


async def _prepare(slack: SlackSandbox) -> None:
    """Wait for the bot; let an app post an alert, and people link a thread."""
    try:
        await slack.wait_connected(timeout=START_SECONDS)
    except TimeoutError as error:
        raise DemoError("The relay didn't connect to the local Slack. Its last lines:") from error
    changes = slack.subscribe()
    await slack.say(ALERT, user="bolt-ci", channel="general")
    root = await slack.say("Are the notes for 2.4 ready?", user="ada", channel="general")
    await slack.say("Not yet. Let's ask Devin.", user="ben", channel="general", thread=root)
    link = f"<@{slack.bot_user_id}> link {DEMO_SESSIONS[0][0]}"
    await slack.say(link, user="ada", channel="general", thread=root)
    try:
        async with asyncio.timeout(LINK_SECONDS):
            while not _has_answered(slack, root):
                await changes.get()
    except TimeoutError as error:
        raise DemoError(
            "The relay didn't answer when a thread was linked. Its last lines:"
        ) from error


def _has_answered(slack: SlackSandbox, root: str) -> bool:
    return any(message.user == slack.bot_user_id for message in slack.thread("general", root))


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])
