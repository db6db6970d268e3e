"""What GitHub runs: the gate for each change, and a release for each tag."""

import re
import shutil
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
            name, _, _ = step.get("uses", "actions/").partition("@")
            assert name.startswith("actions/")
            if name == "actions/checkout":
                assert step["with"] == {"persist-credentials": False}


def test_only_the_job_that_publishes_may_write_and_it_runs_no_code_of_the_project() -> None:
    """What it publishes was built where nothing can be written. A maintainer lets it start."""
    jobs = {name: job for path in WORKFLOWS for name, job in workflow(path.stem)["jobs"].items()}
    writing = {name for name, job in jobs.items() if "write" in str(job.get("permissions"))}
    assert writing == {"publish"}
    assert jobs["publish"]["environment"] == "release"
    assert jobs["publish"]["needs"] == "build"
    steps = jobs["publish"]["steps"]
    assert not [one for one in steps if "checkout" in one.get("uses", "")]
    programs = {
        word
        for one in steps
        for word in re.findall(r"\b(?:docker|pip|python\d?|uv|make|bash|sh)\b", one.get("run", ""))
    }
    assert programs <= {"docker"}, programs


def test_everything_that_is_published_is_attested() -> None:
    """The image by the digest that was pushed, and the files of the release."""
    steps = workflow("release")["jobs"]["publish"]["steps"]
    image, files = (one["with"] for one in steps if "actions/attest@" in one.get("uses", ""))
    assert image["subject-digest"] == "${{ steps.image.outputs.digest }}"
    (release,) = [one["run"] for one in steps if "gh release create" in one.get("run", "")]
    published = release.partition("--notes-file notes.md ")[2].split()
    assert published
    assert files["subject-path"].split() == published


def test_a_release_deploys_its_image_by_digest(tmp_path: Path) -> None:
    """Its `kubernetes.yaml` has what was just pushed; the repository's can't know it yet."""
    digest = f"sha256:{64 * 'a'}"
    (tmp_path / "deploy").mkdir()
    copied = shutil.copy(ROOT / "deploy" / "kubernetes.yaml", tmp_path / "deploy")
    (tmp_path / "skopeo").write_text(f"#!/bin/sh\nprintf {digest} > digest\n", encoding="utf-8")
    (tmp_path / "skopeo").chmod(0o755)
    steps = workflow("release")["jobs"]["publish"]["steps"]
    (script,) = [one["run"] for one in steps if one.get("id") == "image"]
    env = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "GITHUB_REF_NAME": "v0.2.0",
        "GITHUB_REPOSITORY": "Devin-Relay/devin-relay",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        **dict.fromkeys(("GITHUB_ACTOR", "TOKEN"), "x"),
    }
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    subprocess.run(command, cwd=tmp_path, env=env, check=True)
    pinned = f"ghcr.io/devin-relay/devin-relay:0.2.0@{digest}"
    assert re.findall(r"^ *image: (.*)", Path(copied).read_text("utf-8"), re.MULTILINE) == [pinned]
    assert pinned in (tmp_path / "notes.md").read_text(encoding="utf-8")
    assert f"digest={digest}\n" in (tmp_path / "output").read_text(encoding="utf-8")


def test_advisories_are_looked_for_every_day() -> None:
    """The workflow runs what a developer can run, too."""
    text = (ROOT / ".github" / "workflows" / "advisories.yml").read_text(encoding="utf-8")
    assert re.search(r'cron: "\d+ \d+ \* \* \*"', text)
    (job,) = workflow("advisories")["jobs"].values()
    assert job["steps"][-1] == {"run": "make audit"}


def test_a_release_needs_the_gate() -> None:
    """The same jobs that each change passes."""
    jobs = workflow("release")["jobs"]
    assert jobs["gate"]["uses"] == "./.github/workflows/ci.yml"
    assert jobs["build"]["needs"] == "gate"
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
    steps = workflow("release")["jobs"]["build"]["steps"]
    (script,) = [step["run"] for step in steps if "CHANGELOG.md" in step.get("run", "")]
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    return subprocess.run(
        command, cwd=folder, env={"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag}, check=False
    ).returncode
