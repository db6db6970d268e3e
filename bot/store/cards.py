"""A link's card is a post in its thread, and its `slot` what Slack shows beside that.

`requests` counts those for an edit of it: a try ends the card's entry only if none came meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.store.lua import scripts
from bot.store.outbox import Begun, Due, Owed, OwedKind


def card_owed(thread: ThreadRef, link: Link) -> Owed:
    """Return the outbox entry of the card of a thread's link."""
    return Owed(card_subject(thread, link), 1, OwedKind.CARD)


def card_subject(thread: ThreadRef, link: Link) -> str:
    """Return the subject of the card of a thread's link."""
    return f"{thread.team}:card:{thread.channel}:{thread.thread_ts}:{link.card}"


class Cards:
    """Asks for cards, and ends tries at them, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def is_at(self, thread: ThreadRef, link: Link, ts: str) -> bool:
        """Return True if the message at `ts` is the card of that link of `thread`.

        One that was just posted counts as any, since its `ts` is noted once Slack's state is set.
        """
        session, known = await self._of(thread, link, "session", "ts")
        return known == ts or (session is not None and not known)

    async def want(self, thread: ThreadRef, link: Link, *, doubts: bool = False) -> float | None:
        """Ask for a link's card to be edited; return the seconds until it may, if there is one.

        With `doubts`, the thread's slot is set again, whatever Slack shows.
        """
        after = await scripts.want_card_of(
            self._store,
            name=card_subject(thread, link),
            card_pause_ms=int(self._store.timing.card_pause * 1000),
            doubts=doubts,
        )
        return None if after < 0 else after / 1000

    async def was_open(self, thread: ThreadRef, link: Link) -> bool:
        """Return True if a link's card has shown what Devin does, or there is none that tells."""
        session, is_open = await self._of(thread, link, "session", "open")
        return session is None or is_open is not None

    async def was_refused(self, thread: ThreadRef, link: Link) -> bool:
        """Return True if a link's card rests, since its slot is to be filled later."""
        slot, rests_until = await self._of(thread, link, "slot", "rests_until")
        return rests_until is not None and not slot

    async def _of(self, thread: ThreadRef, link: Link, *names: str) -> Sequence[str | None]:
        card = subject_key(card_subject(thread, link))
        return (await self._store.fields([card], *names))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardShown:
    """A card is posted at `ts`, with a digest of what it `shows`; and the thread's `slot`.

    `is_open`: it shows what Devin does. The entry rests for `rest` seconds, or until it was to be
    told anyway, if nobody asks for an edit before; None: it ends.
    """

    ts: str
    shows: str
    slot: str = ""
    is_open: bool = True
    rest: float | None = None
    told: bool = True

    async def settle(self, store: Store, begun: Begun) -> Sequence[Due]:
        """Note that; an edit that was asked for meanwhile is due."""
        after = await scripts.end_card(
            store,
            owed=str(begun.owed),
            held=begun.held,
            requests=begun.record["requests"],
            ts=self.ts,
            shows=self.shows,
            slot=self.slot,
            is_open=self.is_open,
            card_pause_ms=int(store.timing.card_pause * 1000),
            rest_ms=-1 if self.rest is None else int(self.rest * 1000),
        )
        return () if after < 0 else ((begun.owed, after / 1000),)
