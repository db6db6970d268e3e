"""Bots for tests: those of production, but in a hurry, and no answer is late on a slow machine."""

from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from typing import Any

import pytest

import bot.app
from bot.app import Bot
from bot.settings import Settings
from bot.timing import TIMING

BRISK = TIMING.at(tempo=10, patience=30)
"""Short pauses, and deadlines that nothing misses."""

_TIMES = frozenset(one.name for one in fields(BRISK))


def open_bot(settings: Settings, **given: Any) -> AbstractAsyncContextManager[Bot]:
    """Open a bot as production does, with the times of tests.

    A test of one time gives it by its name in `Timing`.
    """
    times = {name: value for name, value in given.items() if name in _TIMES}
    others = {name: value for name, value in given.items() if name not in _TIMES}
    return bot.app.open_bot(settings, timing=replace(BRISK, **times), **others)


ON_TIME = {name: getattr(TIMING, name) for name in sorted(_TIMES) if name.endswith("_seconds")}
"""The deadlines of production, for a test of what an answer does that comes late."""

on_time: pytest.MarkDecorator = pytest.mark.times(**ON_TIME)
"""Gives the fixture `bot` these deadlines."""
