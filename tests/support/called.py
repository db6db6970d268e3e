"""A plugin of pytest that notes which functions and scripts each test has called, in its process.

`-p tests.support.called` writes a file for each process into the folder `CALLED`.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch

import pytest

from bot.redis.connection import Store
from bot.redis.lua import commands
from bot.redis.pipelining import Script
from bot.store.lua import scripts

ROOT = Path(__file__).parents[2]
NAMES = {script: name for name, script in {**scripts.by_name, **commands.by_name}.items()}

found: dict[str, dict[str, float]] = defaultdict(dict)
"""The seconds of each test, by what it calls: `bot/app.py:12` where a function begins, or `lua`."""


def pytest_configure() -> None:
    """Note the scripts that are run."""
    run = Store.run

    async def noted(store: Store, script: Script, args: Sequence[str | int]) -> Any:
        _scripts.add(NAMES.get(script, ""))
        return await run(store, script, args)

    patch.object(Store, "run", noted).start()


_scripts: set[str] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note what one test calls, with its fixtures, if it passes."""
    codes = set[CodeType]()
    _scripts.clear()

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            codes.add(frame.f_code)

    began, failed = time.monotonic(), item.session.testsfailed
    sys.setprofile(called)
    try:
        return (yield)
    finally:
        sys.setprofile(None)
        passed = codes if item.session.testsfailed == failed else ()
        seconds = round(time.monotonic() - began, 2)
        for code in passed:
            path = Path(code.co_filename)
            if path.is_relative_to(ROOT) and path.parts[len(ROOT.parts)] in {"bot", "handlers"}:
                found[f"{path.relative_to(ROOT)}:{code.co_firstlineno}"][item.nodeid] = seconds
        for name in _scripts if passed else ():
            found[f"lua:{name}"][item.nodeid] = seconds


def pytest_sessionfinish() -> None:
    """Write what was found."""
    if found:
        home = Path(os.environ["CALLED"])
        (home / f"{os.getpid()}.json").write_text(json.dumps(found))
