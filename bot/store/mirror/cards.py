"""A thread's card: which post it is, what it shows, and whether that is still right.

`wanted` counts the requests for an edit: a try ends the card's entry only if none came meanwhile. A
new link makes a new card, and the one of the link before it is edited a last time.
"""

from datetime import timedelta

from bot.model.owed import Owed, OwedKind
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, seconds
from bot.redis.keys import OUTBOX_KEY, subject_key
from bot.store.lua import words as lua
from bot.store.outbox import Begun, begun_field

KEEP_WANTED = timedelta(days=30)

FIELDS = ("wanted", "number", "session", "ts", "shows", "before", "doubted")
"""The fields of a card's record that its teller needs."""


def card_owed(thread: ThreadRef) -> Owed:
    """Return the outbox entry of a thread's card."""
    return Owed(card_subject(thread), 1, OwedKind.CARD)


def card_subject(thread: ThreadRef) -> str:
    """Return the subject of a thread's card, which `thread_of` reads."""
    return f"{thread.team}:card:{thread.channel}:{thread.thread_ts}"


def thread_of(subject: str) -> ThreadRef:
    """Return the thread of a subject of a card, or of its words."""
    team, _, channel, thread_ts = subject.split(":")
    return ThreadRef(team=team, channel=channel, thread_ts=thread_ts)


class Cards:
    """Asks for cards, and ends tries at them, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def is_at(self, thread: ThreadRef, ts: str) -> bool:
        """Return True if the message at `ts` is the card of `thread`."""
        return await self._store.field(subject_key(card_subject(thread)), "ts") == ts

    async def want(self, thread: ThreadRef) -> float | None:
        """Ask for the card of `thread` to be edited; return the seconds until it may, if any."""
        after = await lua.want_card_of(
            self._store,
            card=subject_key(card_subject(thread)),
            outbox=OUTBOX_KEY,
            owed=str(card_owed(thread)),
            pace_ms=self._store.timing.card_pause_ms,
            keep=seconds(KEEP_WANTED),
        )
        return None if after < 0 else after / 1000

    async def was_open(self, thread: ThreadRef) -> bool:
        """Return True if the thread was shown what Devin does, or has no card that tells."""
        card = subject_key(card_subject(thread))
        number = await self._store.field(card, "number")
        return number is None or await self._store.field(card, "open") is not None

    async def end(self, begun: Begun, ts: str, shows: str, *, is_open: bool) -> float | None:
        """Note the post and what it shows; return the seconds until the next edit, if any.

        `is_open` says that it shows what Devin does.
        """
        after = await lua.end_card(
            self._store,
            card=subject_key(begun.owed.subject),
            outbox=OUTBOX_KEY,
            owed=str(begun.owed),
            begun=begun_field(begun.owed),
            wanted=begun.record["wanted"],
            ts=ts,
            shows=shows,
            is_open=is_open,
            number=begun.record["number"],
            pace_ms=self._store.timing.card_pause_ms,
        )
        return None if after < 0 else after / 1000
