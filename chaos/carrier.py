"""Carries events as Slack does: each is redelivered until somebody acknowledges it.

The sandbox gives up after a few retries; so does the real Slack, except with Delayed Events.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.server import SlackSandbox
from sandbox.slack.transport.deliveries import Delivery

LOOK_SECONDS = 0.02
REDELIVER_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class Sent:
    """An event on its way, with every attempt to deliver it; `on_ack` gets the time of the ack."""

    on_ack: Callable[[float], None]
    on_given_up: Callable[[float], None] | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    again: float = 0.0


class Carrier:
    """Delivers events, and runs people's actions concurrently."""

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack = slack
        self._open: list[Sent] = []
        self._under_way: set[asyncio.Task[None]] = set()

    def track(
        self,
        on_ack: Callable[[float], None],
        *deliveries: Delivery,
        on_given_up: Callable[[float], None] | None = None,
    ) -> Sent:
        """Deliver an event until it is acknowledged, and then report the time.

        With `on_given_up`, deliver it only as often as Slack does by itself, and report when that
        ended.
        """
        sent = Sent(on_ack, on_given_up, list(deliveries))
        self._open.append(sent)
        return sent

    def begin(self, doing: Coroutine[Any, Any, None]) -> None:
        """Run a person's action in the background."""
        task = asyncio.create_task(doing)
        self._under_way.add(task)
        task.add_done_callback(self._done)

    async def carry(self) -> None:
        """Look for acknowledgements, and redeliver unacknowledged events, without end."""
        while True:
            self._look()
            now = time.monotonic()
            for sent in list(self._open):
                if not sent.deliveries or not all(one.is_settled for one in sent.deliveries):
                    continue
                if sent.on_given_up is not None:
                    sent.on_given_up(time.time())
                    self._open.remove(sent)
                    continue
                sent.again = sent.again or now + REDELIVER_SECONDS
                if now > sent.again:
                    sent.again = 0.0
                    sent.deliveries.append(await self._slack.redeliver(sent.deliveries[0]))
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def is_quiet(self) -> bool:
        """True if nobody is doing anything, and nothing is on its way."""
        is_settled = all(one.is_settled for one in self._slack.deliveries)
        return is_settled and not (self._under_way or self._open)

    async def close(self) -> None:
        """Stop delivering."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self) -> None:
        acked = [sent for sent in self._open if any(one.acked for one in sent.deliveries)]
        for sent in acked:
            sent.on_ack(time.time())
            self._open.remove(sent)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.result()
