"""The watch: which sessions are polled when, and what was found.

A session that is due is taken by one process, for as long as its lease. What a poll found is
recorded by one script, which moves the cursor, remembers the messages' ids, and owes what is to be
posted, only if the session is still known as it was when it was taken. So a message that is read
twice is posted once. The poll of a process that died is made by another one after the lease.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from bot.model.ledger import Account, Use, fields_of, parse_uses, use_in
from bot.model.people import UserId
from bot.model.replies import Outcome
from bot.model.sessions import Said, SaidKind, Seen, SessionId, Started, Watched
from bot.model.threads import Link, ThreadRef, parse_thread
from bot.model.times import Millis, as_datetime
from bot.redis.connection import Store, millis, seconds
from bot.redis.keep import WATCHED
from bot.redis.keys import WATCH_KEY, ledger_key, watched_key
from bot.redis.lua import commands
from bot.store.cards import card_subject
from bot.store.lua import scripts
from bot.store.outbox import Owed, parse_owed
from bot.store.words import words_owed
from bot.timing import TIMING


@dataclass(frozen=True, slots=True)
class LinkedThread:
    """A thread that is linked to a watched session, whether it follows that or not, and its link.

    It `follows_from` then on what the session says: since it was linked or last began to follow, or
    0, from the session's start. Until it `is_caught_up`, what is new to a poll may be older. It was
    `owed` a message last whose short id that is, if any.
    """

    thread: ThreadRef
    link: Link
    follows_from: Millis = Millis(0)
    is_caught_up: bool = True
    owed: str = ""


@dataclass(frozen=True, slots=True)
class TakenPoll:
    """A poll of a session, taken at `began`, with its record (`before`: as it is kept).

    `replied` is when a reply last reached the session, or may have, and `reply_sent_at` when it was
    sent. `read_wanted_at` is when that or a link last asked for its messages to be read. Only an
    opened poll knows its threads, the ids of messages that were read, and how the session was
    `started`, if the relay did that. `pause` is the shortest time until the next one, in seconds.
    `taken` is when this process took it, by its monotonic clock.
    """

    session: SessionId
    began: Millis
    seen: Watched
    replied: Millis = Millis(0)
    read_wanted_at: Millis = Millis(0)
    before: str = ""
    threads: Sequence[LinkedThread] = ()
    read_ids: Collection[str] = ()
    pause: float = TIMING.watch_pause
    started: Started | None = None
    reply_sent_at: Millis = Millis(0)
    taken: float = field(default_factory=time.monotonic)

    def clock(self) -> datetime:
        """Return the time by Redis's clock, as are all other times here."""
        passed = timedelta(seconds=time.monotonic() - self.taken)
        return as_datetime(self.began) + passed

    def knows(self, id_: str) -> bool:
        """Return True if the message with that id was read before."""
        return short_id(id_) in self.read_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """The result of a poll that read messages.

    `ids` are the messages that were read, and `said` the items for each thread. `caught_up` are
    the threads that just became so, and `cards` those whose card changes. `after` is the time until
    the next one, or None. `left_out` counts messages that threads are not shown, by reason.
    """

    seen: Watched
    after: timedelta | None
    ids: Sequence[str] = ()
    said: Sequence[tuple[ThreadRef, Said]] = ()
    caught_up: Sequence[LinkedThread] = ()
    cards: Sequence[LinkedThread] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


def short_id(id_: str) -> str:
    """Return 64 bits of a message's id, to remember many of them."""
    return b64encode(sha256(id_.encode()).digest()[:8]).decode()[:11]


MONTH = "%Y-%m"


@dataclass(frozen=True, slots=True)
class Entry:
    """A session's total (ACUs) that has moved, and the one before."""

    session: SessionId
    account: Account
    base: float
    total: float


def entries_of(
    session: SessionId, account: Account, before: Seen, seen: Seen, *, is_own: bool
) -> Iterator[Entry]:
    """Yield what a poll enters: the totals of a session and of its children that have moved.

    What one had used before the session was first seen counts only if the relay started that
    (`is_own`): else it was used at another time, and perhaps for others.
    """
    if seen.acus is not None:
        base = before.acus if before.acus is not None else 0.0 if is_own else seen.acus
        if base != seen.acus:
            yield Entry(session, account, base, seen.acus)
    known = {one.session: one for one in before.children}
    of_child = account.model_copy(update={"parent": session})
    for one in seen.children:
        was = known.get(one.session)
        is_old = before.acus is None if was is None else was.is_old
        base = one.acus if is_old and not is_own else 0.0 if was is None else was.acus
        if base != one.acus:
            yield Entry(one.session, of_child, base, one.acus)


def used_by(poll: TakenPoll, seen: Seen) -> Sequence[Entry]:
    """Return what a poll enters into the ledger."""
    is_own = poll.started is not None
    return [*entries_of(poll.session, _account(poll), poll.seen, seen, is_own=is_own)]


def _account(poll: TakenPoll) -> Account:
    if (start := poll.started) is not None:
        return Account(by=start.by, channel=start.channel, thread=start.thread)
    if not poll.threads:
        return Account()
    first = min(poll.threads, key=lambda one: one.link.linked_at).thread
    return Account(channel=first.channel, thread=first.thread_ts)


MOST_IDS = 400
"""Most ids of messages that are remembered of a session; a page repeats at most 200."""


class Watches:
    """The watch, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._link_ttl = seconds(link_ttl)

    async def take(
        self, limit: int, ahead: timedelta
    ) -> tuple[Sequence[TakenPoll], float | None, Sequence[tuple[ThreadRef, Link | None]]]:
        """Take sessions that are due within `ahead`; return them and the seconds to the next.

        Also return the links that have ended without traffic, as far as they are known.
        """
        now, due, taken, ended = await scripts.take_polls(
            self._store, limit=limit, ahead_ms=millis(ahead), link_ttl=self._link_ttl
        )
        pause = self._store.timing.watch_pause
        polls = [
            TakenPoll(
                *(SessionId(session), now, _seen(raw, since) or Watched()),
                *(Millis(replied), Millis(wanted), raw),
                pause=pause,
                reply_sent_at=Millis(sent_at),
            )
            for session, raw, replied, wanted, sent_at, since in taken
        ]
        links = [(parse_thread(name), Link.parse(raw)) for name, raw in ended]
        return polls, max(0.0, (float(due) - now) / 1000) if float(due) else None, links

    async def open(self, poll: TakenPoll) -> TakenPoll:
        """Return the poll with its threads, the messages read before, and its start."""
        linked, read_ids, started = await scripts.open_poll(
            self._store, session=poll.session, link_ttl=self._link_ttl
        )
        found = [
            replace(_linked_thread(name, follows_from, link), owed=owed)
            for name, follows_from, raw, owed in linked
            if (link := Link.parse(raw)) is not None
        ]
        return replace(
            poll,
            threads=found,
            read_ids=dict.fromkeys(read_ids.split()),
            started=Started.parse(started),
        )

    async def threads_of(self, session: SessionId) -> Sequence[ThreadRef]:
        """Return the threads that are linked to `session`."""
        opened = await self.open(TakenPoll(session, Millis(0), Watched()))
        return [one.thread for one in opened.threads]

    async def record(self, poll: TakenPoll, found: Polled) -> Sequence[tuple[Owed, float]] | None:
        """Record a poll, once, and return the entries that it owes, each with its delay (s).

        Return None if another poll was recorded, or a thread was linked, meanwhile.
        """
        month, day = as_datetime(poll.began).strftime(f"{MONTH} %d").split()
        owes = await scripts.record_poll(
            self._store,
            session=poll.session,
            before=poll.before,
            seen=found.seen.to_json(),
            began=poll.began,
            after_ms=_after(found.after),
            read_ids=_read_ids(poll, found),
            said=[
                {
                    "thread": thread.name,
                    "item": said.model_copy(update={"session": poll.session}).to_json(),
                    "owed": str(words_owed(thread)),
                    "message": short_id(said.id) if said.kind is SaidKind.MESSAGE else "",
                }
                for thread, said in found.said
            ],
            caught_up=[
                {"name": one.thread.name, "at": one.follows_from} for one in found.caught_up
            ],
            cards=[
                {"thread": one.thread.name, "card": card_subject(one.thread, one.link)}
                for one in found.cards
            ],
            used=[
                [month, one.session, one.account.to_json(), str(one.base), day, str(one.total)]
                for one in used_by(poll, found.seen)
            ],
            link_ttl=self._link_ttl,
            card_pause_ms=int(self._store.timing.card_pause * 1000),
            tells=found.seen.answerable_since == poll.began,
        )
        return None if owes is None else [(parse_owed(one), ms / 1000) for one, ms in owes]

    async def end(self, polls: Sequence[tuple[TakenPoll, timedelta | None]]) -> None:
        """End polls that were taken together, each with the time to the next, and found nothing."""
        if polls:
            await scripts.end_polls(
                self._store,
                polls=[[one.session, _after(after)] for one, after in polls],
                began=polls[0][0].began,
            )

    async def begin(self, session: SessionId, started: Started) -> None:
        """Keep how the relay started `session`; a repeat changes nothing."""
        key, ttl = watched_key(session), max(timedelta(seconds=self._link_ttl), WATCHED)
        await self._store.put_field(key, "started", started.to_json(), ttl)

    async def started(self, session: SessionId) -> Started | None:
        """Return how the relay started `session`; None if it did not."""
        return Started.parse(await self._store.field(watched_key(session), "started"))

    async def beginning_with(self, short: str) -> Sequence[SessionId]:
        """Return the watched sessions whose ids begin with `short`, two of them at most."""
        found = await commands.members(
            self._store, key=WATCH_KEY, prefix=short, within_ms=millis(timedelta.max), limit=2
        )
        return [SessionId(one) for one in found[::2]]

    async def used(self, month: datetime, whose: str = "") -> Sequence[Use]:
        """Return the month's use (UTC) of sessions in whose account `whose` is, or of all."""
        fields = await self._store.all_fields(ledger_key(month.strftime(MONTH)))
        return await asyncio.to_thread(lambda: list(parse_uses(fields, whose)))  # it may be long

    async def use_of(self, session: SessionId, month: datetime) -> Use | None:
        """Return what one session used in the month (UTC), if anything."""
        key, names = ledger_key(month.strftime(MONTH)), fields_of(session)
        return use_in(session, (await self._store.fields([key], *names))[0])

    async def note_end(self, session: SessionId, by: UserId) -> None:
        """Keep who ends `session` from Slack; empty for nobody."""
        await self._store.put_field(watched_key(session), "ended_by", by, WATCHED)

    async def hurry(self, session: SessionId) -> None:
        """Have `session` polled now."""
        await scripts.hurry(self._store, session=session)

    async def seen(self, sessions: Sequence[SessionId]) -> Sequence[Watched]:
        """Return what was last seen of each of `sessions`, in their order."""
        if not sessions:
            return []
        found = await self._store.fields([watched_key(one) for one in sessions], "seen")
        return [Watched.parse(raw) or Watched() for (raw,) in found]

    async def asking(self, session: SessionId, asked: str) -> Watched | None:
        """Return what was last seen of `session` if what it `asked` is open, and not answered."""
        names = ("seen", "reply_sent_at", "answerable_since")
        ((raw, sent_at, since),) = await self._store.fields([watched_key(session)], *names)
        seen, sent = _seen(raw, since), Millis(sent_at or 0)
        is_open = seen is not None and seen.asked == asked and seen.answerable_since >= sent
        return seen if is_open else None

    async def last_outcome(self, session: SessionId, thread: ThreadRef) -> Outcome | None:
        """Return the outcome of the latest reply of `thread` to `session`; None without one."""
        return Outcome.parse(await self._store.field(watched_key(session), f"last:{thread.name}"))

    async def last_people(self, session: SessionId, thread: ThreadRef) -> tuple[str, str]:
        """Return who wrote the last reply of `thread` that may be there, and who ended it."""
        names = (f"by:{thread.name}", "ended_by")
        ((by, ended_by),) = await self._store.fields([watched_key(session)], *names)
        return by or "", ended_by or ""


def _linked_thread(name: str, follows_from: str, link: Link) -> LinkedThread:
    digits, _, is_read = follows_from.partition(" ")
    at = Millis(digits)
    return LinkedThread(parse_thread(name), link, at, is_caught_up=bool(is_read) or not at)


def _seen(raw: str | None, since: object) -> Watched | None:
    """Parse a record; its `answerable_since` is when its poll began, or `since`, when it ended."""
    seen, later = Watched.parse(raw), Millis(str(since or 0))
    return seen and seen.model_copy(update={"answerable_since": max(seen.answerable_since, later)})


def _read_ids(poll: TakenPoll, found: Polled) -> str:
    """Return the ids of messages to remember, those read last at the end; "" if none was read."""
    ids = dict.fromkeys(map(short_id, found.ids))
    before = (one for one in poll.read_ids if one not in ids)
    return " ".join([*before, *ids][-MOST_IDS:]) if ids else ""


def _after(pause: timedelta | None) -> int:
    return -1 if pause is None else millis(pause)
