"""Asks Redis whether it keeps what it is given.

Every key of the relay has a TTL, so even a server that evicts only such keys loses links and
queued replies.
"""

from collections.abc import Sequence

from bot.model.findings import Finding
from bot.redis.connection import Store
from bot.redis.keys import ALIVE_KEY
from bot.redis.lua import commands

KEEPS = "noeviction"

_EVICTS = "{policy}: it drops links and queued replies when it's full"
_SET_POLICY = "Set maxmemory-policy to noeviction."
_NO_LOG = "no append-only file, so a crash loses what came after the last snapshot, if there is one"
_SET_LOG = "Set appendonly to yes."
_UNTOLD = "couldn't be checked, since Redis doesn't tell (INFO)"
_LET_TELL = "Allow the user of REDIS_URL `+info`, or make sure of {setting} yourself."


async def durability(store: Store) -> Sequence[Finding]:
    """Return what Redis says of its eviction and of its persistence.

    Raises:
        StoreAway: it doesn't answer.
    """
    told = await commands.info(store, key=ALIVE_KEY)
    lines = [line for text in told for line in text.splitlines()]
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    return _eviction(facts.get("maxmemory_policy", "")), _persistence(facts.get("aof_enabled", ""))


def _eviction(policy: str) -> Finding:
    what = "Redis eviction"
    if not policy:
        setting = "`maxmemory-policy noeviction`"
        return _unknown(what, setting)
    if policy == KEEPS:
        return Finding(what, is_good=True, says=policy)
    return Finding(what, is_good=False, says=_EVICTS.format(policy=policy), fix=_SET_POLICY)


def _persistence(has_log: str) -> Finding:
    what = "Redis persistence"
    if not has_log:
        return _unknown(what, "`appendonly yes`")
    if has_log == "1":
        return Finding(what, is_good=True, says="append-only file")
    return Finding(what, is_good=True, warns=True, says=_NO_LOG, fix=_SET_LOG)


def _unknown(what: str, setting: str) -> Finding:
    fix = _LET_TELL.format(setting=setting)
    return Finding(what, is_good=True, warns=True, says=_UNTOLD, fix=fix)
