"""The end of a test run reports what did not run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SKIPPED = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_of_the_page(number):
    pytest.skip("there is no Chromium")
"""


def test_what_did_not_run_is_said_at_the_end_with_what_it_needs(tmp_path: Path) -> None:
    """A line for each file and reason, if anything."""
    (tmp_path / "test_skipped.py").write_text(SKIPPED, encoding="utf-8")
    said = output_of(tmp_path)
    assert " NOT RUN " in said
    assert "2 of test_skipped.py: there is no Chromium" in said
    (tmp_path / "test_skipped.py").write_text("def test(): pass", encoding="utf-8")
    assert " NOT RUN " not in output_of(tmp_path)


def output_of(tests: Path) -> str:
    """Return what a run of the tests in a folder prints."""
    plain = ("-p", "tests.support.not_run", "-p", "no:cacheprovider", "-c", "/dev/null")
    ran = subprocess.run(
        (sys.executable, "-m", "pytest", *plain, "--rootdir", tests, tests),
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout
