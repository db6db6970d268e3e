"""A link's card: which post it is, what it shows, its slot, and whether that is still right.

`wanted` counts the requests for an edit: a try ends the card's entry only if none came meanwhile. A
new link has a card of its own; that of a link that has ended is edited a last time. Its `slot` is
what Slack shows beside the thread.
"""

from dataclasses import dataclass

from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.store.lua import outbox as lua
from bot.store.outbox import Begun, Owed, OwedKind

FIELDS = ("wanted", "session", "ts", "shows", "slot", "again")
"""The fields of a card's record that its teller needs."""


def card_owed(thread: ThreadRef, link: Link) -> Owed:
    """Return the outbox entry of the card of a thread's link."""
    return Owed(card_subject(thread, link), 1, OwedKind.CARD)


def card_subject(thread: ThreadRef, link: Link) -> str:
    """Return the subject of the card of a thread's link."""
    return f"{card_prefix(thread)}{link.card}"


def card_prefix(thread: ThreadRef) -> str:
    """Return what precedes the number of a link's card in its subject."""
    return f"{thread.team}:card:{thread.channel}:{thread.thread_ts}:"


def thread_of(subject: str) -> ThreadRef:
    """Return the thread of a subject of a card, or of a thread's words."""
    team, _, channel, thread_ts, *_ = subject.split(":")
    return ThreadRef(team=team, channel=channel, thread_ts=thread_ts)


@dataclass(frozen=True, slots=True)
class Told:
    """What a try has told: the card's post, a digest of what it shows, and the thread's slot.

    `is_open`: it shows what Devin does. The entry rests for `again` seconds, or until it was to be
    told anyway, if nobody asks for an edit before; None: it ends.
    """

    ts: str
    shows: str
    slot: str = ""
    is_open: bool = True
    again: float | None = None


class Cards:
    """Asks for cards, and ends tries at them, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def is_at(self, thread: ThreadRef, link: Link, ts: str) -> bool:
        """Return True if the message at `ts` is the card of that link of `thread`."""
        return await self._store.field(subject_key(card_subject(thread, link)), "ts") == ts

    async def want(self, thread: ThreadRef, link: Link, *, doubts: bool = False) -> float | None:
        """Ask for a link's card to be edited; return the seconds until it may, if there is one.

        With `doubts`, the thread's slot is set again, whatever Slack shows.
        """
        after = await lua.want_card_of(
            self._store,
            name=card_subject(thread, link),
            pace_ms=self._store.timing.card_pause_ms,
            doubts=doubts,
        )
        return None if after < 0 else after / 1000

    async def was_open(self, thread: ThreadRef, link: Link) -> bool:
        """Return True if a link's card has shown what Devin does, or there is none that tells."""
        card = subject_key(card_subject(thread, link))
        ((session, is_open),) = await self._store.fields([card], "session", "open")
        return session is None or is_open is not None

    async def end(self, begun: Begun, told: Told, pause: float | None) -> float | None:
        """Note what was told.

        Return the seconds until an edit that was asked for meanwhile: the usual pause, or that one.
        """
        usual = self._store.timing.card_pause_ms
        after = await lua.end_card(
            self._store,
            owed=str(begun.owed),
            held=begun.held,
            wanted=begun.record["wanted"],
            ts=told.ts,
            shows=told.shows,
            slot=told.slot,
            is_open=told.is_open,
            pace_ms=usual if pause is None else int(pause * 1000),
            again_ms=-1 if told.again is None else int(told.again * 1000),
        )
        return None if after < 0 else after / 1000
