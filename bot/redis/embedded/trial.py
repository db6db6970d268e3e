"""Tries the embedded Valkey of DATA_DIR, and leaves no directory that wasn't there before."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.model.findings import Finding
from bot.redis.connection import open_store
from bot.redis.embedded.home import APPEND_ONLY, ValkeyHome
from bot.redis.embedded.server import embedded_valkey

_OLD = timedelta(days=2)
_STAYS = "its file wasn't rewritten for {days} days, so what was deleted stays on the disk"
_REWRITES = "A relay that runs does it daily. If one runs, see valkey.log in DATA_DIR."


async def try_valkey(data_dir: Path) -> str:
    """Return which Valkey answers, or raise `EmbeddedValkeyError` or `StoreAway`."""
    with _home(data_dir) as (home, says):
        async with embedded_valkey(home) as url, open_store(url) as store:
            await store.ping()
    return says


def old_data(data_dir: Path) -> Sequence[Finding]:
    """Return a warning if deleted data of more than two days may be in the append-only file."""
    age = ValkeyHome(data_dir.resolve()).age()
    if age < _OLD:
        return []
    says = _STAYS.format(days=age.days)
    return [Finding("Embedded Valkey", is_good=True, warns=True, says=says, fix=_REWRITES)]


@contextmanager
def _home(data_dir: Path) -> Iterator[tuple[Path, str]]:
    path = data_dir.resolve()
    missing = _missing(path)
    home = ValkeyHome.prepare(path)
    if not missing:
        yield path, _state(home)
        return
    for one in missing:
        one.rmdir()
    with TemporaryDirectory(prefix="devin-relay-doctor-") as place:
        yield Path(place), _new(path)


def _missing(path: Path) -> Sequence[Path]:
    try:
        return [one for one in (path, *path.parents) if not one.exists()]
    except OSError:
        return ()  # `ValkeyHome.prepare` says why


def _state(home: ValkeyHome) -> str:
    lock = home.lock_server()
    if lock is None:
        return f"running in {home.path}"
    os.close(lock)
    has_data = (home.path / APPEND_ONLY).exists()
    return f"works in {home.path}" if has_data else _new(home.path)


def _new(path: Path) -> str:
    return f"works; {path} is new and empty"
