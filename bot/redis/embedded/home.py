"""The directory of an embedded Valkey: its locks, its socket, its options and its log.

The directory belongs to us and is private (0700), and its earlier content is checked, so nobody
else has put anything into it.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

from bot.model.errors import EmbeddedValkeyError

if sys.platform != "win32":  # where the relay needs REDIS_URL, but this module is still imported
    import fcntl

ADVICE = "Set REDIS_URL to use your own Redis or Valkey."

APPEND_ONLY = "appendonlydir"  # Valkey's name for the directory of its append-only file

# Strings aren't compressed, so that a search for a person's words finds them if they are there.
_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-load-truncated": "yes",
    "auto-aof-rewrite-percentage": "100",
    "auto-aof-rewrite-min-size": "1mb",
    "rdbcompression": "no",
    "save": "",
    "maxmemory-policy": "noeviction",
    "set-proc-title": "no",
    "daemonize": "yes",
}


class ValkeyHome:
    """One private directory; create it with `prepare`. At `url` is the server that runs there.

    It writes its pid file, and a log, which grows by a few lines per start and per rewrite.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = path / "valkey.sock"
        self.log_path = path / "valkey.log"
        self.pid_path = path / "valkey.pid"
        self.url = f"unix://{quote(os.fsencode(self.socket))}?db=0"

    @classmethod
    def prepare(cls, data_dir: Path) -> Self:
        """Create the directory, for its owner only; raise `EmbeddedValkeyError` if that fails.

        A directory that others use too (one we work in or below, or a sticky one like /tmp) is
        refused, because closing it to them would do harm. So is one that belongs to another user,
        or that holds a symbolic link or somebody else's file: the server would write through it.
        """
        try:
            path = data_dir.resolve()
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if Path.cwd().is_relative_to(path) or path.stat().st_mode & stat.S_ISVTX:
                raise EmbeddedValkeyError(
                    f"DATA_DIR must be a directory that nothing else uses, not {path}."
                )
            _close_to_others(path)
            _check_content(path)
        except OSError as error:
            raise EmbeddedValkeyError(
                f"DATA_DIR {data_dir} can't be used ({error.strerror})",
                f"Set it to another directory. {ADVICE}",
            ) from error
        return cls(path)

    def lock_server(self) -> int | None:
        """Return the descriptor for one server to inherit, or None while a server runs here."""
        return _lock(self.path / "server.lock", fcntl.LOCK_EX)

    def lock_users(self) -> int | None:
        """Return the descriptor that makes us a user, or None while the last one leaves."""
        return _lock(self.path / "in-use.lock", fcntl.LOCK_SH)

    def is_last_user(self, using: int) -> bool:
        """Return True if nobody but `using` is a user, and nobody becomes one until it closes."""
        return _is_locked(using, fcntl.LOCK_EX)

    @property
    def arguments(self) -> Sequence[str]:
        """The arguments of a server that listens on the socket only and keeps every write."""
        files = {"unixsocket": self.socket, "logfile": self.log_path, "pidfile": self.pid_path}
        options = {**_OPTIONS, **files, "dir": self.path}
        return [one for name, value in options.items() for one in (f"--{name}", str(value))]

    def remove_unfinished(self) -> None:
        """Remove what a rewrite leaves behind if its server is killed; no server may run here."""
        for path in self.path.glob("temp-rewriteaof-*.aof"):
            path.unlink()

    def last_words(self, log_start: int) -> str:
        """Return the end of what the server has logged since the log was `log_start` bytes long."""
        log = self.log_path.read_bytes()[log_start:].decode(errors="replace")
        return "\n".join(log.splitlines()[-8:])


def _close_to_others(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check_owner(directory, os.fstat(descriptor))
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def _check_content(home: Path) -> None:
    """Refuse anything that others may have put there before the directory was closed to them."""
    # Directories that the server does not use, such as `lost+found`, may belong to anybody.
    for path in (*home.iterdir(), *(home / APPEND_ONLY).glob("*")):
        with contextlib.suppress(FileNotFoundError):  # a server that runs renames its files
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                raise EmbeddedValkeyError(f"DATA_DIR: {path} is a symbolic link", "Remove it.")
            if path.name == APPEND_ONLY or not stat.S_ISDIR(found.st_mode):
                _check_owner(path, found)


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise EmbeddedValkeyError(
            f"DATA_DIR: {path} belongs to another user (uid {found.st_uid}), and the relay runs as "
            f"uid {os.geteuid()}",
            f"Change its owner, or set DATA_DIR to another directory. {ADVICE}",
        )


def _lock(path: Path, how: int) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _is_locked(descriptor, how):
        return descriptor
    os.close(descriptor)
    return None


def _is_locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
