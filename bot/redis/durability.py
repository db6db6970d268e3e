"""Asks Redis whether it keeps what it is given, and tries the embedded Valkey for that.

Every key has a TTL, so even a server that evicts only such keys loses links and queued replies.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from bot.model.findings import Finding
from bot.redis.connection import Store, open_store
from bot.redis.embedded.home import APPEND_ONLY, ValkeyHome
from bot.redis.embedded.server import embedded_valkey
from bot.redis.lua import commands

_EVICTS = "{policy}: it drops links and queued replies when it's full"
_SET_POLICY = "Set maxmemory-policy to noeviction."
_NO_LOG = "no append-only file, so a crash loses what came after the last snapshot, if there is one"
_SET_LOG = "Set appendonly to yes."
_UNTOLD = "couldn't be checked, since Redis doesn't tell (INFO)"
_LET_TELL = "Allow the user of REDIS_URL `+info`, or make sure of it yourself. "


async def durability(store: Store) -> Sequence[Finding]:
    """Return what Redis says of its eviction and of its persistence; raises `StoreAway`."""
    lines = [line for text in await commands.info(store) for line in text.splitlines()]
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    policy, log = facts.get("maxmemory_policy", ""), facts.get("aof_enabled", "")
    eviction, persistence = "Redis eviction", "Redis persistence"
    if policy == "noeviction":
        evicts = Finding(eviction, is_good=True, says=policy)
    elif policy:
        says = _EVICTS.format(policy=policy)
        evicts = Finding(eviction, is_good=False, says=says, fix=_SET_POLICY)
    else:
        evicts = _doubtful(eviction, _UNTOLD, _LET_TELL + _SET_POLICY)
    if log == "1":
        return evicts, Finding(persistence, is_good=True, says="append-only file")
    says, fix = (_NO_LOG, _SET_LOG) if log else (_UNTOLD, _LET_TELL + _SET_LOG)
    return evicts, _doubtful(persistence, says, fix)


def _doubtful(what: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=True, warns=True, says=says, fix=fix)


async def try_valkey(data_dir: Path) -> tuple[str, str]:
    """Return which Valkey answers, and the address of one that runs for a relay.

    Raises `EmbeddedValkeyError` or `StoreAway`.
    """
    home = ValkeyHome.prepare(data_dir)
    is_new, lock = not (home.path / APPEND_ONLY).exists(), home.lock_server()
    if lock is not None:
        os.close(lock)
    async with embedded_valkey(home.path) as url, open_store(url) as store:
        await store.ping()
    if lock is None:
        return f"running in {home.path}", url
    return (f"works; {home.path} is new and empty" if is_new else f"works in {home.path}"), ""
