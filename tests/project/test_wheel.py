"""The wheel, installed in an empty environment, runs without the checkout: `devin-relay`."""

import re
import shutil
import sys
import zipfile
from asyncio import StreamReader
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import aiohttp
import pytest
from uv import find_uv_bin

from bot.runtime.version import version
from sandbox import Sandbox
from sandbox.page.server import FILES
from tests.support.desk import Desk
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "handlers", "sandbox")
CACHES = shutil.ignore_patterns("__pycache__")
FOREIGN = 7
"""The exit code of a process that has imported a module of the working directory."""


async def output_of(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """What a command prints; it must end with this exit code."""
    environ = {"HOME": str(cwd)}
    process = await create_subprocess_exec(*command, cwd=cwd, env=environ, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    return out.decode()


def foreign(place: Path) -> Iterator[Path]:
    """Yield working directories with modules of the wheel's names, and with packages."""
    for kind, suffix in {"modules": ".py", "packages": "/__init__.py"}.items():
        folder = place / kind
        for name in PACKAGES:
            path = folder / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"raise SystemExit({FOREIGN})")
        yield folder


async def built(place: Path) -> Path:
    """The wheel, built from a copy: setuptools leaves a `build` folder beside its sources."""
    source = place / "source"
    source.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=CACHES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ("--wheel", "--no-build-isolation", "--offline", "--no-cache")
    await output_of(
        *(find_uv_bin(), "build", *options, "--python", sys.executable, "--out-dir", place),
        cwd=source,
    )
    return only(place, "*.whl")


def only(place: Path, pattern: str) -> Path:
    """The one match in a folder."""
    (found,) = place.glob(pattern)
    return found


async def installed(wheel: Path, place: Path) -> Path:
    """The programs of an environment with the wheel and, from this one, what it needs to run."""
    uv, home = find_uv_bin(), place / "venv"
    python = home / "bin" / "python"
    await output_of(uv, "venv", "--offline", "--python", sys.executable, home, cwd=place)
    options = ("--no-deps", "--offline", "--no-cache", "--python", python)
    await output_of(uv, "pip", "install", *options, wheel, cwd=place)
    packages = only(home, "lib/python*/site-packages")
    for source in needed():
        if not (packages / source.name).exists():
            (packages / source.name).symlink_to(source)
    return home / "bin"


def needed() -> Iterator[Path]:
    """The files and folders that `requirements.txt` installs; some only on other systems."""
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE):
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            yield Path(str(found.locate_file(top)))


@asynccontextmanager
async def running(
    *command: str | Path, environ: Mapping[str, str], cwd: Path
) -> AsyncIterator[StreamReader]:
    """The output of a command with `environ` and a HOME, and no more; the block's end stops it.

    Its errors are pytest's to show.
    """
    # A user of this uid may have no entry in /etc/passwd, where slack-sdk looks without a HOME.
    environ = {"HOME": str(cwd), **environ}
    process = await create_subprocess_exec(*command, cwd=cwd, env=environ, stdout=PIPE)
    assert process.stdout
    try:
        yield process.stdout
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def statuses(url: str, *paths: str) -> dict[str, int]:
    """The answers to the page, its scripts and its style sheets."""
    found = {}
    async with aiohttp.ClientSession(url) as client:
        for path in paths:
            async with client.get(path) as answer:
                found[path] = answer.status
    return found


def files_of_the_packages() -> set[str]:
    """Every file that the checkout's packages have, code and data, save tests."""
    return {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and not {"__pycache__", "tests"} & {*path.relative_to(ROOT).parts}
    }


@pytest.mark.longest
@pytest.mark.timeout(300)
async def test_the_wheel_runs_where_no_checkout_is(
    environ: dict[str, str], box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """It holds every file: the manifest, a delivery and the demo need nothing else.

    The command imports no `bot` or `handlers` of the working directory, as `python -m bot` does.
    """
    wheel = await built(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_of_the_packages()

    programs = await installed(wheel, tmp_path)
    relay = programs / "devin-relay"
    manifest = await output_of(relay, "manifest", "--agent", cwd=tmp_path)
    assert manifest == (ROOT / "manifest.yaml").read_text(encoding="utf-8")
    assert (await output_of(relay, "--help", cwd=tmp_path)).startswith("usage: devin-relay ")

    del environ["REDIS_URL"]
    settings = ("--env-file", tmp_path / "relay.env")
    settings[1].write_text("\n".join(f"{k}={v}" for k, v in environ.items()))
    for elsewhere in foreign(tmp_path):
        await output_of(programs / "python", "-m", "bot", "--version", cwd=elsewhere, code=FOREIGN)
        said = await output_of(relay, "--version", cwd=elsewhere)
        assert said == f"devin-relay {version()}\n"
        assert "No problems found" in await output_of(relay, *settings, "doctor", cwd=elsewhere)
        async with running(relay, *settings, "run", environ={}, cwd=elsewhere):
            await box.slack.wait_connected()
            thread = await desk.linked_thread()
            await desk.until_delivered(await desk.reply(elsewhere.name, thread))
            assert elsewhere.name in desk.received()[-1]

    port, caches = free_port(), {"XDG_CACHE_HOME": str(tmp_path)}
    async with running(relay, "demo", "--port", str(port), environ=caches, cwd=elsewhere) as lines:
        url = f"http://127.0.0.1:{port}"
        assert url in (await lines.readline()).decode()  # once its relay has linked a thread
        assert await statuses(url, *FILES) == dict.fromkeys(FILES, 200)
    assert (tmp_path / "devin-relay" / "demo" / "run-1" / "bot.log").exists()
