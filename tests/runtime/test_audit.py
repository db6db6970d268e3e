"""The file of the audit trail is appended to, and closed to others; a failure is told."""

import json
import logging
import os
import resource
import stat
from pathlib import Path

import pytest

from bot.runtime.logs import TRAIL, AuditFile, Event, open_file
from sandbox import Sandbox
from tests.support.desk import SESSION, Desk
from tests.support.processes import bot_process, command
from tests.support.waiting import wait_until

Environ = dict[str, str]

ANOTHER = 65534
"""The uid of another user."""


def line(act: Event = Event.LINKED) -> logging.LogRecord:
    fields = {"name": TRAIL.name, "msg": act.value, "levelno": logging.INFO, "levelname": "INFO"}
    return logging.makeLogRecord({**fields, "by": "U0ADA", "session_id": SESSION})


def events(path: Path) -> list[str]:
    """Return the events of a file, all of whose lines are whole."""
    return [json.loads(one)["event"] for one in path.read_text().splitlines() if one]


def unusable(kind: str, place: Path) -> Path:
    """Make something that is no file of the relay's own, and return its path."""
    path = place / "audit.jsonl"
    match kind:
        case "link":
            (place / "other").touch()
            path.symlink_to(place / "other")
        case "dangling":
            path.symlink_to(place / "other")
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "nowhere":
            path = place / "missing" / "audit.jsonl"
        case _ if os.geteuid() == 0:
            path.touch()
            os.chown(path, ANOTHER, -1)
        case _:
            path = Path("/etc/passwd")
    return path


UNUSABLE = ("link", "dangling", "pipe", "directory", "nowhere", "another user's")


def test_lines_are_added_to_a_file_that_is_closed_to_others(tmp_path: Path) -> None:
    """What is there stays; one that was open to others is closed."""
    path = tmp_path / "audit.jsonl"
    path.write_text('{"event": "before"}\n')
    path.chmod(0o644)
    trail = AuditFile(path, frozenset())
    trail.emit(line())
    assert events(path) == ["before", "linked"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    last = json.loads(path.read_text().splitlines()[-1])
    assert (last["by"], last["session_id"], last["logger"]) == ("U0ADA", SESSION, "bot.audit")


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    """A rotation needs no signal."""
    path, moved = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    trail = AuditFile(path, frozenset())
    trail.emit(line(Event.LINKED))
    path.rename(moved)
    trail.emit(line(Event.UNLINKED))
    assert (events(moved), events(path)) == (["linked"], ["unlinked"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_is_not_a_file_of_its_own_is_refused(kind: str, tmp_path: Path) -> None:
    """Somebody else could read the trail, change it, or have another file written."""
    path = unusable(kind, tmp_path)
    with pytest.raises(OSError, match=r".") as refused:
        open_file(path)
    assert str(tmp_path) not in (refused.value.strerror or "")
    assert not (kind == "dangling" and (tmp_path / "other").exists())


def test_a_line_that_cannot_be_written_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the line; once the file can be written, the next ones are there."""
    path, away = tmp_path / "trail" / "audit.jsonl", tmp_path / "away"
    path.parent.mkdir()
    trail = AuditFile(path, frozenset())
    path.parent.rename(away)
    trail.emit(line())
    (told,) = caplog.records
    assert (told.levelname, told.getMessage()) == ("ERROR", "audit log not written")
    assert vars(told)["reason"] == "no such file or directory"
    away.rename(path.parent)
    trail.emit(line(Event.UNLINKED))
    assert events(path) == ["unlinked"]


def test_a_line_of_which_only_a_part_was_written_spoils_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """That is how a disk becomes full; here, a limit for the size of files stands for it."""
    path = tmp_path / "audit.jsonl"
    trail = AuditFile(path, frozenset())
    trail.emit(line(Event.LINKED))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        trail.emit(line(Event.MUTED))
        trail.emit(line(Event.UNMUTED))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    trail.emit(line(Event.UNLINKED))
    first, part, last = path.read_text().splitlines()
    assert [json.loads(one)["event"] for one in (first, last)] == ["linked", "unlinked"]
    assert len(part) == 20
    assert [one.getMessage() for one in caplog.records] == ["audit log not written"] * 2


async def test_a_process_writes_the_trail_to_its_file_as_well(
    environ: Environ, box: Sandbox, desk: Desk, tmp_path: Path
) -> None:
    """The file has it whatever the log shows, and nothing but the trail."""
    path = tmp_path / "audit.jsonl"
    settings = {**environ, "AUDIT_LOG": str(path), "LOG_LEVEL": "WARNING", "LOG_FORMAT": "json"}
    async with bot_process(settings, tmp_path, "run") as run:
        await box.slack.wait_connected()
        root = await desk.linked_thread()
        await desk.reply("Please rebase", root)
        await wait_until(lambda: len(events(path)) == 2, "both are on record")
        assert await run.stop() == 0
    assert events(path) == ["linked", "accepted"]
    assert "bot.audit" not in run.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["run", "worker"])
async def test_a_file_that_cannot_be_written_is_a_wrong_setting(
    environ: Environ, tmp_path: Path, name: str
) -> None:
    """Nobody believes in a trail that isn't there."""
    path = unusable("link", tmp_path)
    code, out, err = await command(environ | {"AUDIT_LOG": str(path)}, tmp_path, name)
    assert (code, out) == (2, "")
    assert err.startswith("✗ AUDIT_LOG: it is a symbolic link; expected a file that ")
    assert str(path) not in err


@pytest.mark.parametrize("kind", ["", "there", *UNUSABLE])
async def test_doctor_looks_at_the_file_and_leaves_it_as_it_is(
    environ: Environ, tmp_path: Path, kind: str
) -> None:
    """One that `doctor` made would be its own."""
    path = unusable(kind, tmp_path) if kind in UNUSABLE else tmp_path / "audit.jsonl"
    if kind == "there":
        path.touch()
        path.chmod(0o644)
    code, out, _ = await command(environ | {"AUDIT_LOG": str(path)}, tmp_path, "doctor")
    is_bad = kind in UNUSABLE
    assert f"{'✗' if is_bad else '✓'} Audit log: " in out
    assert code == int(is_bad)
    assert path.exists() is (kind not in {"", "dangling", "nowhere"})
    assert kind != "there" or stat.S_IMODE(path.stat().st_mode) == 0o644
