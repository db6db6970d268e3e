"""Delivers payloads to the app: a ledger, and retries of what is not acknowledged.

Events are retried (`retry_delays`, three at most); commands and interactions are not, as in the
real Slack. An acknowledgement counts whenever it comes, since it is not documented what Slack does
with a late one over Socket Mode.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["events_api", "slash_commands", "interactive"]


@dataclass(eq=False, slots=True)
class Delivery:
    """One event, command or interaction on its way to the app, and its progress.

    `last_status` is the app's HTTP status, 200 for a Socket Mode ack, None for no answer at all;
    `error` is why the last attempt failed, or what Slack would show to the person. Of an
    event's `attempts`, those that were `lost` met no Socket Mode connection, or one that ended.
    """

    kind: Kind
    payload: dict[str, Any]
    event_id: str = ""
    envelope_id: str = ""
    attempts: int = 0
    lost: int = 0
    retry_num: int = 0
    retry_reason: str = ""
    acked: bool = False
    response: Any = None
    last_status: int | None = None
    error: str | None = None
    _acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_settled(self) -> bool:
        """True if it was acknowledged or given up."""
        return self._settled.is_set()

    async def settled(self) -> "Delivery":
        """Wait until it is acknowledged or given up."""
        await self._settled.wait()
        return self

    def settle(self) -> None:
        """Wake everybody who waits for `settled()`."""
        self._settled.set()

    def acknowledge(self, response: Any, status: int = 200) -> None:
        """Record the app's acknowledgement; the first one counts."""
        if self.acked:
            return
        self.acked, self.response, self.last_status, self.error = True, response, status, None
        self._acknowledged.set()

    async def acknowledged_within(self, seconds: float) -> bool:
        """Wait that long for an acknowledgement; return True if it came."""
        try:
            await asyncio.wait_for(self._acknowledged.wait(), seconds)
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt that was not acknowledged: the reason, and whether the app declined retries."""

    reason: str
    status: int | None = None
    body: Any = None
    is_final: bool = False


class Transport(Protocol):
    """A transport to the app: Socket Mode or HTTP."""

    async def attempt(self, delivery: Delivery) -> Refusal | None:
        """Try once: acknowledge the delivery and return None, or return why it was refused."""


class Courier:
    """Delivers in the background and keeps the ledger of deliveries."""

    def __init__(
        self,
        transport: Transport,
        retry_delays: Sequence[float],
        on_change: Callable[[Delivery], None],
    ) -> None:
        self.deliveries: list[Delivery] = []
        self._transport = transport
        self._retry_delays = tuple(retry_delays)[:3]
        self._on_change = on_change
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, delivery: Delivery) -> Delivery:
        """Start to deliver; first attempts leave in the order of these calls."""
        self.deliveries.append(delivery)
        task = asyncio.create_task(self._carry(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def close(self) -> None:
        """Stop every delivery and every pending retry."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for delivery in self.deliveries:
            delivery.settle()  # a task that was canceled before its first step settled nothing

    async def _carry(self, delivery: Delivery) -> None:
        try:
            is_over = await self._attempt(delivery)
            while not is_over and delivery.kind == "events_api":
                is_over = await self._retry(delivery)
        finally:
            delivery.settle()
            self._on_change(delivery)

    async def _attempt(self, delivery: Delivery) -> bool:
        """Try once; return True if that was the last attempt."""
        delivery.attempts += 1
        refusal = await self._transport.attempt(delivery)
        if refusal is None:
            return True
        delivery.error, delivery.last_status = refusal.reason, refusal.status
        delivery.response = refusal.body
        self._on_change(delivery)
        return refusal.is_final

    async def _retry(self, delivery: Delivery) -> bool:
        if delivery.retry_num >= len(self._retry_delays):
            return True
        if await delivery.acknowledged_within(self._retry_delays[delivery.retry_num]):
            return True
        delivery.retry_num += 1
        delivery.retry_reason = delivery.error or ""
        return await self._attempt(delivery)
