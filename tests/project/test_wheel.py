"""The wheel, installed in an empty environment, runs without the checkout."""

import contextlib
import re
import shutil
import sys
import zipfile
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import aiohttp
from uv import find_uv_bin

from sandbox import Sandbox
from sandbox.page.server import FILES
from tests.support.desk import Desk
from tests.support.processes import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "handlers", "sandbox")
CACHES = shutil.ignore_patterns("__pycache__")


async def output_of(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must succeed."""
    process = await create_subprocess_exec(*command, cwd=cwd, env={}, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


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
    """The Python of an environment with the wheel and, from this one, what it needs to run."""
    uv, home = find_uv_bin(), place / "venv"
    python = home / "bin" / "python"
    await output_of(uv, "venv", "--offline", "--python", sys.executable, home, cwd=place)
    options = ("--no-deps", "--offline", "--no-cache", "--python", python)
    await output_of(uv, "pip", "install", *options, wheel, cwd=place)
    packages = only(home, "lib/python*/site-packages")
    for source in needed():
        if not (packages / source.name).exists():
            (packages / source.name).symlink_to(source)
    return python


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
    python: Path, *module: str, environ: Mapping[str, str], cwd: Path
) -> AsyncIterator[None]:
    """`python -m …` with nothing in its environment but `environ`; stopped at the block's end.

    Its errors are pytest's to show; the sandbox prints its tokens, so that nothing else is kept.
    """
    process = await create_subprocess_exec(
        python, "-m", *module, cwd=cwd, env=environ, stdout=DEVNULL
    )
    try:
        yield
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


async def answers(url: str) -> bool:
    """Whether the page is served yet."""
    with contextlib.suppress(aiohttp.ClientConnectionError):
        return bool(await statuses(url, "/"))
    return False


def files_of_the_packages() -> set[str]:
    """Every file that the checkout's packages have, code and data."""
    return {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


async def test_the_wheel_runs_where_no_checkout_is(
    environ: dict[str, str], box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """It holds every file: the manifest, a delivery and the sandbox's page need nothing else."""
    wheel = await built(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_of_the_packages()

    python, elsewhere = await installed(wheel, tmp_path), tmp_path / "elsewhere"
    elsewhere.mkdir()
    manifest = await output_of(python, "-m", "bot", "manifest", cwd=elsewhere)
    assert manifest == (ROOT / "manifest.yaml").read_text(encoding="utf-8")

    del environ["REDIS_URL"]
    async with running(python, "bot", "run", environ=environ, cwd=elsewhere):
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_marked("white_check_mark", await desk.reply("Please rebase", thread))
        assert len(desk.received()) == 1

    port = free_port()
    async with running(python, "sandbox", "--port", str(port), environ={}, cwd=elsewhere):
        url = f"http://127.0.0.1:{port}"
        await wait_until(lambda: answers(url), "the page is served")
        assert await statuses(url, *FILES) == dict.fromkeys(FILES, 200)
