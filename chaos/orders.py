"""People's orders in threads of their own: each is muted, unmuted, unlinked and linked again.

A person who has read that a thread is off writes for people only, and one who has read that it is
on writes for Devin.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial

from chaos.carrier import LOOK_SECONDS
from chaos.ledger import Entry, Kind, Ledger
from chaos.people import People
from chaos.surfaces import CHANNEL, PERSON
from sandbox.slack.server import Message, SlackSandbox

ANSWERS: Mapping[str, tuple[str, ...]] = {
    "mute": ("Muted:",),
    "unmute": ("Unmuted:",),
    "unlink": ("no longer linked to", "is not linked to"),
    "link": ("linked to",),
}
"""The orders, in turn, with the text that reports each new state."""

UNHEARD = "I did not hear"
OFF = frozenset({"mute", "unlink"})
REPLIES = 2
PAUSE_SECONDS = 1.0


class Orders:
    """Threads that nobody else uses, linked to one session each."""

    def __init__(self, slack: SlackSandbox, ledger: Ledger, people: People) -> None:
        self.roots: dict[str, str] = {}
        self._slack = slack
        self._ledger = ledger
        self._people = people
        self._turns: dict[str, int] = {}
        self._busy: dict[str, asyncio.Lock] = {}

    def take(self, root: str, session: str) -> None:
        """Add a thread, which is linked to `session`."""
        self.roots[session] = root
        self._turns[session] = 0
        self._busy[session] = asyncio.Lock()

    async def give(self, session: str, seconds: float) -> None:
        """Give one order after another."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.next(session)
            await asyncio.sleep(PAUSE_SECONDS)

    async def next(self, session: str, *, user: str = PERSON) -> None:
        """Give a thread's next order until it is obeyed; then write as the new state permits."""
        async with self._busy[session]:
            verb = list(ANSWERS)[self._turns[session] % len(ANSWERS)]
            while not await self._is_obeyed(session, verb, user):
                pass
            self._turns[session] += 1
            kind = Kind.PRIVATE if verb in OFF else Kind.REPLY
            written = [await self._write(kind, session) for _ in range(REPLIES)]
            while any(one.acked is None for one in written):  # noqa: ASYNC110  (Slack's acknowledgements give no event)
                await asyncio.sleep(LOOK_SECONDS)

    async def _is_obeyed(self, session: str, verb: str, user: str) -> bool:
        """Give an order and wait for its answer; return False if it was not heard."""
        entry = self._ledger.write(session, Kind.ORDER)
        argument = f" {session}" if verb == "link" else ""
        before = len(self._slack.deliveries)
        ts = await self._slack.say(
            f"<@{self._slack.bot_user_id}> {verb}{argument}",
            user=user,
            channel=CHANNEL,
            thread=self.roots[session],
        )
        for delivery in self._slack.deliveries[before:]:
            self._people.carrier.track(partial(setattr, entry, "acked"), delivery)
        while True:
            for one in self._answers(session, ts):
                is_done = any(words in one.text for words in ANSWERS[verb])
                if is_done or one.ephemeral_to or (UNHEARD in one.text and verb in one.text):
                    entry.is_answered = True
                    return is_done
            await asyncio.sleep(LOOK_SECONDS)

    def _answers(self, session: str, ts: str) -> list[Message]:
        shown = [
            *self._slack.thread(CHANNEL, self.roots[session]),
            *self._slack.ephemerals(CHANNEL),
        ]
        return [
            one
            for one in shown
            if one.user == self._slack.bot_user_id
            and one.root_ts == self.roots[session]
            and float(one.ts) > float(ts)
        ]

    async def _write(self, kind: Kind, session: str) -> Entry:
        entry, ts = await self._people.reply(kind, session, thread=self.roots[session])
        await self._people.bring(entry, self._slack.event_of(CHANNEL, ts))
        return entry
