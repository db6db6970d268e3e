"""A pytest plugin that names at the end what did not run, and what would run it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each file and reason of skipped tests, in red, and one for other files."""
    skipped = terminalreporter.stats.get("skipped", [])
    counts = Counter(
        (report.nodeid.partition("::")[0], _reason(report.longrepr)) for report in skipped
    )
    ignored: Sequence[str] = terminalreporter.config.getoption("ignore") or ()
    if counts or ignored:
        terminalreporter.section("NOT RUN", red=bool(counts), bold=True)
    for (file, reason), number in sorted(counts.items()):
        terminalreporter.line(f"{number} of {file}: {reason}", red=True, bold=True)
    if ignored:
        names = " ".join(sorted(Path(path).stem for path in ignored))
        terminalreporter.line(f"{len(ignored)} files, for `make test-sandbox`: {names}", bold=True)


def _reason(longrepr: object) -> str:
    words = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(words).removeprefix("Skipped: ")
