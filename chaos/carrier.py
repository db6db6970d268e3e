"""How Slack carries what people do: an event comes again until somebody acknowledges it.

The sandbox gives up after a few retries; the real Slack does not, with Delayed Events. Without
them it does.
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
    """An event on its way, with every attempt to bring it; told when it was acknowledged."""

    on_ack: Callable[[float], None]
    on_given_up: Callable[[float], None] | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    again: float = 0.0


class Carrier:
    """Brings events, and runs what people do beside each other."""

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
        """Bring an event until it is acknowledged, and then say when that was.

        With `on_given_up`, bring it only as often as Slack does by itself, and say when that ended.
        """
        sent = Sent(on_ack, on_given_up, list(deliveries))
        self._open.append(sent)
        return sent

    def begin(self, doing: Coroutine[Any, Any, None]) -> None:
        """Let somebody do something meanwhile."""
        task = asyncio.create_task(doing)
        self._under_way.add(task)
        task.add_done_callback(self._done)

    async def carry(self) -> None:
        """Look what is acknowledged, and bring again what nobody takes; without end."""
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
        """Whether nobody does anything, and nothing is on its way."""
        is_settled = all(one.is_settled for one in self._slack.deliveries)
        return is_settled and not (self._under_way or self._open)

    async def close(self) -> None:
        """Bring nothing more."""
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
