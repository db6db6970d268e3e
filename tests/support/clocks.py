"""Clocks that tests set."""

import sys
import time
from datetime import datetime, timedelta, tzinfo
from types import ModuleType
from typing import Any

import pytest


class SetClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the time, as `time.monotonic` does."""
        return self.now


class WallClock:
    """The clock on the wall of a bot's machine, `ahead` of the true time by so many seconds.

    The local Slack and Devin, and Redis, are other machines, and have the true time.
    """

    def __init__(self) -> None:
        self.ahead = 0.0

    def hang(self, patch: pytest.MonkeyPatch) -> None:
        """Give it to all modules of the bot, in place of Python's."""
        wall = self

        class Seconds(ModuleType):
            def __getattr__(self, name: str) -> Any:
                return getattr(time, name)

            def time(self) -> float:
                return time.time() + wall.ahead

        class Dates(type):
            def __instancecheck__(cls, value: object) -> bool:
                return isinstance(value, datetime)

        class Calendar(datetime, metaclass=Dates):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(seconds=wall.ahead)

        given = {id(time): Seconds("time"), id(datetime): Calendar}
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in {"bot", "handlers"}:
                for known, value in list(vars(module).items()):
                    if id(value) in given:
                        patch.setattr(module, known, given[id(value)])
