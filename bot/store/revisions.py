"""What becomes of an accepted reply whose message is edited or deleted before it is delivered.

Each change is one script, so that it never meets a reply that is just being taken. With one that is
being sent it is noted, for the case that Devin does not take it (`store/meanwhile.py`). `edited` on
the reply is the `ts` of the latest edit that counted, in microseconds; the same edit, or an older
one that comes late, does nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.model.errors import StoreAway
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.replies import Reply, ReplyId
from bot.model.sessions import SessionId
from bot.redis.connection import Store, seconds
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, box_key, mail_key, reply_key
from bot.redis.scripts import Script
from bot.store.attachments import FIELD
from bot.store.mailbox import KEEP_DONE
from bot.store.meanwhile import NOTE, WITHDRAW
from bot.text.to_devin import is_empty

AHEAD = timedelta(hours=25)
"""How long an edit or a deletion waits for the event of its message, which may come after it.

Slack's Delayed Events bring that for 24 h.
"""

NEVER_TAKEN = frozenset({OutcomeKind.REFUSED, OutcomeKind.GIVEN_UP})

TRIES = 5

LOOK_SECONDS = 0.25
LONGEST_TRY_SECONDS = 120.0
"""Longer than one try takes: its files, its POST, and the look whether it arrived."""

# KEYS: reply
_READ = Script("return redis.call('HMGET', KEYS[1], 'session', 'reply')")

# KEYS: reply, mail, box, due, untold
# ARGV: the reply that was read, or nothing to withdraw; the new one; the edit's time in us, or 0;
#       reply id, session, keep s, how long to wait for its message in s, or 0, the field that
#       notes what became of its files if these are others now
# Returns: what happened, and the outcome so far.
_REVISE = Script(
    WITHDRAW
    + NOTE
    + """
local was = redis.call('HMGET', KEYS[1], 'state', 'reply', 'edited', 'outcome', 'session',
                       'followed')
local state, edited = was[1], tonumber(ARGV[3])
if edited > 0 and tonumber(was[3] or 0) >= edited then
  if was[6] ~= ARGV[3] then return {'repeated', ''} end
  return {state == 'withdrawn' and 'withdrawn' or 'changed', ''}
end
-- Accepted since it was read: the keys are not those of its mailbox.
if (was[5] or '') ~= ARGV[5] then return {'raced', ''} end
if not state then
  if ARGV[7] == '0' then return {'unknown', ''} end
  redis.call('HSET', KEYS[1], 'state', 'withdrawn', 'edited', edited)
  if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'state', 'ahead', 'reply', ARGV[2]) end
  redis.call('EXPIRE', KEYS[1], ARGV[7])
  return {'ahead', ''}
end
if state == 'withdrawn' then return {'repeated', ''} end
if state == 'done' then
  -- Nobody shall send again what its author took back; its report may still need the words.
  local report = ARGV[4] .. '|' .. redis.call('HGET', KEYS[1], 'round') .. '|outcome'
  if ARGV[2] == '' and redis.call('ZSCORE', KEYS[5], report) then
    note(KEYS[1], '', ARGV[3], '')
  elseif ARGV[2] == '' then
    redis.call('HDEL', KEYS[1], 'reply')
  end
  return {'late', was[4] or ''}
end
if ARGV[2] ~= '' and was[2] ~= ARGV[1] then return {'raced', ''} end
if state == 'sending' then
  note(KEYS[1], ARGV[2], ARGV[3], ARGV[8])
  return {'sending', ''}
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'reply', ARGV[2], 'edited', edited)
  if ARGV[8] ~= '' then redis.call('HDEL', KEYS[1], ARGV[8]) end
  return {state == 'ahead' and 'ahead' or 'changed', ''}
end
if state == 'ahead' then
  redis.call('HSET', KEYS[1], 'state', 'withdrawn', 'edited', edited)
  redis.call('HDEL', KEYS[1], 'reply')
  return {'ahead', ''}
end
withdraw(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[4], ARGV[5], edited, ARGV[6])
return {'withdrawn', ''}
"""
)

# KEYS: reply
# ARGV: number
# Returns: the number of the reply's offer.
_OFFER = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return ARGV[1] end
redis.call('HSETNX', KEYS[1], 'offer', ARGV[1])
return redis.call('HGET', KEYS[1], 'offer')
""")

# KEYS: reply
# ARGV: the edit's time in us
_OFFERED = Script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HSET', KEYS[1], 'edited', ARGV[1])
""")


class Revised(StrEnum):
    """What an edit or a deletion met."""

    UNKNOWN = "unknown"
    """No such reply was accepted."""

    AHEAD = "ahead"
    """The same; should its message still come, it comes as it is now."""

    REPEATED = "repeated"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    SENDING = "sending"
    """It is being sent: it is changed if Devin does not take it. Asked again, that is known."""

    LATE = "late"
    """It was sent."""


TOO_LATE = frozenset({Revised.LATE, Revised.SENDING})


@dataclass(frozen=True, slots=True)
class Revision:
    """What happened, and how the reply ended before, if it did."""

    what: Revised
    outcome: Outcome | None = None

    @property
    def may_be_taken(self) -> bool:
        """Whether Devin may have read the message, if it was sent."""
        how = self.outcome
        return how is None or how.kind not in NEVER_TAKEN or how.is_unread


class Revisions:
    """Changes of replies that wait, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def change(
        self, reply: Reply, edited: int, *, drops_forwarded: bool = False, may_be_ahead: bool
    ) -> Revision:
        """Let what waits of `reply` be this; `edited` is when it was edited, in microseconds.

        What an edit does not show is kept: its files, who sent it, which step waits for it, and
        what it forwards, unless `drops_forwarded`. A reply in which nothing is left is withdrawn.
        """
        for _ in range(TRIES):
            session, raw = await self._read(reply.id)
            kept = Reply.model_validate_json(raw) if raw else reply
            new = _revised(kept, reply, drops_forwarded=drops_forwarded)
            what = await self._revise(
                *(reply.id, session, raw or "", "" if is_empty(new) else new.to_json(), edited),
                note="" if new.all_files == kept.all_files else FIELD,
                may_be_ahead=may_be_ahead,
            )
            if what is not None:
                return what
        return Revision(Revised.REPEATED)  # other edits came in between each time, later ones

    async def withdraw(self, reply: ReplyId, edited: int = 0, *, may_be_ahead: bool) -> Revision:
        """Take `reply` out of its mailbox, if it waits there; `edited`: by an edit of then."""
        for _ in range(TRIES):
            session, _raw = await self._read(reply)
            what = await self._revise(reply, session, "", "", edited, may_be_ahead=may_be_ahead)
            if what is not None:
                return what
        return Revision(Revised.REPEATED)

    async def offer(self, reply: ReplyId, number: str) -> str:
        """The number under which a correction of `reply` is offered: the first that was given."""
        return str(await self._store.run(_OFFER, [reply_key(reply)], [number]))

    async def offered(self, reply: ReplyId, edited: int) -> None:
        """The correction of that edit has been offered."""
        await self._store.run(_OFFERED, [reply_key(reply)], [edited])

    async def _read(self, reply: ReplyId) -> tuple[SessionId | None, str | None]:
        session, raw = await self._store.run(_READ, [reply_key(reply)], [])
        return (SessionId(session) if session else None), raw

    async def _revise(
        self,
        reply: ReplyId,
        session: SessionId | None,
        old: str,
        new: str,
        edited: int,
        *,
        note: str = "",
        may_be_ahead: bool,
    ) -> Revision | None:
        of = session or SessionId("")
        what, outcome = await self._store.run(
            _REVISE,
            [reply_key(reply), mail_key(of), box_key(of), DUE_KEY, OUTBOX_KEY],
            [
                *(old, new, edited, reply, of),
                *(seconds(KEEP_DONE), seconds(AHEAD) if may_be_ahead else 0, note),
            ],
        )
        if what == "raced":
            return None
        parsed = Outcome.model_validate_json(outcome) if outcome else None
        return Revision(Revised(what), parsed)


def _revised(kept: Reply, shown: Reply, *, drops_forwarded: bool) -> Reply:
    """The reply as an edit shows it, with what the edit does not show."""
    unseen: dict[str, object] = {"sent_by": kept.sent_by, "step": kept.step}
    if not shown.files:
        unseen["files"] = kept.files
    if not (shown.forwarded or drops_forwarded):
        unseen["forwarded"] = kept.forwarded
    return shown.model_copy(update=unseen)


async def outlasted(change: Callable[[], Awaitable[Revision]]) -> Revision:
    """What `change` meets once its reply is no longer being sent; still that, after two minutes.

    It is made again and again, also while Redis is away: what it noted is kept there.
    """
    met = Revision(Revised.SENDING)
    deadline = time.monotonic() + LONGEST_TRY_SECONDS
    while met.what is Revised.SENDING and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        with suppress(StoreAway):
            met = await change()
    return met
