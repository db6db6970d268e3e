"""The command line is run as real processes, as an operator types it and a platform starts it.

Some are `typed`: a shell's command, with a Python of its own. The others are forks of one that has
the bot imported already, and begin with the command's own work.
"""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
import yaml
from redis.asyncio import Redis

from bot.__main__ import main
from bot.model.sessions import SessionId
from bot.redis.keys import DUE_KEY, WATCH_KEY, mail_key, subject_key
from bot.runtime.version import version
from bot.slack.app.manifest import required_scopes
from sandbox import Sandbox
from tests.support.desk import SESSION, Desk
from tests.support.keys import TENANT, at
from tests.support.processes import bot_process, command, free_port, typed, typed_process
from tests.support.tables import each
from tests.support.waiting import wait_until

Environ = dict[str, str]
ROOT = Path(__file__).parents[2]

OLDER = {"reactions:write", "usergroups:read"}
LACKS = "; ".join(f"{one} (needed for {required_scopes()[one]})" for one in sorted(OLDER))
REMEDY = (
    "Update the app with the manifest from `devin-relay manifest` (plus any other options that you "
    "use), then reinstall it."
)


# Settings.


async def test_bad_settings_are_told_at_once_without_values(tmp_path: Path) -> None:
    """Every problem is named by its variable, without a value or a traceback; exit 2."""
    environ = {
        "SLACK_BOT_TOKEN": "xoxp-secret-one",
        "SLACK_APP_TOKEN": "secret-two",
        "DEVIN_API_URL": "ftp://secret-three",
        "REDIS_URL": "redis://:secret-four@redis.example.com/0",
        "GIVE_UP_AFTER": "secret-five",
        "LOG_LEVEL": "secret-six",
    }
    code, out, err = await command(environ, tmp_path, "run")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    for variable in [*environ, "DEVIN_API_KEY"]:
        assert len([line for line in lines if line.startswith(f"✗ {variable}: ")]) == 1, variable
    assert lines[-1] == f"{len(environ) + 1} problems found"
    assert lines[-2] == f"No .env in {tmp_path}."
    assert len(lines) == len(environ) + 3
    assert "secret" not in err
    assert "Traceback" not in err


async def test_a_transport_is_asked_for_by_run_and_not_by_worker(
    environ: Environ, tmp_path: Path
) -> None:
    """A worker takes nothing from Slack, so it needs neither app token nor signing secret."""
    del environ["SLACK_APP_TOKEN"]
    code, _, err = await command(environ, tmp_path, "run")
    assert code == 2
    assert "SLACK_APP_TOKEN or SLACK_SIGNING_SECRET: missing" in err
    async with typed_process(environ, tmp_path, "worker") as worker:
        await worker.until_logged("started")
        assert await worker.stop() == 0


async def test_a_named_env_file_takes_the_place_of_the_usual_one(
    environ: Environ, tmp_path: Path
) -> None:
    """One that is not there is an error, while .env is optional."""
    (tmp_path / ".env").write_text("LOG_FORMAT=nonsense")
    lines = [f"{name}={value}" for name, value in environ.items()]
    (tmp_path / "relay.env").write_text("\n".join(lines))
    code, _, err = await command({}, tmp_path, "--env-file", "relay.env", "doctor")
    assert (code, err) == (0, "")
    code, out, err = await command({}, tmp_path, "--env-file", "other.env", "doctor")
    assert (code, out) == (2, "")
    assert err.endswith("argument --env-file: can't read other.env: No such file or directory\n")


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command that needs no settings; return its exit code, stdout and stderr."""
    try:
        code: object = main(arguments)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert isinstance(code, int)
    return code, out, err


@each("arguments", [("fly",), ("run", "--fast"), ("demo", "--port", "x"), ("why",)])
def test_what_is_no_command_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """The command exits with 2, and the usage is on stderr."""
    code, out, err = ran(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: python -m bot")


def test_the_help_names_every_command_and_needs_no_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a command it is on stderr, so that no platform takes that for a success."""
    code, out, _ = ran(capsys, "--help")
    assert code == 0
    for name in ("run", "worker", "doctor", "why", "manifest", "demo"):
        code, own, _ = ran(capsys, name, "--help")
        assert code == 0
        assert f"\n    {name} " in out
        assert len(own.splitlines()) > 5
    assert ran(capsys) == (2, "", out)
    for option in ("--version", "-V"):
        assert ran(capsys, option) == (0, f"devin-relay {version()}\n", "")


def test_the_manifest_is_yaml_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """It needs no settings, and equals the file in the repository."""
    code, out, err = ran(capsys, "manifest", "--agent")
    assert (code, err) == (0, "")
    assert out == (ROOT / "manifest.yaml").read_text()
    url = ("--url", "https://relay.example.com")
    code, out, _ = ran(capsys, "manifest", *url, "--workflow-steps")
    manifest = yaml.safe_load(out)
    assert code == 0
    assert manifest["settings"]["event_subscriptions"]["request_url"] == f"{url[1]}/slack/events"
    assert "send_message" in manifest["functions"]
    code, out, err = ran(capsys, "manifest", "--url", "http://relay.example.com")
    assert (code, out) == (2, "")
    assert err == "error: --url must start with https:// (Slack requires HTTPS)\n"
    code, out, _ = ran(capsys, "manifest", "--link")
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("https://api.slack.com/apps?new_app=1&manifest_yaml=display_information:")


def test_the_demo_takes_no_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file that it would ignore is refused."""
    (tmp_path / "relay.env").touch()
    code, _, err = ran(capsys, "--env-file", str(tmp_path / "relay.env"), "demo")
    assert code == 2
    assert "--env-file" in err.splitlines()[-1]


async def test_a_terminal_without_unicode_is_served(environ: Environ, tmp_path: Path) -> None:
    """What cannot be encoded is escaped, and nothing fails."""
    ascii_only = environ | {"PYTHONIOENCODING": "ascii", "DEVIN_API_KEY": "cog_wrong"}
    code, out, err = await typed(ascii_only, tmp_path, "doctor")
    assert (code, err) == (1, "")
    assert r"\u2713 Redis: reachable" in out
    assert r"\u2717 Devin API key: " in out


# Starting and stopping.


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-wrong-token", "worker"),
        ("SLACK_APP_TOKEN", "xapp-wrong-token", "run"),
    ],
)
async def test_a_token_that_slack_rejects_ends_the_start(
    environ: Environ, tmp_path: Path, variable: str, value: str, name: str
) -> None:
    """One sentence names the token and the remedy; exit 1, no traceback, no token."""
    code, _, err = await command(environ | {variable: value}, tmp_path, name)
    assert code == 1
    assert f"Slack rejected {variable} (invalid_auth). " in err.splitlines()[-1]
    assert "Traceback" not in err
    assert value not in err


async def test_a_port_that_is_taken_ends_the_start(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """There is one sentence; exit 1."""
    taken = box.devin.url.rpartition(":")[2]
    code, _, err = await command(environ | {"PORT": taken}, tmp_path, "run")
    assert code == 1
    assert err.endswith(f"Port {taken} is already in use. Set PORT to another one.\n")
    assert "Traceback" not in err


@pytest.mark.parametrize(("name", "number"), [("run", signal.SIGTERM), ("worker", signal.SIGINT)])
async def test_a_signal_ends_the_wait_for_redis(
    environ: Environ, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    """A platform that gives up on a start must not have to kill the process."""
    environ["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    async with bot_process(environ, tmp_path, name) as process:
        await process.until_logged("waiting")
        assert await process.stop(number) == 0
        assert "Traceback" not in process.err


async def test_slack_being_away_at_the_start_is_waited_for(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """Neither a failing Slack nor a lost answer ends the start."""
    for method in ("auth.test", "apps.connections.open"):
        box.slack.fail_next(method, status=503)
        box.slack.fail_next(method, drop=True)
    async with bot_process(environ, tmp_path, "run") as process:
        await process.until_logged("waiting")
        await box.slack.wait_connected()
        await process.until_logged("started")
        assert await process.stop() == 0


async def test_a_stop_lets_a_slow_delivery_finish(
    environ: Environ, desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """There is one POST, its outcome is stored, its mark set; exit 0; the queue stays for later."""
    is_stopping = asyncio.Event()
    box.devin.behave(SESSION, "slow", delay=0, until=is_stopping)
    async with typed_process(environ, tmp_path, "run") as process:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        first = await desk.reply("slow", thread)
        await desk.until_received("slow")
        await desk.reply("waits", thread)
        await desk.until_heard()
        process.process.send_signal(signal.SIGTERM)
        # The log says that it stops a moment before it takes no more.
        await process.until_logged("finishing what was begun")
        await wait_until(lambda: is_refused(desk), "no more is taken")
        is_stopping.set()
        assert await process.ends() == 0
        assert "Traceback" not in process.err
    assert len(desk.received()) == 1
    box.devin.behave(SESSION, "running")
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.until_delivered(first)
        await desk.until_received("waits")
        assert await process.stop() == 0
    assert len(desk.received()) == 2


async def is_refused(desk: Desk) -> bool:
    """Whether the bot leaves a message with Slack that it would otherwise acknowledge at once."""
    await desk.slack.say("hello", channel="general")
    return not await desk.slack.deliveries[-1].acknowledged_within(1.0)


async def test_run_and_worker_share_an_embedded_valkey(
    environ: Environ, desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """Without REDIS_URL, on one DATA_DIR, the second joins, and continues without the first."""
    del environ["REDIS_URL"]
    async with (
        bot_process(environ, tmp_path, "worker") as worker,
        bot_process(environ, tmp_path, "run") as run,
    ):
        await box.slack.wait_connected()
        await worker.until_logged("started")
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("both", thread))
        assert await worker.stop() == 0
        ts = await desk.reply("one", thread)
        await desk.until_delivered(ts)
        assert await run.stop() == 0
    async with bot_process(environ, tmp_path, "run") as run:
        await box.slack.wait_connected()
        await desk.until_delivered(await desk.reply("again", thread))
        assert await run.stop() == 0
    assert len(desk.received()) == 3


# Checking.


async def test_doctor_finds_all_well(environ: Environ, desk: Desk, tmp_path: Path) -> None:
    """There is a line for each item; nothing is sent to a session and nothing is posted."""
    code, out, err = await command(environ, tmp_path, "doctor")
    assert (code, err) == (0, "")
    *lines, last = out.splitlines()
    doubtful, fix, agent, tip = [line for line in lines if line[:2] != "✓ "]
    assert doubtful.startswith("! Redis persistence: no append-only file, so a crash loses ")
    assert fix == "  → Set appendonly to yes."
    assert "`devin-relay manifest --agent`" in agent
    assert "ADMIN_CONTACT" in tip
    assert last == "No problems found"
    for what in ("Redis", "Slack bot token", "Slack scopes", "Slack app token", "Devin sessions"):
        assert f"{what}:" in out
    assert desk.received() == []
    called = {call.method for call in desk.slack.calls} - {"auth.teams.list"}  # in an organization
    assert called == {"auth.test", "apps.connections.open"}


async def test_doctor_says_what_waits_and_that_no_process_does_it(
    environ: Environ, raw: Redis, tmp_path: Path
) -> None:
    """It may be stopped on purpose, so that is no problem; what waits is read without /metrics."""
    _, out, _ = await command(environ, tmp_path, "doctor")
    assert "\n✓ Waiting: replies 0 (for 0 seconds), reports 0, threads with words 0\n" in out
    id_, now = f"{TENANT}:C0GENERAL0:1764000000.000100", int(time.time() * 1000)
    await raw.zadd(at(DUE_KEY), {SESSION: now})
    await raw.zadd(at(mail_key(SessionId(SESSION))), {id_: 1})
    await raw.hset(at(subject_key(id_)), "accepted", str(now - 1_230_000))
    await raw.zadd(at(WATCH_KEY), {SESSION: now - 190_000})
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 0
    waits = "\n! Waiting: replies 1 (for about 20 minutes), reports 0, threads with words 0; "
    assert f"{waits}no process has read a session due about 3 minutes ago\n  → Is a" in out
    for key in await raw.keys():
        await raw.expire(key, 1_000)


async def test_doctor_and_each_start_tell_what_may_be_a_mistake(
    environ: Environ, tmp_path: Path
) -> None:
    """None of it is a problem for sure: other programs share the environment, and the file."""
    lines = [f"{name}={value}" for name, value in environ.items() if name != "HOST"]
    (tmp_path / ".env").write_text("\n".join([*lines, "ADMIN_CONTACT=#ops"]))
    (tmp_path / ".env").chmod(0o644)
    doubts = ("LOGLEVEL: unknown; did you mean LOG_LEVEL?", "PORT: set without HOST, so /metrics")
    code, out, err = await command({"LOGLEVEL": "debug"}, tmp_path, "doctor")
    assert (code, err) == (0, "")
    for doubt in (*doubts, ".env: other users can read the file; only the relay's should"):
        assert f"! Settings: {doubt}" in out
    assert "ADMIN_CONTACT" not in out
    async with bot_process({"LOGLEVEL": "debug"}, tmp_path, "worker") as worker:
        await worker.until_logged("started")
        assert await worker.stop() == 0
    for line in (*doubts, ".env: other users can", "Redis persistence: no append-only file"):
        assert sum(line in one and "warning" in one for one in worker.err.splitlines()) == 1, line


async def test_a_reader_that_has_seen_enough_ends_doctor_quietly(
    environ: Environ, tmp_path: Path
) -> None:
    """`doctor | head -1` is no failure of the relay."""
    shell = f"{sys.executable} -m bot doctor | head -1"
    environ = {**environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    process = await asyncio.create_subprocess_shell(
        shell, stdout=PIPE, stderr=PIPE, cwd=tmp_path, env=environ
    )
    out, err = await process.communicate()
    assert out.decode() == "✓ Redis: reachable\n"
    assert err == b""


@pytest.mark.parametrize(
    ("changes", "bad", "remedy"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "Slack bot token", "Copy the bot token again"),
        ({"SLACK_APP_TOKEN": "xapp-wrong"}, "Slack app token", "connections:write"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis", "REDIS_URL"),
        ({"SLACK_API_URL": "http://127.0.0.1:1/api/"}, "Slack bot token", "SLACK_API_URL"),
    ],
)
async def test_doctor_says_what_is_broken_and_how_to_fix_it(
    environ: Environ, tmp_path: Path, changes: Environ, bad: str, remedy: str
) -> None:
    """It exits with 1; the rest is checked, too, and no value is shown."""
    code, out, err = await command(environ | changes, tmp_path, "doctor")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    (at,) = [at for at, line in enumerate(lines) if line.startswith(f"✗ {bad}: ")]
    assert lines[at + 1].startswith("  → ")
    assert remedy in lines[at + 1]
    count = sum(line.startswith("✗") for line in lines)
    assert lines[-1] == f"{count} problem{'s' if count > 1 else ''} found"
    assert len(lines) >= 5
    for value in changes.values():
        assert value not in out


async def test_doctor_says_which_user_groups_slack_does_not_tell(
    environ: Environ, tmp_path: Path
) -> None:
    """Nobody may do what its members were meant to, for now or until the ID is right."""
    lists = {"ALLOW_STARTERS": "S0ONCALL00 U0ADA00000", "ALLOW_APPROVERS": "S0NOBODY00"}
    code, out, err = await command(environ | lists | {"AGENT": "off"}, tmp_path, "doctor")
    assert (code, err) == (1, "")
    assert "✓ Slack user groups: S0ONCALL00 in ALLOW_STARTERS has 2 members\n" in out
    assert "✗ Slack user groups: S0NOBODY00 in ALLOW_APPROVERS can't be read (" in out
    assert "no_such_subteam), so it allows nobody\n  → If this stays, check the ID in" in out
    assert "Slack agent" not in out


async def test_doctor_names_the_scopes_that_are_missing(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """For an app installed with an older manifest, it names each, and its consequence."""
    box.slack.scopes = [scope for scope in required_scopes("--agent") if scope not in OLDER]
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 1
    fix = REMEDY.replace("`devin-relay manifest`", "`devin-relay manifest --agent`")
    assert f"✗ Slack scopes: missing {LACKS}\n  → {fix}\n" in out
    assert "✓ Slack agent: declared, so threads show Slack's own state and Stop\n" in out


async def test_missing_scopes_are_told_loudly_once_at_the_start(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """The operator may never run `doctor`, and in Slack the marks are just missing."""
    box.slack.scopes = [scope for scope in required_scopes() if scope not in OLDER]
    async with bot_process(environ | {"LOG_FORMAT": "json"}, tmp_path, "worker") as process:
        await process.until_logged('"event": "started"')
        assert await process.stop() == 0
    lines = [json.loads(line) for line in process.err.splitlines()]
    told = [(one["event"], one["reason"]) for one in lines if one["level"] == "error"]
    assert told == [("scopes missing", f"{LACKS}. {REMEDY}")]


async def test_doctor_says_which_embedded_valkey_it_tried(
    environ: Environ, box: Sandbox, tmp_path: Path
) -> None:
    """In the wrong working directory, it isn't the relay's."""
    home = tmp_path / "relay" / ".data"
    environ = environ | {"REDIS_URL": "", "DATA_DIR": str(home)}

    async def says() -> str:
        code, out, err = await command(environ, tmp_path, "doctor")
        assert (code, err) == (0, "")
        assert ("\n✓ Waiting: replies 0 " in out) is (" running in " in out)
        return out.splitlines()[0]

    assert await says() == f"✓ Embedded Valkey: works; {home} is new and empty"
    async with bot_process(environ, tmp_path, "run") as run:
        await box.slack.wait_connected()
        assert await says() == f"✓ Embedded Valkey: running in {home}"
        assert await run.stop() == 0
    assert await says() == f"✓ Embedded Valkey: works in {home}"


async def test_doctor_names_a_data_dir_that_cant_be_used(environ: Environ, tmp_path: Path) -> None:
    """Nothing was tried in its place."""
    (tmp_path / "file").touch()
    environ = environ | {"REDIS_URL": "", "DATA_DIR": str(tmp_path / "file" / ".data")}
    code, out, _ = await command(environ, tmp_path, "doctor")
    assert code == 1
    assert out.startswith(f"✗ Embedded Valkey: DATA_DIR {tmp_path}/file/.data can't be used (")


async def test_two_doctors_beside_a_running_bot_disturb_nothing(
    environ: Environ, desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """An operator runs them while the bot runs."""
    del environ["REDIS_URL"]
    async with bot_process(environ, tmp_path, "run") as run:
        await box.slack.wait_connected()
        for _ in range(2):
            code, _, _ = await command(environ, tmp_path, "doctor")
            assert code == 0
        thread = await desk.linked_thread()
        await desk.until_delivered(await desk.reply("still here", thread))
        await wait_until(lambda: len(desk.received()) == 1, "it arrives once")
        assert await run.stop() == 0
