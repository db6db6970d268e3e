"""The people of a run, who write at a steady pace, and whose events Slack carries as it does.

An event may be delivered twice, under one id or two, or after a later one.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from functools import partial

from chaos.carrier import LOOK_SECONDS, Carrier
from chaos.entries import Entry, Kind, file_of, text_of
from chaos.ledger import Ledger
from chaos.sentences import is_card
from chaos.surfaces import CHANNEL, PERSON, Surfaces
from sandbox.slack.server import SlackSandbox
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.workspace import JSON, User

BURST = 8
ONE_IN_FIVE, ONE_IN_SEVEN, EACH_SECOND = 0.2, 0.15, 0.5

KINDS = {
    Kind.REPLY: 30,
    Kind.FILE: 4,
    Kind.EDITED: 8,
    Kind.DELETED: 5,
    Kind.FORWARDED: 4,
    Kind.SAID: 3,
    Kind.STEP: 3,
    Kind.POSTED: 3,
}
HOME_EACH = 20
"""One in this many acts opens App Home, which sends no message."""


class People:
    """Everybody who writes, in threads that are linked to one session each."""

    def __init__(self, slack: SlackSandbox, ledger: Ledger, seed: int) -> None:
        self.roots: dict[str, str] = {}
        self.carrier = Carrier(slack)
        self._slack = slack
        self._ledger = ledger
        self._rng = random.Random(f"people {seed}")  # noqa: S311  (repeatable, not secret)
        self.surfaces = Surfaces(slack, ledger, self.carrier, self.roots, self._rng)

    async def link(self, sessions: Sequence[str]) -> None:
        """Link a thread to each session."""
        slack = self._slack
        for session in sessions:
            self.roots[session] = await slack.say("Shall we?", channel=CHANNEL)
            text = f"<@{slack.bot_user_id}> link {session}"
            await slack.say(text, channel=CHANNEL, thread=self.roots[session])
        async with asyncio.timeout(30):
            while not all(self._is_linked(root) for root in self.roots.values()):  # noqa: ASYNC110  (the sandbox's threads give no event)
                await asyncio.sleep(LOOK_SECONDS)

    @property
    def anyone(self) -> str:
        """A random session."""
        return self._rng.choice(list(self.roots))

    def newcomer(self) -> str:
        """Add a user whom nobody has looked up yet, and return their name."""
        workspace = self._slack.workspace
        name = f"n{len(workspace.users):06d}"
        workspace.channel(CHANNEL).members.append(workspace.add_user(User(name)).id)
        return name

    async def write(self, seconds: float, rate: float) -> None:
        """Write `rate` messages a second, sometimes many at once in one thread."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            is_burst = self._rng.random() < 1 / (3 * BURST)
            session = self.anyone
            if self._rng.randrange(HOME_EACH) == 0:
                await self.surfaces.open_home()
            for _ in range(BURST if is_burst else 1):
                kind = self._rng.choices(list(KINDS), list(KINDS.values()))[0]
                await self._do(Kind.REPLY if is_burst else kind, session)
            await asyncio.sleep(self._rng.expovariate(rate) * (BURST if is_burst else 1))

    async def _do(self, kind: Kind, session: str) -> None:
        match kind:
            case Kind.FORWARDED:
                await self.surfaces.send_to_devin(session)
            case Kind.SAID:
                self.surfaces.say(session)
            case Kind.STEP | Kind.POSTED:
                await self.surfaces.start_step(session, kind)
            case _:
                await self._reply(kind, session)

    async def reply(
        self,
        kind: Kind,
        session: str,
        *,
        user: str = PERSON,
        more: str = "",
        thread: str | None = None,
    ) -> tuple[Entry, str]:
        """Write a reply without notifying the app yet; return it with its `ts`.

        It goes into the session's thread, unless another one is given.
        """
        entry = self._ledger.write(session, kind)
        ts = await self._slack.say(
            f"{text_of(entry.number)}{more}",
            user=user,
            channel=CHANNEL,
            thread=thread or self.roots[session],
            files=[file_of(entry.number)] if kind is Kind.FILE else None,
            deliver=False,
        )
        entry.ids.append(ts)
        return entry, ts

    async def bring(self, entry: Entry, event: JSON) -> None:
        """Deliver a reply's event until it is acknowledged, or until Slack gives it up."""
        gives_up = entry.kind is Kind.GIVEN_UP
        self.carrier.track(
            partial(setattr, entry, "acked"),
            await self._slack.deliver_event(event),
            on_given_up=partial(setattr, entry, "given_up") if gives_up else None,
        )

    async def _reply(self, kind: Kind, session: str) -> None:
        entry, ts = await self.reply(kind, session)
        sent = self.carrier.track(partial(setattr, entry, "acked"))
        is_late = self._rng.random() < ONE_IN_FIVE
        delays = [self._rng.uniform(0.0, 1.5) if is_late else 0.0]
        if self._rng.random() < ONE_IN_SEVEN:
            delays.append(self._rng.choice((0.0, 0.3, 3.0, 10.0)))
        same_id = f"Ev0CHAOS{entry.number:06d}" if self._rng.random() < EACH_SECOND else None
        # The event has the original text: Slack does not deliver the first event with later edits.
        event = self._slack.event_of(CHANNEL, ts)
        for delay in delays:
            self.carrier.begin(self._bring(sent.deliveries, event, delay, same_id))
        if kind is Kind.EDITED:
            self._edit(entry, ts)
        elif kind is Kind.DELETED:
            self.carrier.begin(self._delete(entry, ts, self._moment()))

    async def _bring(
        self, deliveries: list[Delivery], event: JSON, delay: float, event_id: str | None
    ) -> None:
        await asyncio.sleep(delay)
        deliveries.append(await self._slack.deliver_event(event, event_id=event_id))

    def _edit(self, entry: Entry, ts: str) -> None:
        moments = [self._moment()]
        if self._rng.random() < ONE_IN_FIVE:
            moments.append(self._moment())
        self.carrier.begin(self._edit_at(entry, ts, moments))

    async def _edit_at(self, entry: Entry, ts: str, moments: Sequence[float]) -> None:
        for place, moment in enumerate(moments):
            await asyncio.sleep(moment)
            entry.edits.append(None)
            await self._slack.edit(CHANNEL, ts, text_of(entry.number, place + 1))
            self.surfaces.bring_last(partial(entry.edits.__setitem__, place))

    async def _delete(self, entry: Entry, ts: str, moment: float) -> None:
        await asyncio.sleep(moment)
        await self._slack.delete(CHANNEL, ts)
        self.surfaces.bring_last(partial(setattr, entry, "deleted"))

    def _moment(self) -> float:
        """Draw the time in which a person notices a mistake, often before Devin has read it."""
        return self._rng.choice((0.0, 0.1, 0.5, self._rng.uniform(1.0, 4.0)))

    def _is_linked(self, root: str) -> bool:
        return any(map(is_card, self._slack.thread(CHANNEL, root)))
