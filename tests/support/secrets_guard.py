"""Fails a test whose output shows a token, key or signing secret; registered by `conftest.py`.

It checks pytest's captured output, every log record with its fields and traceback, the output of a
test's own processes (`look_at`), and the `*.log` files that they left in its `tmp_path`.
"""

import logging
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from sandbox.slack.server import SlackSandbox

SECRET = re.compile(
    r"xox[a-z]-[\w-]{5,}|xapp-[\w-]{5,}|apk_[\w-]{6,}|\bcog_[\w-]{6,}|redis-pass|"
    + re.escape(SlackSandbox.signing_secret)
)
"""The patterns of tokens and keys, and the secrets without a pattern."""

_FORMAT = logging.Formatter()
_found: list[str] = []


def look_at(text: str, where: str) -> None:
    """Make the running test fail if `text` shows a secret."""
    match = SECRET.search(text)
    if match is not None:
        _found.append(f"{where} shows {match[0][:9]}… at {match.start()}")


class _Listener(logging.Handler):
    """Checks log records as they are made: fields missing from a line may be in other formats."""

    def emit(self, record: logging.LogRecord) -> None:
        trace = _FORMAT.formatException(record.exc_info) if record.exc_info else ""
        look_at(f"{record.getMessage()} {vars(record)} {trace}", f"a record of {record.name}")


def pytest_configure() -> None:
    """Listen to all logging of this process."""
    logging.getLogger().addHandler(_Listener())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a report of a test, or of its setup or teardown, into a failure."""
    report = yield
    for name, text in report.sections:
        look_at(text, name)
    if call.when == "teardown":
        for path in _logs(item):
            look_at(path.read_text(errors="replace"), path.name)
    if _found and report.outcome == "passed":
        report.outcome = "failed"
        report.longrepr = "\n".join(["A secret is in the output:", *_found])
    _found.clear()
    return report


def _logs(item: pytest.Item) -> Iterator[Path]:
    home = getattr(item, "funcargs", {}).get("tmp_path")
    return home.rglob("*.log") if isinstance(home, Path) else iter(())
