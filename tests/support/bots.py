"""Bots for tests: those of production, but in a hurry, and no answer is late on a slow machine."""

from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from typing import Any

import bot.app
from bot.app import Bot
from bot.settings import Settings
from bot.timing import TIMING, Timing


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
