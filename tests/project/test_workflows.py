"""What GitHub runs: the gate for each change, and a release for each tag."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

CHANGELOG = """# Changelog

## [Unreleased]

- Later.

## [0.2.0] - 2026-11-26

- Now.

## [0.1.0] - 2026-11-01

- Before.

[0.2.0]: https://example.com
"""


def workflow(name: str) -> dict[str, Any]:
    """Return a workflow."""
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_a_workflow_may_only_read_unless_a_job_says_more(path: Path) -> None:
    """No checkout leaves its token behind, and only GitHub's own actions run."""
    found = workflow(path.stem)
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        for step in job.get("steps", []):
            if "uses" in step:
                assert re.fullmatch(r"actions/checkout@(v\d+|[0-9a-f]{40})", step["uses"])
                assert step["with"] == {"persist-credentials": False}


def test_a_release_needs_the_gate() -> None:
    """The same jobs that each change passes."""
    jobs = workflow("release")["jobs"]
    assert jobs["gate"]["uses"] == "./.github/workflows/ci.yml"
    assert jobs["release"]["needs"] == "gate"
    assert {"run": ".ci/run"} in workflow("ci")["jobs"]["gate"]["steps"]


@pytest.mark.parametrize(
    ("version", "notes"), [("0.2.0", "\n- Now.\n\n"), ("0.1.0", "\n- Before.\n\n"), ("0.3.0", None)]
)
def test_a_release_says_what_the_changelog_says(
    tmp_path: Path, version: str, notes: str | None
) -> None:
    """A tag without its section in the changelog, or of another version, makes no release."""
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(f'version = "{version}"\n', encoding="utf-8")
    assert (noted(tmp_path, f"v{version}") == 0) is (notes is not None)
    assert (tmp_path / "notes.md").read_text(encoding="utf-8") == (notes or "")
    assert noted(tmp_path, "v9.9.9") != 0


def noted(folder: Path, tag: str) -> int:
    """Run the step that reads the changelog, as a runner does; return its exit code."""
    steps = workflow("release")["jobs"]["release"]["steps"]
    (script,) = [step["run"] for step in steps if "CHANGELOG.md" in step.get("run", "")]
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    return subprocess.run(
        command, cwd=folder, env={"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag}, check=False
    ).returncode
