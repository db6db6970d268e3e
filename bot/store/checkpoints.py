"""Which threads have to be read, because something written there may be missing, and since when.

Each process vouches for itself: it notes up to which `ts` it has kept all that Slack brought it. A
process that starts, or lost its connection, reads from the earliest of these on; one that refused
an event reads that event's thread. So a reply that was accepted vouches for no other.

What is noted here stays until the thread has been read, by whichever process lives to do it.
Sessions with such threads are *behind*: their mail waits, so that what is missing can come first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import (
    DUE_KEY,
    FORMER_BEHIND_KEY,
    FORMER_CATCHING_UP_KEY,
    FORMER_GAP_KEY,
    behind_key,
    catching_up_key,
    gap_key,
    link_prefix,
    listeners_key,
    mail_key,
    read_key,
    recent_key,
    unread_key,
)
from bot.store.lua import checkpoints as lua
from bot.store.lua.mailbox import renew

CATCH_UP = timedelta(hours=24)

OVERLAP = timedelta(minutes=5)
"""Read again before a process' mark: events come in any order, and some were on their way."""

LEASE = timedelta(seconds=6)
"""How long who reads may go without a sign of life before another takes over."""

DEAD = timedelta(seconds=30)
"""A process that has not said for so long up to when it kept everything is gone."""

WAIT_FOR_MISSING = timedelta(seconds=30)
"""How long after it was accepted a reply may wait for its session's threads to be read."""

KEEP_READ = timedelta(hours=25)
"""Slack's Delayed Events bring a message for 24 h; what was gone by then is not taken as it was."""

MOST_AT_ONCE = 500
"""Threads that one script notes; Redis does nothing else meanwhile."""


def named(thread: ThreadRef) -> str:
    """A thread's name among those of its team."""
    return f"{thread.channel}:{thread.thread_ts}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A thread in which something may be missing that was written `after` (a `ts` in us)."""

    thread: ThreadRef
    after: int


@dataclass(frozen=True, slots=True)
class Missed:
    """An event that was refused: written in `thread` at `ts` (microseconds).

    `is_command`: somebody asked for something there.
    """

    thread: ThreadRef
    ts: int
    is_command: bool = False


class Checkpoints:
    """What has to be read, in Redis; `token` names this process."""

    def __init__(self, store: Store, team: str, within: timedelta, token: str) -> None:
        self._store = store
        self._team = team
        self._within = millis(within)
        self._token = token

    async def note_all(self, since: int | None = None) -> None:
        """Something may be missing in any thread, since then (a `ts` in us), or since any process.

        What is noted already is not noted twice, so that many starts are one reading.
        """
        await self._adopt()
        await lua.note_all(
            self._store,
            gap=gap_key(self._team),
            recent=recent_key(self._team),
            unread=unread_key(self._team),
            behind=behind_key(self._team),
            listeners=listeners_key(self._team),
            token=self._token,
            begun="" if since is None else str(since),
            within_ms=self._within,
            overlap_us=millis(OVERLAP) * 1000,
            dead_ms=millis(DEAD),
            link_prefix=link_prefix(self._team),
        )

    async def note(self, missed: Sequence[Missed]) -> None:
        """These were refused. Of a thread without a link, or muted, only commands count."""
        for begin in range(0, len(missed), MOST_AT_ONCE):
            some = missed[begin : begin + MOST_AT_ONCE]
            await lua.note_missed(
                self._store,
                gap=gap_key(self._team),
                unread=unread_key(self._team),
                behind=behind_key(self._team),
                within_ms=self._within,
                link_prefix=link_prefix(self._team),
                # Reading goes on after a message, so it begins before this one.
                threads=[(named(one.thread), one.ts - 1, one.is_command) for one in some],
            )

    async def vouch(self, until: int) -> int | None:
        """This process has kept all that Slack brought it until then (a `ts` in us).

        Returns until when one has that died since, and took with it what it refused.
        """
        since = await lua.vouch(
            self._store,
            listeners=listeners_key(self._team),
            token=self._token,
            kept=str(until),
            within_ms=self._within,
            dead_ms=millis(DEAD),
        )
        return None if since is None else int(since)

    async def leave(self) -> None:
        """This process listens no more."""
        listeners = listeners_key(self._team)
        await lua.leave(self._store, listeners=listeners, token=self._token, dead_ms=millis(DEAD))

    async def claim(self) -> str | None:
        """The gap that is ours to read, if there is one; an empty word while another reads it."""
        await self._adopt()
        answer = await lua.claim_gap(
            self._store,
            gap=gap_key(self._team),
            catching_up=catching_up_key(self._team),
            token=self._token,
            lease_ms=millis(LEASE),
        )
        return None if answer == "none" else "" if answer == "held" else answer

    async def is_left(self) -> bool:
        """Whether there is something to read, and nobody reads it: who did died, perhaps."""
        is_left = await lua.is_left(
            self._store,
            gap=gap_key(self._team),
            catching_up=catching_up_key(self._team),
            former_gap=FORMER_GAP_KEY,
            former_catching_up=FORMER_CATCHING_UP_KEY,
        )
        return bool(is_left)

    async def _adopt(self) -> None:
        """Take over what an earlier version noted, under names without a team, and left."""
        await lua.adopt_gap(
            self._store,
            former_gap=FORMER_GAP_KEY,
            former_behind=FORMER_BEHIND_KEY,
            former_catching_up=FORMER_CATCHING_UP_KEY,
            gap=gap_key(self._team),
            behind=behind_key(self._team),
            within_ms=self._within,
        )

    async def renew(self) -> None:
        """Go on being the one who reads."""
        await renew(
            self._store,
            lease=catching_up_key(self._team),
            token=self._token,
            lease_ms=millis(LEASE),
        )

    async def let_go(self, gap: str = "") -> bool:
        """Read no more; True while something is wanted since `gap`, which was read."""
        is_wanted = await lua.let_go(
            self._store,
            gap=gap_key(self._team),
            catching_up=catching_up_key(self._team),
            behind=behind_key(self._team),
            token=self._token,
            read=gap,
        )
        return bool(is_wanted)

    async def unread(self) -> tuple[str, Sequence[Unread]]:
        """The gap as it is now, and the threads to read, those with the latest traffic first."""
        gap, found, recent = await lua.list_unread(
            self._store,
            gap=gap_key(self._team),
            unread=unread_key(self._team),
            recent=recent_key(self._team),
        )
        place = {name: number for number, name in enumerate(recent)}
        since = dict(zip(found[::2], found[1::2], strict=True))
        names = sorted(since, key=lambda name: place.get(name, len(place)))
        return gap, [Unread(self._thread(name), int(float(since[name]))) for name in names]

    async def awaited(self, limit: int = 20) -> Sequence[SessionId]:
        """Sessions whose mail waits for their threads, the longest first."""
        found = await lua.list_awaited(self._store, behind=behind_key(self._team), limit=limit)
        return [SessionId(one) for one in found]

    async def read(
        self, gap: str, session: SessionId, threads: Sequence[Unread], until: int
    ) -> bool:
        """These threads of `session` were read, up to then; True if its mail waited for that."""
        has_waited = await lua.note_read(
            self._store,
            gap=gap_key(self._team),
            unread=unread_key(self._team),
            read=read_key(self._team),
            behind=behind_key(self._team),
            due=DUE_KEY,
            mail=mail_key(session),
            read_gap=gap,
            session=session,
            until_us=until,
            keep=seconds(KEEP_READ),
            threads=[(named(one.thread), one.after) for one in threads],
        )
        return bool(has_waited)

    def _thread(self, name: str) -> ThreadRef:
        channel, _, thread_ts = name.partition(":")
        return ThreadRef(team=self._team, channel=channel, thread_ts=thread_ts)
