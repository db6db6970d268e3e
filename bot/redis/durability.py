"""Asks Redis whether it keeps what it is given, and for how long its disk keeps what was deleted.

The embedded Valkey is tried for that, which leaves no directory that wasn't there before.

Every key has a TTL, so even a server that evicts only such keys loses links and queued replies.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.model.findings import Finding
from bot.redis import lua as commands
from bot.redis.connection import Store, open_store
from bot.redis.embedded.home import APPEND_ONLY, ValkeyHome
from bot.redis.embedded.server import embedded_valkey

KEEPS = "noeviction"
DAY = 24 * 3600

_EVICTS = "{policy}: it drops links and queued replies when it's full"
_SET_POLICY = "Set maxmemory-policy to noeviction."
_NO_LOG = "no append-only file, so a crash loses what came after the last snapshot, if there is one"
_SET_LOG = "Set appendonly to yes."
_REWRITES = "rewritten {times} times in {days} days; {grown} MB came since the last time"
_FAILED = "the last rewrite of the append-only file failed"
_STAYS = "{says}, so what was deleted stays on its disk"
_SET_REWRITES = "Run BGREWRITEAOF once a day (docs/deploying.md, Redis)."
_SEE_LOG = "The server's log has the reason."
_UNTOLD = "couldn't be checked, since Redis doesn't tell (INFO)"
_LET_TELL = "Allow the user of REDIS_URL `+info`, or make sure of {setting} yourself."


async def durability(store: Store) -> Sequence[Finding]:
    """Return what Redis says of its eviction and of its persistence; raises `StoreAway`."""
    facts = await _facts(store)
    return _eviction(facts.get("maxmemory_policy", "")), _persistence(facts.get("aof_enabled", ""))


async def deletion(store: Store) -> Sequence[Finding]:
    """Return what Redis says of how often its log is rewritten, if any; raises `StoreAway`."""
    return rewrites(await _facts(store))


def rewrites(facts: Mapping[str, str]) -> Sequence[Finding]:
    """Judge what INFO tells: once a day is enough. It counts from the start of the server."""
    what = "Redis deleted data"
    if not (has_log := facts.get("aof_enabled", "")):
        return [_unknown(what, "a daily `BGREWRITEAOF`")]
    if has_log != "1":
        return []
    if facts.get("aof_last_bgrewrite_status", "ok") != "ok":
        return [_doubtful(what, _STAYS.format(says=_FAILED), _SEE_LOG)]
    grown = int(facts.get("aof_current_size", 0)) - int(facts.get("aof_base_size", 0))
    times, days = int(facts.get("aof_rewrites", 0)), int(facts.get("uptime_in_seconds", 0)) // DAY
    says = _REWRITES.format(times=times, days=days, grown=f"{grown / 1e6:.1f}")
    if grown <= 0 or times >= days - 1:
        return [Finding(what, is_good=True, says=says)]
    return [_doubtful(what, _STAYS.format(says=says), _SET_REWRITES)]


async def _facts(store: Store) -> Mapping[str, str]:
    lines = [line for text in await commands.info(store) for line in text.splitlines()]
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _eviction(policy: str) -> Finding:
    what = "Redis eviction"
    if not policy:
        return _unknown(what, "`maxmemory-policy noeviction`")
    if policy == KEEPS:
        return Finding(what, is_good=True, says=policy)
    return Finding(what, is_good=False, says=_EVICTS.format(policy=policy), fix=_SET_POLICY)


def _persistence(has_log: str) -> Finding:
    what = "Redis persistence"
    if not has_log:
        return _unknown(what, "`appendonly yes`")
    if has_log == "1":
        return Finding(what, is_good=True, says="append-only file")
    return _doubtful(what, _NO_LOG, _SET_LOG)


def _unknown(what: str, setting: str) -> Finding:
    return _doubtful(what, _UNTOLD, _LET_TELL.format(setting=setting))


def _doubtful(what: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=True, warns=True, says=says, fix=fix)


_OLD = timedelta(days=2)
_NOT_REWRITTEN = "its file wasn't rewritten for {days} days, so what was deleted stays on the disk"
_SEE_RELAY = "A relay that runs does it daily. If one runs, see valkey.log in DATA_DIR."


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
    says = _NOT_REWRITTEN.format(days=age.days)
    return [Finding("Embedded Valkey", is_good=True, warns=True, says=says, fix=_SEE_RELAY)]


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
    return f"works in {home.path}" if (home.path / APPEND_ONLY).exists() else _new(home.path)


def _new(path: Path) -> str:
    return f"works; {path} is new and empty"
