"""The end of a test run reports skipped tests."""

import os
import subprocess
import sys
from pathlib import Path

SKIPPED = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_of_the_page(number):
    pytest.skip("there is no Chromium")
"""


def test_what_was_skipped_is_said_at_the_end_with_what_it_needs(tmp_path: Path) -> None:
    """There is one line for each file and reason, under a separate heading."""
    (tmp_path / "test_skipped.py").write_text(SKIPPED, encoding="utf-8")
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.not_run",
        "-p",
        "no:cacheprovider",
    ]
    ran = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert " NOT RUN " in ran.stdout
    assert "2 of test_skipped.py: there is no Chromium" in ran.stdout
