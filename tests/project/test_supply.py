"""Everything that runs is pinned: packages by hash, images by digest, actions by commit."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tables import each

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements.txt")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RECIPES = [
    *(ROOT / name for name in ("Makefile", "Procfile", "compose.yaml", ".ci/run", ".ci/newcomer")),
    *(path for path in (ROOT / "deploy").iterdir() if path.suffix not in {".json", ".md"}),
    *WORKFLOWS,
]

OWN_IMAGE = "ghcr.io/devin-relay/devin-relay"
"""A release's digest is known after the commit that it is built from; its notes have it."""

INSTALLER = re.compile(
    r"pipx|uvx|uv tool|uv (?:pip )?(?:install|sync|run|build)|easy_install|npx|npm"
    r"|pip\d?(?: --python \S+)? (?:install|wheel)|curl[^|\n]*\| *(?:sudo )?(?:ba)?sh"
)


def name_of(path: Path) -> str:
    """Return a path as it is written in the repository."""
    return path.relative_to(ROOT).as_posix()


def commands(path: Path) -> Iterator[str]:
    """Yield each command of a file, in one line; of a page, also those within a sentence."""
    text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
    if path.suffix != ".md":
        yield from re.split(r"\n|&&|;", text)
        return
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from re.split(r"\n|&&|;", block)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", prose)


def is_hashed(command: str) -> bool:
    """Return True if all code that a command fetches and runs has a hash.

    Both locks say `--only-binary :all:` themselves. The relay's own package has no hash, so that
    nothing may be fetched to build or to run it.
    """
    if "--require-hashes" in command:
        files = re.findall(r"-r (\S+)", command)
        return "--only-binary :all:" in command or {*files} <= {*LOCKS, "$<"}
    builds_nothing_fetched = "--no-build-isolation" in command or ".whl" in command
    return builds_nothing_fetched and ("--no-deps" in command or "uv build" in command)


def test_each_command_that_installs_takes_only_what_has_a_hash() -> None:
    """Neither a page nor a recipe fetches code that no hash covers, not even to build a package."""
    found = [
        (name_of(path), command.strip())
        for path in (*PAGES, *RECIPES)
        for command in commands(path)
        if INSTALLER.search(command) and not command.lstrip().startswith("#")
    ]
    assert {"Makefile", "deploy/Dockerfile", "docs/deploying.md"} <= {name for name, _ in found}
    assert [one for one in found if not is_hashed(one[1])] == []


@each(
    "command",
    [
        *("pipx install .", "uv tool install .", "pip install --no-deps .", "pip install redis"),
        "pip install --require-hashes -r setuptools.txt",
        *("pip wheel --no-deps .", "pip install --no-build-isolation ."),
        "curl -fsSL https://example.com/install | sudo bash",
    ],
)
def test_a_command_that_would_run_anything_else_is_noticed(command: str) -> None:
    """The test above knows the ways in which that happens."""
    assert INSTALLER.search(command)
    assert not is_hashed(command)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_locked_package_is_built(lock: str) -> None:
    """A source archive has a hash, but what pip fetches to build it has none."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "--only-binary :all:"


def images() -> Iterator[tuple[str, str]]:
    """Yield the file and the name of each image that it uses."""
    uses = re.compile(
        r"(?:^FROM (?:--\S+ )*|^\s+(?:image|container|BUILDKIT|SCANNER): |^# *syntax=)(\S+)",
        re.MULTILINE,
    )
    for path in RECIPES:
        text = re.sub(r"(image:) &\w+", r"\1", path.read_text(encoding="utf-8"))
        for name in uses.findall(text):
            if not name.startswith("*"):  # an image that has a name above
                yield name_of(path), name


def test_each_image_is_pinned_by_digest() -> None:
    """The tag tells people which version it is. Compose builds `devin-relay` itself."""
    found = set(images())
    assert {name for name, _ in found} == {
        *("compose.yaml", "deploy/Dockerfile", "deploy/kubernetes.yaml"),
        *(".github/workflows/ci.yml", ".github/workflows/release.yml"),
    }
    loose = {image for _, image in found if not re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", image)}
    assert loose == {"devin-relay", f"{OWN_IMAGE}:{version()}"}


def test_the_builder_of_a_release_pulls_no_other_image() -> None:
    """`docker buildx create` and an SBOM would each bring one by its tag."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert re.findall(r"docker buildx create (.*)", text) == [
        '--use --driver-opt "image=$BUILDKIT"'
    ]
    assert re.findall(r"--(?:sbom|attest) .*?(?= \\)", text) == [
        '--attest "type=sbom,generator=$SCANNER"'
    ]


@each("path", WORKFLOWS)
def test_each_action_is_pinned_by_commit(path: Path) -> None:
    """Its version stands behind it, which Dependabot moves, too."""
    used = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    for one in used:
        pinned = re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)
        assert pinned or one.startswith("./"), one


def version() -> str:
    """Return the version of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def test_the_pages_name_the_release_that_this_is() -> None:
    """A command that is copied fetches the release that the page describes."""
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:--branch v|version=|`:|devin_relay-)(\d[\d.]*\d)", page)
    assert len(named) > 3
    assert set(named) == {version()}


def test_the_page_tells_how_to_verify_what_the_workflow_attests() -> None:
    """The image, the wheel and the checkout, each by the workflow that signs."""
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    told = re.findall(r"^gh attestation verify (\S+) \"\$\{signed\[@\]\}\"", page, re.MULTILINE)
    assert told == [
        *("requirements.txt", "oci://ghcr.io/$repo:$version"),
        "devin_relay-$version-py3-none-any.whl",
    ]
    (signer,) = re.findall(r"--signer-workflow \$repo/(\S+)", page)
    assert "actions/attest@" in (ROOT / signer).read_text(encoding="utf-8")
