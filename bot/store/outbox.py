"""The outbox: what must be posted, or done in Slack, until Slack took it or refused it for good.

An entry is written in the step that causes it, so a crash anywhere delays it and never loses it.
Each is about a subject, a record in Redis, whose fields mean something only to the entry's kind.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.owed import Owed, parse_owed
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import OUTBOX_KEY, subject_key
from bot.redis.scripts import Script

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=60)
"""An entry that was begun and not ended is looked at again after this time."""

TRYING = timedelta(seconds=45)
"""Until then nobody else begins; `reporting/reporter.py` stops before that."""

KEEP = timedelta(days=7)
"""How long what is owed outlasts the last try."""

GRACE = timedelta(seconds=5)
"""Mail and entries that have been due for this long are overdue."""


# The key outlives what is owed, so that asking again later does not owe it a second time.
#
# KEYS: what is owed, outbox
# ARGV: JSON, entry, keep s
# Returns: 1 while it has still to be done.
_OWE = Script("""
if redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.call('ZSCORE', KEYS[2], ARGV[2]) and 1 or 0
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'asked', ARGV[1], 'round', 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
""")

# KEYS: what is owed, outbox
# ARGV: entry, 1 when it was done or never can be: only that it was owed stays known
_END = Script("""
if ARGV[2] == '1' then redis.call('HDEL', KEYS[1], 'asked') end
return redis.call('ZREM', KEYS[2], ARGV[1])
""")

# KEYS: outbox
# ARGV: grace ms, limit
# Returns: entries that are late, the longest first.
_LATE = Script("""
local time = redis.call('TIME')
local before = time[1] * 1000 - ARGV[1]
return redis.call('ZRANGE', KEYS[1], '-inf', before, 'BYSCORE', 'LIMIT', 0, ARGV[2])
""")

# KEYS: subject, outbox
# ARGV: entry, the field that says until when it is being tried, retry ms, trying ms, fields to read
# Returns: whether it was begun before, and the fields; false if it is over, or if somebody else
# tries it at this moment.
_BEGIN = Script("""
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return false end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local begun = redis.call('HGET', KEYS[1], ARGV[2])
if begun and tonumber(begun) > now then return false end
redis.call('HSET', KEYS[1], ARGV[2], now + ARGV[4])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
local found = redis.call('HMGET', KEYS[1], unpack(ARGV, 5))
for at = 1, #found do found[at] = found[at] or '' end
return {begun and 1 or 0, unpack(found)}
""")

# KEYS: subject, outbox
# ARGV: entry, the field of _BEGIN, 1 when Slack may have taken it all the same, due in ms,
#       keep s: while it is tried, nothing that it needs is forgotten
_PAUSE = Script("""
for place = 1, 2 do
  if redis.call('TTL', KEYS[place]) < tonumber(ARGV[5]) then
    redis.call('EXPIRE', KEYS[place], ARGV[5])
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], 'XX', now + ARGV[4], ARGV[1])
if ARGV[3] == '0' then return redis.call('HDEL', KEYS[1], ARGV[2]) end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[2], 0) end
return 1
""")


@dataclass(frozen=True, slots=True)
class Begun:
    """A try at an entry.

    `again`: Slack may have taken it from an earlier try. `record` has the fields of the subject
    that were asked for, empty where there is none.
    """

    owed: Owed
    again: bool
    record: Mapping[str, str]


class Outbox:
    """The entries, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def owe(self, owed: Owed, what: str, keep: timedelta) -> bool:
        """Keep `what` as `asked` of its subject, once for each; True while it has to be done.

        That it was owed is known for as long as `keep`.

        Raises:
            StoreAway: it is not known to be owed.
        """
        keys = [subject_key(owed.subject), OUTBOX_KEY]
        return bool(await self._store.run(_OWE, keys, [what, str(owed), seconds(keep)]))

    async def begin(self, owed: Owed, fields: Sequence[str]) -> Begun | None:
        """Begin a try, and read `fields` of the subject; None when it is over, or another tries."""
        answer = await self._store.run(
            _BEGIN,
            [subject_key(owed.subject), OUTBOX_KEY],
            [str(owed), _begun(owed), millis(RETRY), millis(TRYING), *fields],
        )
        if not answer:
            return None
        again, *found = answer
        return Begun(owed, bool(again), dict(zip(fields, found, strict=True)))

    async def pause(self, owed: Owed, after: float, *, may_be_done: bool) -> None:
        """End this try; another one is due in `after` seconds."""
        await self._store.run(
            _PAUSE,
            [subject_key(owed.subject), OUTBOX_KEY],
            [str(owed), _begun(owed), int(may_be_done), int(after * 1000), seconds(KEEP)],
        )

    async def end(self, owed: Owed, *, forget: bool) -> None:
        """End the entry; with `forget` only that it was owed stays known, and not what."""
        keys = [subject_key(owed.subject), OUTBOX_KEY]
        await self._store.run(_END, keys, [str(owed), int(forget)])

    async def overdue(self, grace: timedelta, limit: int) -> Sequence[Owed]:
        """Entries that nobody tries, due since `grace`, the longest first.

        Those of a kind that a newer version made are left to its processes.
        """
        late = await self._store.run(_LATE, [OUTBOX_KEY], [millis(grace), limit])
        known = [owed for one in late if (owed := parse_owed(one)) is not None]
        if left := len(late) - len(known):
            log.info("reports left to a newer version", extra={"reports": left})
        return known


def _begun(owed: Owed) -> str:
    return f"begun:{owed.number}:{owed.kind}"
