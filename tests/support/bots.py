"""Bots for tests: those of production, but in a hurry, and no answer is late on a slow machine."""

from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import bot.app
from bot.app import Bot
from bot.settings import Settings
from bot.timing import TIMING, Timing
from sandbox import Sandbox
from sandbox.launch import environment_of

ACK_SECONDS = 30.0
"""What the real Slack waits 3 s for. A slow machine must not have an event sent twice."""


def paced(timing: Timing, *, tempo: float, patience: float) -> Timing:
    """Return a value with pauses shorter by `tempo`, and deadlines longer by `patience`."""
    times: dict[str, Any] = {one.name: getattr(timing, one.name) for one in fields(timing)}
    for name, time in times.items():
        if name.endswith("_seconds"):
            times[name] = time * patience
        elif name.endswith("_pause"):
            times[name] = time / tempo
        elif name.endswith("_pauses"):
            times[name] = tuple(one / tempo for one in time)
    return Timing(**times)


BRISK = paced(TIMING, tempo=10, patience=30)
"""Short pauses, and deadlines that nothing misses."""

DEVIN_HANGS = {f"{name}_seconds": 0.8 for name in ("list", "read")}
"""Short deadlines of all reads, for a test in which Devin answers none."""

_TIMES = frozenset(one.name for one in fields(BRISK))


def open_bot(settings: Settings, **given: Any) -> AbstractAsyncContextManager[Bot]:
    """Open a bot as production does, with the times of tests.

    A test of one time gives it by its name in `Timing`.
    """
    times = {name: value for name, value in given.items() if name in _TIMES}
    others = {name: value for name, value in given.items() if name not in _TIMES}
    return bot.app.open_bot(settings, timing=replace(BRISK, **times), **others)


def environ_of(box: Sandbox, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Return the settings that point a bot at the sandbox and at a Redis."""
    return {
        **environment_of(box.slack, box.devin),
        "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path / "data"),
        "DEVIN_READS": "3000",  # ten times as many as usual, since sessions are polled as often
        "HOST": "127.0.0.1",
        "PORT": "0",
    }


async def reached(bot: Bot, box: Sandbox) -> None:
    """Wait for the bot's connection, or tell the local Slack the bot's request URL."""
    if box.slack.transport == "socket":
        await box.slack.wait_connected()
    else:
        box.slack.request_url = f"http://127.0.0.1:{bot.port}/slack/events"
