"""Logging: one line per event, with ids as fields, and without secrets or people's text.

What repeats itself is written once in a while, with a count (`Repeats`). Fields come from `extra=`.
A field must never hold text that people wrote: its length is logged instead.

The audit trail has a line for each act of a person that sends something to Devin or changes a link.
Its lines are part of the log, under one name, and with `AUDIT_LOG` also in a file, as JSON. Their
events and fields are a contract (`docs/troubleshooting.md`).
"""

import errno
import json
import logging
import math
import os
import stat
import sys
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TextIO

QUIET = (
    *("slack_bolt", "slack_sdk", "aiohttp", "httpx", "httpcore", "asyncio", "redis"),
    "markdown_it",
)
"""Their INFO and DEBUG lines print message bodies, tokens and every poll."""

REPEAT_SECONDS = 30.0
"""The time in which an identical WARNING or ERROR is written once."""

MOST_KINDS = 1_000


def configure(
    level: str,
    form: str,
    secrets: AbstractSet[str],
    stream: TextIO = sys.stderr,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send all logging to `stream`, as `form` ("console" or "json"), without the `secrets`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(form, secrets))
    handler.addFilter(Repeats(clock))
    handler.setLevel(level)  # the audit trail is written at its own, for its file
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # No line shows them, and `logging` would make a system call for each record (Python's HOWTO).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class Repeats(logging.Filter):
    """Lets an identical WARNING or ERROR through once in `REPEAT_SECONDS`, with a count of others.

    What is away for an hour is asked for thousands of times. Lines are identical that differ in
    numbers at most: one that names a reply, a session or a reference has a line of its own.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a repetition; the next line that passes counts those as `suppressed`."""
        if record.levelno < logging.WARNING:
            return True
        fields = (repr(one) for one in _fields(record).values() if not isinstance(one, int | float))
        kind, now = (record.name, record.getMessage(), *fields), self._clock()
        at, suppressed = self._seen.get(kind, (-math.inf, 0))
        if now < at + REPEAT_SECONDS:
            self._seen[kind] = at, suppressed + 1
            return False
        if suppressed:
            record.suppressed = suppressed
        if len(self._seen) >= MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = now, 0
        return True


class Lines(logging.Formatter):
    """Formats a record with its fields, without the `secrets`, as text or as JSON."""

    def __init__(self, form: str, secrets: AbstractSet[str]) -> None:
        super().__init__()
        forms = {form for secret in secrets if secret for form in _written(secret)}
        self._longest_first = sorted(forms, key=len, reverse=True)
        self._line = self._json if form == "json" else self._text
        # `json.dumps` with a `default` makes an encoder for each call.
        self._encode = json.JSONEncoder(default=repr).encode

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; a traceback in the text adds its own."""
        fields = _fields(record)
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        text = self._line(record, fields, traceback)
        for secret in self._longest_first:
            text = text.replace(secret, "[secret]")
        return text

    def _json(self, record: logging.LogRecord, fields: Mapping[str, object], traceback: str) -> str:
        line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **fields,
            "timestamp": _time(record),
        }
        return self._encode(line | {"exception": traceback} if traceback else line)

    def _text(self, record: logging.LogRecord, fields: Mapping[str, object], traceback: str) -> str:
        level = f"[{record.levelname.lower():<9}]"
        line = f"{_time(record)} {level} {record.getMessage():<24} [{record.name}]"
        shown = "".join(f" {name}={_on_one_line(value)}" for name, value in fields.items())
        return f"{line}{shown}\n{traceback}" if traceback else line + shown


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    standard = _standard()
    return {name: value for name, value in vars(record).items() if name not in standard}


@cache
def _standard() -> AbstractSet[str]:
    """Return what all records have, apart from `extra`. Python 3.12 adds `taskName`."""
    return frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _on_one_line(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(value)


def _written(secret: str) -> AbstractSet[str]:
    """Return a secret verbatim, and as a `repr`, a JSON string or both show it."""
    plain = {secret, repr(secret)[1:-1]}
    return plain | {json.dumps(form)[1:-1] for form in plain}


TRAIL = logging.getLogger("bot.audit")
"""The name is a literal: those who evaluate the log select by it."""

log = logging.getLogger(__name__)

MODE = 0o600

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Nobody's link is followed, and a named pipe, which is refused below, does not block."""


class Event(StrEnum):
    """An act of a person, as it is named in the trail; features have names of their own."""

    ACCEPTED = "accepted"
    SENT_AS = "sent as"
    SENT_AGAIN = "sent again"
    EDITED = "edited"
    TURNED_AWAY = "turned away"
    LINKED = "linked"
    UNLINKED = "unlinked"
    MUTED = "muted"
    UNMUTED = "unmuted"
    FOLLOWED = "followed"
    STARTED = "session started"
    ANSWERED = "answered"
    APPROVED = "approved"
    STOPPED = "stop requested"
    ENDED = "session ended"
    ARCHIVED = "session archived"
    DEFAULT_SET = "default set"
    DEFAULT_CLEARED = "default cleared"


def audit(event: str, by: str, /, **ids: object) -> None:
    """Put on record what `by` did, once it has taken effect; an empty id is left out."""
    TRAIL.info(str(event), extra={"by": by, **{key: one for key, one in ids.items() if one != ""}})


def audit_to(path: Path, secrets: AbstractSet[str]) -> None:
    """Write the trail to the file as well, whatever `LOG_LEVEL` is; raises as `open_file` does."""
    os.close(open_file(path))
    TRAIL.handlers = [AuditFile(path, secrets)]
    TRAIL.setLevel(logging.INFO)


class AuditFile(logging.Handler):
    """Appends each line to a file, which is opened for it: a rotation needs no signal.

    Several processes may share the file, since a line is written at once. A failure is an error in
    the log, which has the line as well at INFO, and the work goes on.
    """

    def __init__(self, path: Path, secrets: AbstractSet[str]) -> None:
        super().__init__()
        self._path = path
        self._begins = b""
        self.setFormatter(Lines("json", secrets))

    def emit(self, record: logging.LogRecord) -> None:
        """Append the line of `record`."""
        line = self._begins + self.format(record).encode() + b"\n"
        try:
            self._append(line)
        except OSError as error:
            log.error("audit log not written", extra={"reason": reason_of(error)})  # noqa: TRY400  (the reason says all)

    def _append(self, line: bytes) -> None:
        with os.fdopen(open_file(self._path), "wb", buffering=0) as file:
            written = file.write(line)
        # A disk that is full may take a part of a line; the next one must not continue it.
        self._begins = b"" if written == len(line) else b"\n"
        if self._begins:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def open_file(path: Path, *, creates: bool = True) -> int:
    """Open the file, which must be this user's alone, to append to it; raises `OSError`."""
    try:
        opened = os.open(path, _FLAGS | (os.O_CREAT if creates else 0), MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link") from None
        raise
    try:
        _check(opened, creates=creates)
    except OSError:
        os.close(opened)
        raise
    return opened


def reason_of(error: OSError) -> str:
    """Return why the file can't be opened or written, without its path."""
    return (error.strerror or type(error).__name__).lower()


def _check(opened: int, *, creates: bool) -> None:
    found = os.fstat(opened)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"it belongs to another user (uid {found.st_uid})")
    if creates and stat.S_IMODE(found.st_mode) != MODE:
        os.fchmod(opened, MODE)
