"""People's actions outside of threads: shortcuts, `/devin-say`, buttons, steps and App Home.

Slack delivers a command or an interaction once, and its person sees a failure. It may still be
delivered twice, and so may the event of a step.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from bot.wording.actions import SEND_AGAIN, SEND_CORRECTION
from chaos.carrier import Carrier
from chaos.entries import Entry, Kind, number_in, text_of
from chaos.ledger import Ledger
from sandbox.slack.api.blocks import interactive_elements
from sandbox.slack.server import Message, SlackSandbox
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.workspace import UnknownName

CHANNEL = "general"
PERSON = "ada"

ONE_IN_FOUR, EACH_SECOND, MOST = 0.25, 0.5, 0.7
WRONG_STEPS = 0.1
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 1.0
"""Time after which somebody to whom Slack showed a failure tries again."""


class Surfaces:
    """The other actions; `asked` has each delivery with the message that it requested."""

    def __init__(
        self,
        slack: SlackSandbox,
        ledger: Ledger,
        carrier: Carrier,
        roots: Mapping[str, str],
        rng: random.Random,
    ) -> None:
        self.asked: list[tuple[Entry, Delivery]] = []
        self.presses: list[Delivery] = []
        self.homes = 0
        self._slack = slack
        self._ledger = ledger
        self._carrier = carrier
        self._roots = roots
        self._rng = rng
        self._seen: set[str] = set()

    async def send_to_devin(self, session: str) -> None:
        """Send a message to Devin that was not meant for it; try again if that fails."""
        entry = self._ledger.write(session, Kind.FORWARDED)
        ts = await self._slack.say(
            f"(aside) {text_of(entry.number)}",
            channel=CHANNEL,
            thread=self._roots[session],
            deliver=False,
        )
        entry.ids.append(ts)
        ask = partial(self._slack.shortcut, "send_to_devin", channel=CHANNEL, message_ts=ts)
        is_twice = self._rng.random() < ONE_IN_FOUR
        self._carrier.begin(self._ask(entry, ask, tries=2, is_twice=is_twice))

    def say(self, session: str) -> None:
        """Use `/devin-say` as a person."""
        entry = self._ledger.write(session, Kind.SAID)
        text = f"{session} {text_of(entry.number)}"
        ask = partial(self._slack.slash, "/devin-say", text, channel=CHANNEL)
        is_twice = self._rng.random() < ONE_IN_FOUR
        self._carrier.begin(self._ask(entry, ask, tries=1, is_twice=is_twice))

    async def start_step(self, session: str, kind: Kind) -> None:
        """Start a workflow step that sends a message: to a thread, a channel or the session."""
        entry = self._ledger.write(session, kind)
        entry.must_fail = self._rng.random() < WRONG_STEPS
        inputs = {"session": session, "message": text_of(entry.number)}
        if entry.must_fail:
            inputs["session"] = "no session"
        if kind is Kind.POSTED:
            inputs["channel"] = self._slack.workspace.channel(CHANNEL).id
            if self._rng.random() < EACH_SECOND:
                inputs["thread_ts"] = self._roots[session]
        if self._rng.random() < EACH_SECOND:
            inputs["user"] = self._slack.workspace.user(PERSON).id
        entry.execution = await self._slack.run_step("send_message", inputs)
        self.bring_last(partial(setattr, entry, "acked"))

    async def open_home(self) -> None:
        """Open App Home as a person."""
        self.homes += 1
        await self._slack.open_home(PERSON)
        self.bring_last(lambda _: None)

    def bring_last(self, on_ack: Callable[[float], None]) -> None:
        """Deliver the sandbox's latest event until it is acknowledged, or more often.

        The sandbox sends it in the same step, so it is the last one.
        """
        delivery = self._slack.deliveries[-1]
        sent = self._carrier.track(on_ack, delivery)
        if self._rng.random() < ONE_IN_FOUR:
            delay = self._rng.choice((0.0, 0.3, 3.0))
            self._carrier.begin(self._again(delivery, delay, sent.deliveries))

    async def press(self, seconds: float) -> None:
        """Press most of the buttons that appear, some of them twice."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            for message, action in self._buttons():
                self._seen.add(message.ts)
                chance, is_twice = self._rng.random(), self._rng.random() < ONE_IN_FOUR
                if chance < MOST:
                    self._carrier.begin(self._press(message, action, is_twice=is_twice))

    def _buttons(self) -> Iterator[tuple[Message, str]]:
        shown = [*self._slack.ephemerals(CHANNEL), *self._slack.channel_messages(CHANNEL)]
        for message in shown:
            if message.user == self._slack.bot_user_id and message.ts not in self._seen:
                actions = {one["action_id"] for _, one in interactive_elements(message.blocks)}
                for action in actions & {SEND_AGAIN, SEND_CORRECTION}:
                    yield message, action

    async def _press(self, message: Message, action: str, *, is_twice: bool) -> None:
        number = number_in(message.text)
        if action == SEND_AGAIN and number is not None:
            entry = self._ledger.entries[number]
            entry.pressed = entry.pressed or time.time()
        is_private = message.ephemeral_to is not None
        press = self._slack.press_ephemeral if is_private else self._slack.press
        with suppress(UnknownName):  # somebody's earlier press has removed the button
            await self._try(
                partial(press, action, channel=CHANNEL, message_ts=message.ts, user=PERSON),
                self.presses.append,
                tries=2,
                is_twice=is_twice,
            )

    async def _ask(
        self,
        entry: Entry,
        ask: Callable[[], Coroutine[Any, Any, Delivery]],
        *,
        tries: int,
        is_twice: bool,
    ) -> None:
        def note(delivery: Delivery) -> None:
            self.asked.append((entry, delivery))

        await self._try(ask, note, tries=tries, is_twice=is_twice)
        entry.settled = time.time()

    async def _try(
        self,
        ask: Callable[[], Coroutine[Any, Any, Delivery]],
        note: Callable[[Delivery], None],
        *,
        tries: int,
        is_twice: bool,
    ) -> None:
        for _ in range(tries):
            delivery = await ask()
            note(delivery)
            if is_twice:
                again = await self._slack.redeliver(delivery)
                note(again)
                await again.settled()
            if delivery.acked:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _again(self, delivery: Delivery, delay: float, deliveries: list[Delivery]) -> None:
        await asyncio.sleep(delay)
        deliveries.append(await self._slack.redeliver(delivery))
