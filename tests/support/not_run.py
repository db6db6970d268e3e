"""A pytest plugin that names at the end what did not run, and what would run it."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each file and reason of skipped tests, in red."""
    skipped = terminalreporter.stats.get("skipped", [])
    counts = Counter(
        (report.nodeid.partition("::")[0], _reason(report.longrepr)) for report in skipped
    )
    if counts:
        terminalreporter.section("NOT RUN", red=True, bold=True)
    for (file, reason), number in sorted(counts.items()):
        terminalreporter.line(f"{number} of {file}: {reason}", red=True, bold=True)


def _reason(longrepr: object) -> str:
    words = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(words).removeprefix("Skipped: ")
