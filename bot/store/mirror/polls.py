"""Polls of watched sessions, the budget of reads that they share, and the ledger that they write.

A twelfth of the minute's reads may be made at once, and the rest is spread evenly, so that no
minute has more of them than the setting allows.
"""

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from bot.model.ledger import Account, Use, parse_uses
from bot.model.mirror import Said, Started, Watched
from bot.model.owed import Owed
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.store.lua import mirror as lua
from bot.timing import TIMING

AT_ONCE = 12
"""The part of the minute's reads that may be made at once: one in this many."""


@dataclass(frozen=True, slots=True)
class Follower:
    """A thread of a watched session, its link, and when it joined (Unix ms): 0 if caught up."""

    thread: ThreadRef
    link: Link
    joined: int


@dataclass(frozen=True, slots=True)
class Poll:
    """A session that was taken at `began` (Unix ms), with its record (`before`: as it is kept).

    `replied` is when a reply last reached it, which was `sent` before, and `wanted` when that or a
    link last asked for its messages to be read. Only an opened poll knows the followers, the
    messages `shown`, and how the session was `started`, if the relay did that. `pause` is the
    shortest time until the next one, in seconds.
    """

    session: SessionId
    began: int
    seen: Watched
    replied: int = 0
    wanted: int = 0
    before: str = ""
    followers: Sequence[Follower] = ()
    shown: Collection[str] = ()
    pause: float = TIMING.watch_pause
    started: Started | None = None
    sent: int = 0

    def knows(self, id_: str) -> bool:
        """Return True if the message with that id was read before."""
        return short_id(id_) in self.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of a poll that read messages.

    `ids` are the messages that were read, and `said` the items for each thread. `joined` are the
    followers that are caught up now, and `cards` those whose card changes. `after` is the time
    until the next poll, None if there is none.
    """

    seen: Watched
    after: timedelta | None
    ids: Sequence[str] = ()
    said: Sequence[tuple[ThreadRef, Said]] = ()
    joined: Sequence[Follower] = ()
    cards: Sequence[Follower] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entries that a poll owes: what is to be posted now, and cards with their delays (s)."""

    words: Sequence[Owed] = ()
    cards: Sequence[tuple[Owed, float]] = ()


def short_id(id_: str) -> str:
    """Return 64 bits of a message's id, to remember many of them."""
    return b64encode(sha256(id_.encode()).digest()[:8]).decode()[:11]


class Reads:
    """The budget, in Redis."""

    def __init__(self, store: Store, per_minute: int) -> None:
        self._store = store
        self._per_minute = per_minute
        self._burst = max(2, per_minute // AT_ONCE)
        self.seconds_each = 60 / max(1, per_minute - self._burst)

    async def spend(
        self, most: int = 1, *, rest: int = 0, is_made: bool = False, pause: float = 0.0
    ) -> tuple[int, float]:
        """Spend up to `most` reads, if `rest` are left over, or all if they were made already.

        During a `pause`, in seconds, no process reads. Return how many are spent, and the seconds
        until one more can be had.
        """
        spent, wait_ms = await lua.spend_reads(
            self._store,
            most=most,
            per_minute=self._per_minute,
            burst=self._burst,
            rest=rest,
            is_made=is_made,
            pause_ms=int(pause * 1000),
        )
        return spent, wait_ms / 1000


MONTH = "%Y-%m"


class Ledger:
    """Reads the ledger: one hash a month, which the polls write; see `bot/model/ledger.py`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def month(self, of: datetime) -> Sequence[Use]:
        """Return what sessions have used in the month of that time, which is in UTC."""
        found = await lua.read_ledger(self._store, month=of.strftime(MONTH))
        return list(parse_uses(dict(zip(found[::2], found[1::2], strict=True))))


def entry_of(poll: Poll, seen: Watched) -> Sequence[str]:
    """Return what `RECORD_POLL` enters of a session: nothing, if its total has not moved."""
    before = base_of(poll, seen)
    if seen.acus is None or before == seen.acus:
        return ()
    at = datetime.fromtimestamp(poll.began / 1000, UTC)
    account, day = _account(poll).to_json(), at.strftime("%d")
    return (at.strftime(MONTH), account, str(before), day, str(seen.acus))


def base_of(poll: Poll, seen: Watched) -> float:
    """Return the total from which what a poll has `seen` counts.

    What a session had used before it was first seen counts only if the relay started it: else it
    was used at another time, and perhaps for others.
    """
    if poll.seen.acus is not None:
        return poll.seen.acus
    return (seen.acus or 0.0) if poll.started is None else 0.0


def _account(poll: Poll) -> Account:
    if (start := poll.started) is not None:
        return Account(by=start.by, channel=start.channel, thread=start.thread)
    if not poll.followers:
        return Account()
    first = min(poll.followers, key=lambda one: one.link.at).thread
    return Account(channel=first.channel, thread=first.thread_ts)
