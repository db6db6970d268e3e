"""The audit trail: a line for each act of a person that sends something to Devin or changes a link.

The lines are part of the log, under one name, and with `AUDIT_LOG` also in a file, as JSON. They
hold ids and lengths, never words. Their events and fields are a contract (`docs/operations.md`).
"""

import errno
import logging
import os
import stat
from collections.abc import Set as AbstractSet
from enum import StrEnum
from pathlib import Path

from bot.runtime.logs import Lines

TRAIL = logging.getLogger("bot.audit")
"""The name is a literal: those who evaluate the log select by it."""

log = logging.getLogger(__name__)

MODE = 0o600

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Nobody's link is followed, and a named pipe, which is refused below, does not block."""


class Event(StrEnum):
    """An act of a person, as it is named in the trail."""

    ACCEPTED = "accepted"
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
    DEFAULTS_CHANGED = "defaults changed"
    DIGEST_SET = "digest set"


def audit(event: Event, by: str, /, **ids: object) -> None:
    """Put on record what `by` did, once it has taken effect; an empty id is left out."""
    TRAIL.info(event.value, extra={"by": by, **{key: one for key, one in ids.items() if one != ""}})


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
