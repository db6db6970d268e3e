"""The image, the unit, the Compose file, the Kubernetes manifest and the Procfile work."""

import asyncio
import configparser
import contextlib
import ipaddress
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from bot.app import DRAIN_SECONDS
from bot.settings import Settings
from bot.urls import check_redis_address
from tests.support.desk import Desk
from tests.support.embedded import client_of, files_with
from tests.support.processes import BotProcess, bot_process, free_port
from tests.support.redis_servers import Kind, serving
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMMAND = "/opt/devin-relay/.venv/bin/devin-relay"
SETTING_NAMES = {name.upper() for name in Settings.model_fields}


# The image.


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, with continued lines joined."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    found = (line.split(maxsplit=1) for line in text.replace("\\\n", "").splitlines() if line)
    return [(word, rest.strip()) for word, rest in found]


def last_stage() -> list[tuple[str, str]]:
    """Return the final image's instructions, without the stages that only build."""
    all_of_them = instructions()
    begins = max(at for at, (word, _) in enumerate(all_of_them) if word == "FROM")
    return all_of_them[begins:]


def the(word: str) -> str:
    """Return the value of the image's one instruction of this kind."""
    (only,) = [rest for name, rest in last_stage() if name == word]
    return only


def healthcheck() -> list[str]:
    """Return the health check's command."""
    command: list[str] = json.loads(the("HEALTHCHECK").partition("CMD")[2])
    return [sys.executable, *command[1:]] if command[0] == "python" else command


def test_the_image_has_a_slim_base_of_a_named_version() -> None:
    """Two builds give the same Python, and no compiler goes to production."""
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", bases[0])


def test_the_image_does_not_run_as_root() -> None:
    """The user is a number, so that a platform can check it; nothing runs before that."""
    user, _, group = the("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    words = [word for word, _ in last_stage()]
    assert words.index("USER") > max(at for at, word in enumerate(words) if word == "RUN")


def test_the_image_installs_only_what_has_a_hash() -> None:
    """Our own wheel is the exception, and its build fetches nothing."""
    commands = [
        command.strip()
        for word, rest in instructions()
        if word == "RUN"
        for command in rest.split("&&")
        if command.strip().startswith("pip ")
    ]
    assert sum("-r requirements.txt" in one for one in commands) == 1
    for command in commands:
        hashed = "--require-hashes" in command and "--only-binary :all:" in command
        assert hashed or "--no-deps" in command, command
        assert " wheel " not in command or "--no-build-isolation" in command


def test_the_line_of_setuptools_in_the_lock_is_found_with_its_hashes() -> None:
    """The image takes the one package that builds ours from the developers' lock."""
    (cut,) = re.findall(
        r"sed -n '[^']+' requirements\.lock", " ".join(map(" ".join, instructions()))
    )
    out = subprocess.run(shlex.split(cut), cwd=ROOT, capture_output=True, text=True, check=True)
    first, *hashes = out.stdout.replace("\\\n", "").split()
    assert first.startswith("setuptools==")
    assert hashes
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes)


def test_the_build_s_context_is_what_the_image_is_made_of() -> None:
    """`.dockerignore` lets in the packages and what builds them, and neither `.env` nor data."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / path).exists() for path in allowed)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = project["tool"]["setuptools"]
    assert allowed == {
        *(name.rstrip("*") for name in setuptools["packages"]["find"]["include"]),
        *(f"{name}.py" for name in setuptools.get("py-modules", [])),
        *("pyproject.toml", project["project"]["readme"], "LICENSE"),
        *("requirements.txt", "requirements.lock"),
    }


def test_the_image_sets_what_settings_know() -> None:
    """A misspelled variable would be ignored silently."""
    names = {pair.split("=")[0] for pair in shlex.split(the("ENV"))}
    assert names - SETTING_NAMES == {"PATH", "PYTHONUNBUFFERED"}
    assert {"PORT", "DATA_DIR"} <= names
    assert f"DATA_DIR={the('VOLUME')}" in the("ENV")
    assert f"PORT={the('EXPOSE')}" in the("ENV")


def test_the_relay_does_not_work_in_its_data_dir() -> None:
    """It refuses one that it works in, since others may use that, too."""
    assert "WORKDIR" not in [word for word, _ in last_stage()]
    assert "WorkingDirectory" not in unit()["Service"]


async def test_the_image_s_command_runs_and_its_health_check_tells(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """It succeeds while the process lives, despite proxy variables, and fails without listeners."""
    entry: list[str] = json.loads(the("ENTRYPOINT"))
    assert entry == ["devin-relay"]
    port = str(free_port())
    arguments: list[str] = json.loads(the("CMD"))
    look = {"PORT": port, "http_proxy": "http://127.0.0.1:1"}
    assert await run(healthcheck(), look) != 0
    async with bot_process(environ | {"PORT": port}, tmp_path, *arguments) as process:
        await process.until_logged("listening")
        assert await run(healthcheck(), look) == 0
        assert await process.stop() == 0


async def run(command: Sequence[str], environ: dict[str, str]) -> int:
    """Run a command, discard its output, and return its exit code."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


# The unit.


def unit() -> configparser.ConfigParser:
    """Return the unit as systemd reads it; of a repeated key, the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # configparser's own way
    parser.read(DEPLOY / "devin-relay.service", encoding="utf-8")
    return parser


def test_the_unit_runs_the_command_without_rights() -> None:
    """It has a separate user, no new privileges, and a read-only system."""
    service = unit()["Service"]
    assert service["ExecStart"] == f"{COMMAND} --env-file %d/settings run"
    assert service["LoadCredential"].startswith("settings:")
    for key in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert service[key] == "yes", key
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["LimitCORE"] == "0"
    names = {pair.split("=")[0] for pair in service["Environment"].split()}
    assert names <= SETTING_NAMES


def test_a_copy_of_the_unit_has_the_same_user() -> None:
    """Otherwise systemd names it after the copy, and hands that the directories of the first."""
    service = unit()["Service"]
    assert service["User"] == service["StateDirectory"] == service["LogsDirectory"]


def test_the_unit_lets_the_relay_measure_itself() -> None:
    """Without /proc/stat, prometheus-client leaves out all that is about the process."""
    assert "ProcSubset" not in unit()["Service"]


def test_the_unit_leaves_the_end_of_valkey_to_the_relay() -> None:
    """SIGTERM to the whole group would end Valkey before the last outcome is stored."""
    assert unit()["Service"]["KillMode"] == "mixed"


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="systemd-analyze is not here: apt-get install systemd",
)
async def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """Every key is known, and every value is valid."""
    text = (DEPLOY / "devin-relay.service").read_text(encoding="utf-8")
    copy = tmp_path / "devin-relay.service"
    copy.write_text(text.replace(COMMAND, sys.executable))
    process = await asyncio.create_subprocess_exec(
        *("systemd-analyze", "verify", "--man=no", str(copy)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert [line for line in out.decode().splitlines() if "devin-relay" in line] == []


# Compose and Kubernetes.


def compose() -> dict[str, Any]:
    """Return compose.yaml as YAML has it, with its anchors followed."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_compose_has_a_redis_that_the_relay_accepts_and_that_keeps_what_it_is_told() -> None:
    """A socket needs no waiver; what was acknowledged is on the disk, and nothing is evicted."""
    services = compose()["services"]
    for name in ("relay", "worker"):
        given = services[name]["environment"]
        assert set(given) <= SETTING_NAMES
        address = check_redis_address(given["REDIS_URL"], may_be_insecure=False)
        scheme, _, path = address.partition("://")
        assert scheme == "unix"
        assert f"--unixsocket {path} " in services["valkey"]["command"]
        assert path in services["valkey"]["healthcheck"]["test"]
        socket_volume = f"socket:{Path(path).parent}"
        assert socket_volume in services[name]["volumes"]
        assert socket_volume in services["valkey"]["volumes"]
        assert services[name]["depends_on"] == {"valkey": {"condition": "service_healthy"}}
    for option in ("--port 0", "--appendonly yes", "--appendfsync always", "noeviction"):
        assert option in services["valkey"]["command"]
    assert "data:/data" in services["valkey"]["volumes"]


def test_each_container_is_without_rights_and_within_limits() -> None:
    """That holds for Compose's Valkey, and for the `docker run` of the page and the Dockerfile."""
    for name, service in compose()["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
    assert int(compose()["services"]["valkey"]["user"].partition(":")[0]) > 0
    header = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").partition("\nFROM")[0]
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    for text in (page, header.replace("\n# ", "\n")):
        (command,) = re.findall(r"^(?:# )?(docker run (?:.*\\\n)*.*)$", text, re.MULTILINE)
        options = " ".join(command.replace("\\\n", " ").split())
        for option in ("--read-only", "--cap-drop ALL", "--security-opt no-new-privileges"):
            assert option in options


def test_compose_s_valkey_refuses_writes_before_it_is_killed() -> None:
    """The process that rewrites the append-only file may copy all of the data."""
    valkey = compose()["services"]["valkey"]
    (most,) = re.findall(r"--maxmemory (\d+)mb", valkey["command"])
    assert int(valkey["mem_limit"].removesuffix("m")) > 2 * int(most)


@pytest.mark.skipif(
    not shutil.which("redis-cli"), reason="redis-cli is not here: apt-get install redis-server"
)
async def test_compose_has_deleted_and_expired_data_taken_off_the_disk(tmp_path: Path) -> None:
    """Its service for that is run here, with the same client under its former name."""
    services = compose()["services"]
    *shell, script = services["rewrites"]["command"]
    assert services["rewrites"]["image"] == services["valkey"]["image"]
    assert "sleep 86400" in script
    assert "--auto-aof-rewrite-min-size 1mb" in services["valkey"]["command"]
    (tmp_path / "valkey-cli").symlink_to(str(shutil.which("redis-cli")))
    path = tmp_path / "valkey.sock"
    options = ("--unixsocket", str(path), "--appendonly", "yes", "--hz", "1")
    with serving(Kind.VALKEY, tmp_path, *options) as url:
        async with client_of(url) as client:
            await client.set("expired", "zebra", px=1)
            await client.set("deleted", "zebra")
            await client.delete("deleted")
        assert files_with("zebra", tmp_path)
        process = await asyncio.create_subprocess_exec(
            *(*shell, script.replace("/run/valkey/valkey.sock", str(path))),
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await wait_until(lambda: not files_with("zebra", tmp_path), "it is off the disk")
            assert process.returncode is None, "it waits for the next day"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@pytest.mark.skipif(
    not shutil.which("docker-compose"),
    reason="docker-compose is not here: apt-get install docker-compose",
)
async def test_compose_finds_nothing_wrong_with_its_file(tmp_path: Path) -> None:
    """It reads the file without an engine, with an `.env` as it is copied."""
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    process = await asyncio.create_subprocess_exec(
        *("docker-compose", "--profile", "worker", "config", "--quiet"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"")


def kubernetes(kind: str) -> dict[str, Any]:
    """Return the one document of that kind."""
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    (found,) = [one for one in yaml.safe_load_all(text) if one["kind"] == kind]
    document: dict[str, Any] = found
    return document


def test_kubernetes_runs_the_image_without_rights_and_sets_what_settings_know() -> None:
    """The pods are found by their labels, and probed where the relay answers."""
    deployment, service = kubernetes("Deployment")["spec"], kubernetes("Service")["spec"]
    labels, pod = deployment["template"]["metadata"]["labels"], deployment["template"]["spec"]
    assert deployment["selector"]["matchLabels"] == service["selector"] == labels
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert str(port["containerPort"]) == the("EXPOSE")
    assert service["ports"][0]["targetPort"] == port["name"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness")}
    assert probes["liveness"] == {"path": "/healthz", "port": port["name"]}
    assert probes["readiness"] == {"path": "/readyz", "port": port["name"]}
    assert {one["name"] for one in container["env"]} <= SETTING_NAMES
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_kubernetes_lets_in_the_relay_s_port_and_out_what_it_calls() -> None:
    """No private network and no metadata service is among what it reaches by https."""
    policy, deployment = kubernetes("NetworkPolicy")["spec"], kubernetes("Deployment")["spec"]
    assert policy["podSelector"] == deployment["selector"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    (way_in,) = policy["ingress"]
    assert way_in["from"]
    assert [one["port"] for one in way_in["ports"]] == ["http"]
    ways_out = {port["port"]: rule for rule in policy["egress"] for port in rule["ports"]}
    assert set(ways_out) == {53, 443}
    excepted = [
        ipaddress.ip_network(one)
        for peer in ways_out[443]["to"]
        for one in peer["ipBlock"]["except"]
    ]
    for written in ("10.1.2.3", "169.254.169.254", "172.20.0.1", "192.168.1.1", "fd00:ec2::254"):
        assert any(ipaddress.ip_address(written) in one for one in excepted), written


# Time to stop.


def test_each_platform_gives_a_process_the_same_time_to_stop() -> None:
    """It covers the last deliveries, and some seconds to close connections and Valkey."""
    header = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").partition("\nFROM")[0]
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    graces = {
        *re.findall(r"--stop-timeout (\d+)", header + page),
        *re.findall(r"\*\*Allow (\d+) s before a kill\*\*", page),
        *(compose()["services"][name]["stop_grace_period"][:-1] for name in ("relay", "worker")),
        str(kubernetes("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]),
        unit()["Service"]["TimeoutStopSec"],
    }
    assert graces == {"80"}
    assert float(graces.pop()) >= DRAIN_SECONDS + 20


# The Procfile.


@asynccontextmanager
async def honcho(environ: Mapping[str, str], cwd: Path, base: int) -> AsyncIterator[BotProcess]:
    """Run `honcho start` on the Procfile, with ports from `base`; its children die with it."""
    binaries = Path(sys.executable).parent
    process = await asyncio.create_subprocess_exec(
        *(binaries / "honcho", "-f", ROOT / "Procfile", "-d", cwd, "start", "-p", str(base)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": f"{binaries}:/usr/bin:/bin",
            "HOME": str(cwd),
            "PYTHONPATH": str(ROOT),
            # Its signal handler prints. If a signal comes while it writes a line, a buffered
            # stdout refuses that (`reentrant call`), and it would wait for its children forever.
            "PYTHONUNBUFFERED": "1",
            **environ,
        },
        start_new_session=True,
    )
    running = BotProcess(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            # Each of its children leads its own process group.
            for pid in (str(process.pid), *re.findall(r"started \(pid=(\d+)\)", running.out)):
                os.killpg(int(pid), signal.SIGKILL)
        await running.ends()


async def test_honcho_starts_both_processes_and_stops_them(
    environ: dict[str, str], desk: Desk, tmp_path: Path
) -> None:
    """It acts as a platform: a PORT for each, both get ready, a reply arrives, SIGTERM ends all."""
    web, worker = free_ports(apart=100)
    del environ["PORT"]
    async with honcho(environ, tmp_path, web) as process:
        for port in (web, worker):
            await until_ready(process, port)
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("Please rebase", thread))
        assert await process.stop() == 128 + signal.SIGTERM
    assert [await is_ready(port) for port in (web, worker)] == [False, False]
    assert set(re.findall(r"(\w+)\.1 stopped", process.out)) == {"web", "worker"}
    assert process.out.count("finishing what was begun") == 2
    assert not re.search("SIGKILL|Traceback", process.out), process.out
    assert len(desk.received()) == 1


def free_ports(apart: int) -> tuple[int, int]:
    """Return two free ports at the distance that honcho uses for the lines of a Procfile."""
    while True:
        first = free_port()
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.bind(("127.0.0.1", first + apart))
            return first, first + apart


async def until_ready(process: BotProcess, port: int) -> None:
    """Wait until a process is ready on `port`; fail if `process` ends before."""

    async def is_over() -> bool:
        return process.process.returncode is not None or await is_ready(port)

    await wait_until(is_over, f"{port} is ready", seconds=30)
    assert process.process.returncode is None, process.out


async def is_ready(port: int) -> bool:
    """Return True if a process listens there and is ready."""
    address = f"http://127.0.0.1:{port}/readyz"
    with contextlib.suppress(aiohttp.ClientConnectionError):
        async with aiohttp.ClientSession() as client, client.get(address) as answer:
            return answer.status == 200
    return False
