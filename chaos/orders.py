"""People's orders in threads of their own: each is muted, unmuted, unlinked and linked again.

A person who has read that a thread is off writes for people only, and one who has read that it is
on writes for Devin.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial

from chaos.carrier import LOOK_SECONDS
from chaos.commands import Commands
from chaos.entries import Entry, Kind
from chaos.ledger import Ledger
from chaos.people import People
from chaos.sentences import LINKED_ALREADY, MUTED, UNLINKED, UNMUTED, is_card, says
from chaos.speech import Place
from chaos.surfaces import CHANNEL, PERSON
from sandbox.slack.server import Message, SlackSandbox

ANSWERS: Mapping[str, Sequence[str]] = {
    "mute": (MUTED,),
    "unmute": (UNMUTED,),
    "unlink": UNLINKED,
    "link": (LINKED_ALREADY,),
}
"""The orders, in turn, with the sentences that report each new state; a card reports a link."""

OFF = frozenset({"mute", "unlink"})
REPLIES = 2
PAUSE_SECONDS = 1.0


class Orders:
    """Threads that nobody else uses, linked to one session each."""

    def __init__(
        self, slack: SlackSandbox, ledger: Ledger, people: People, commands: Commands
    ) -> None:
        self.roots: dict[str, str] = {}
        self._slack = slack
        self._ledger = ledger
        self._people = people
        self._commands = commands
        self._turns: dict[str, int] = {}
        self._busy: dict[str, asyncio.Lock] = {}

    def state(self, session: str) -> str:
        """Return the order that a session's thread has obeyed last."""
        turns = self._turns[session]
        return list(ANSWERS)[(turns - 1) % len(ANSWERS)] if turns else "link"

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
            argument = f" {session}" if verb == "link" else ""
            place = Place(CHANNEL, self.roots[session])
            is_answer = partial(_is_answer, verb)
            await self._commands.give(session, place, f"{verb}{argument}", is_answer, user=user)
            self._turns[session] += 1
            kind = Kind.PRIVATE if verb in OFF else Kind.REPLY
            written = [await self._write(kind, session) for _ in range(REPLIES)]
            while any(one.acked is None for one in written):  # noqa: ASYNC110  (Slack's acknowledgements give no event)
                await asyncio.sleep(LOOK_SECONDS)

    async def _write(self, kind: Kind, session: str) -> Entry:
        entry, ts = await self._people.reply(kind, session, thread=self.roots[session])
        await self._people.bring(entry, self._slack.event_of(CHANNEL, ts))
        return entry


def _is_answer(verb: str, message: Message, is_later: bool) -> bool:  # noqa: FBT001  (as `Commands` asks)
    is_linked = verb == "link" and is_card(message)
    return is_later and (is_linked or says(message.text, *ANSWERS[verb]))
