"""The people of a run: they write at a steady pace, and Slack carries their events as it does.

An event may come twice, under one id or two, or after a later one; and one that nobody acknowledged
comes again until somebody does, as with Slack's Delayed Events.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.ledger import Entry, Ledger, text_of
from sandbox.deliveries import Delivery
from sandbox.slack import SlackSandbox

CHANNEL = "general"
LOOK_SECONDS = 0.02
REDELIVER_SECONDS = 2.0
BURST = 8


@dataclass(slots=True, eq=False)
class Sent:
    """A reply on its way, with every attempt of Slack's to bring it."""

    entry: Entry
    deliveries: list[Delivery] = field(default_factory=list)
    again: float = 0.0


class People:
    """Everybody who writes, in threads that are linked to one session each."""

    def __init__(self, slack: SlackSandbox, ledger: Ledger, seed: int) -> None:
        self.roots: dict[str, str] = {}
        self._slack = slack
        self._ledger = ledger
        self._rng = random.Random(f"people {seed}")  # noqa: S311  (repeatable, not secret)
        self._open: list[Sent] = []
        self._carrying: set[asyncio.Task[None]] = set()

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

    async def write(self, seconds: float, rate: float) -> None:
        """Write `rate` replies a second, sometimes many at once in one thread."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            is_burst = self._rng.random() < 1 / (3 * BURST)
            session = self._rng.choice(list(self.roots))
            for _ in range(BURST if is_burst else 1):
                await self._reply(session)
            await asyncio.sleep(self._rng.expovariate(rate) * (BURST if is_burst else 1))

    async def carry(self) -> None:
        """Note when replies are acknowledged, and bring again what nobody takes; without end."""
        while True:
            self._look()
            now = time.monotonic()
            for sent in self._open:
                if sent.deliveries and all(one.is_settled for one in sent.deliveries):
                    sent.again = sent.again or now + REDELIVER_SECONDS
                    if now > sent.again:
                        sent.again = 0.0
                        sent.deliveries.append(await self._slack.redeliver(sent.deliveries[0]))
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        for sent in self._open:
            if any(one.acked for one in sent.deliveries):
                sent.entry.acked = time.time()
        self._open = [sent for sent in self._open if sent.entry.acked is None]

    async def _reply(self, session: str) -> None:
        entry = self._ledger.write(session)
        ts = await self._slack.say(
            text_of(entry.number), channel=CHANNEL, thread=self.roots[session], deliver=False
        )
        sent = Sent(entry)
        self._open.append(sent)
        delays = [0.0 if self._rng.random() < 0.8 else self._rng.uniform(0.0, 1.5)]  # noqa: PLR2004  (one in five)
        if self._rng.random() < 0.15:  # noqa: PLR2004  (about one in seven comes twice)
            delays.append(self._rng.choice((0.0, 0.3, 3.0, 10.0)))
        same_id = f"Ev0CHAOS{entry.number:06d}" if self._rng.random() < 0.5 else None  # noqa: PLR2004  (each second one)
        for delay in delays:
            task = asyncio.create_task(self._bring(sent, ts, delay, same_id))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _bring(self, sent: Sent, ts: str, delay: float, event_id: str | None) -> None:
        await asyncio.sleep(delay)
        event = self._slack.event_of(CHANNEL, ts)
        sent.deliveries.append(await self._slack.deliver_event(event, event_id=event_id))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way any more."""
        return not self._carrying and all(one.is_settled for one in self._slack.deliveries)

    async def close(self) -> None:
        """Bring nothing more."""
        tasks = list(self._carrying)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_linked(self, root: str) -> bool:
        return any("now linked" in one.text for one in self._slack.thread(CHANNEL, root))
