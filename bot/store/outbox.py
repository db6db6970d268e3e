"""What the threads have still to be told.

A report is owed from the same step that writes an outcome, and stays owed until Slack took it or
refused it for good; so a crash anywhere between delays a report and never loses it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.outcomes import Outcome
from bot.model.owed import ReportId, ReportKind, parse_report
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, PREFIX, reply_key
from bot.redis.pipelining import Script

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=60)
"""A report that was begun and not told is looked at again after this time."""

TELLING = timedelta(seconds=45)
"""Until then nobody else begins; `reporting/reporter.py` stops before that."""

KEEP = timedelta(days=7)
"""How long what is owed outlasts the last try to tell it."""

_WAITING = frozenset({"waiting", "sending"})

GRACE = timedelta(seconds=5)
"""Mail and reports that have been due for this long are overdue; a burst settles sooner."""

MOST_HELD = 20_000
"""Sessions one look passes over: twenty processes hold no more, each at its largest concurrency."""


# The key outlives what is owed, so that asking again later does not owe it a second time.
#
# KEYS: what is owed, untold
# ARGV: JSON, report, keep s
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

_FORGET = Script("return redis.call('HDEL', KEYS[1], 'asked')")

# A busy session keeps its old due time, so the look goes on past sessions that somebody holds.
#
# KEYS: due
# ARGV: grace ms, limit, hold prefix, sessions to look at in all
# Returns: sessions whose mail is due and that nobody holds, the longest due first.
_OVERDUE = Script("""
local time = redis.call('TIME')
local before = time[1] * 1000 - ARGV[1]
local limit = tonumber(ARGV[2])
local late = math.min(redis.call('ZCOUNT', KEYS[1], '-inf', before), tonumber(ARGV[4]))
local found, at = {}, 0
while at < late and #found < limit do
  for _, session in ipairs(redis.call('ZRANGE', KEYS[1], at, math.min(at + 500, late) - 1)) do
    if #found == limit then break end
    if redis.call('EXISTS', ARGV[3] .. session) == 0 then found[#found + 1] = session end
  end
  at = at + 500
end
return found
""")

# KEYS: untold
# ARGV: grace ms, limit
# Returns: reports that are late, the longest first.
_UNTOLD = Script("""
local time = redis.call('TIME')
local before = time[1] * 1000 - ARGV[1]
return redis.call('ZRANGE', KEYS[1], '-inf', before, 'BYSCORE', 'LIMIT', 0, ARGV[2])
""")

# KEYS: reply, untold
# ARGV: report, the field that says until when it is being told, retry ms, telling ms
# Returns: the reply's fields and whether this report was begun before; false if it is told, or is
# being told by somebody else at this moment.
_BEGIN_REPORT = Script("""
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
local f = redis.call('HMGET', KEYS[1], 'state', 'reply', 'outcome', 'noticed', 'round', 'session')
return {begun and 1 or 0, f[1] or '', f[2] or '', f[3] or '', f[4] or '', f[5] or '', f[6] or ''}
""")

# KEYS: reply, untold
# ARGV: report, the field of _BEGIN_REPORT, 1 when it may have been told all the same, due in ms,
#       keep s: while it is tried, nothing that it needs is forgotten
_PAUSE_REPORT = Script("""
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

# KEYS: reply, untold
# ARGV: report, 1 when it was a notice that was given
# Returns: the reply's state.
_END_REPORT = Script("""
if ARGV[2] == '1' and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'noticed', 1)
end
redis.call('ZREM', KEYS[2], ARGV[1])
local is = redis.call('HMGET', KEYS[1], 'state', 'meanwhile')
-- Taken back while its report still needed the words (`store/meanwhile.py`).
if is[1] == 'done' and is[2] == '' then redis.call('HDEL', KEYS[1], 'reply') end
return is[1] or ''
""")


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to tell.

    `begun`: an earlier try may have told it. `is_waiting`: the reply has no outcome yet.
    `was_noticed`: the thread was told that it waits. `is_current`: it was not sent again since.
    """

    id: ReportId
    begun: bool
    is_waiting: bool
    reply: Reply | None
    outcome: Outcome | None
    was_noticed: bool
    is_current: bool
    session: SessionId


class Outbox:
    """The untold reports, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def owe(self, report: ReportId, what: str, keep: timedelta) -> bool:
        """Owe `report`, about `what`, once for each id; True while it has still to be done.

        That it was owed is known for as long as `keep`.

        Raises:
            StoreAway: it is not known to be owed.
        """
        keys = [reply_key(report.reply), OUTBOX_KEY]
        return bool(await self._store.run(_OWE, keys, [what, str(report), seconds(keep)]))

    async def owed(self, report: ReportId) -> str | None:
        """What `owe` was given; None once it has been done."""
        return await self._store.field(reply_key(report.reply), "asked")

    async def forget(self, report: ReportId) -> None:
        """It was done, or never can be: only that it was owed stays known."""
        await self._store.run(_FORGET, [reply_key(report.reply)], [])

    async def begin(self, report: ReportId) -> Report | None:
        """What there is to tell; None when it has been told, or another is telling it now."""
        answer = await self._store.run(
            _BEGIN_REPORT,
            [reply_key(report.reply), OUTBOX_KEY],
            [str(report), _begun(report), millis(RETRY), millis(TELLING)],
        )
        if not answer:
            return None
        begun, state, reply, outcome, noticed, number, session = answer
        return Report(
            id=report,
            begun=bool(begun),
            is_waiting=state in _WAITING,
            reply=Reply.model_validate_json(reply) if reply else None,
            outcome=Outcome.model_validate_json(outcome) if outcome else None,
            was_noticed=bool(noticed),
            is_current=number == str(report.round),
            session=SessionId(session),
        )

    async def pause(self, report: ReportId, after: float, *, may_be_told: bool) -> None:
        """This try is over and another one is due in `after` seconds."""
        await self._store.run(
            _PAUSE_REPORT,
            [reply_key(report.reply), OUTBOX_KEY],
            [str(report), _begun(report), int(may_be_told), int(after * 1000), seconds(KEEP)],
        )

    async def end(self, report: ReportId, *, told: bool) -> bool:
        """The thread has been told, or never can or need be; True while the reply still waits."""
        gave_notice = told and report.kind is ReportKind.NOTICE
        state = await self._store.run(
            _END_REPORT,
            [reply_key(report.reply), OUTBOX_KEY],
            [str(report), int(gave_notice)],
        )
        return state in _WAITING

    async def overdue(
        self, grace: timedelta, limit: int
    ) -> tuple[Sequence[SessionId], Sequence[ReportId]]:
        """Sessions whose mail nobody delivers, and reports that nobody tells, since `grace`.

        Reports of a kind that a newer version made are left to its processes.
        """
        sessions = await self.abandoned(grace, limit)
        reports = await self._store.run(_UNTOLD, [OUTBOX_KEY], [millis(grace), limit])
        known = [report for one in reports if (report := parse_report(one)) is not None]
        if left := len(reports) - len(known):
            log.info("reports left to a newer version", extra={"reports": left})
        return sessions, known

    async def abandoned(self, grace: timedelta, limit: int) -> Sequence[SessionId]:
        """Up to `limit` sessions that nobody holds, due for at least `grace`, longest due first."""
        sessions = await self._store.run(
            _OVERDUE, [DUE_KEY], [millis(grace), limit, f"{PREFIX}:hold:", limit + MOST_HELD]
        )
        return [SessionId(one) for one in sessions]

    async def depths(self) -> tuple[int, int]:
        """How many sessions have mail, and how many reports are untold."""
        return await self._store.size(DUE_KEY), await self._store.size(OUTBOX_KEY)


def _begun(report: ReportId) -> str:
    return f"begun:{report.round}:{report.kind}"
