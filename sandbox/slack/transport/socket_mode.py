"""Socket Mode: one-time WebSocket URLs, hello, envelopes, acks from any connection, disconnects.

Each payload goes to one connection, in turn. There is no NACK: an envelope that is not acked in
time, or whose connection closed, counts as a timeout
(docs.slack.dev/apis/events-api/using-socket-mode).
"""

import asyncio
import contextlib
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.transport.deliveries import Delivery, Kind, Refusal
from sandbox.slack.world.cast import APP_ID

MAX_CONNECTIONS = 10
CLOSE_GRACE_SECONDS = 0.5
"""Time for which a connection that was told to leave may still bring acks."""


class Connection:
    """One open WebSocket and the envelopes that await their ack on it."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.ws = ws
        self.request = request
        self.unacked: set[asyncio.Future[bool]] = set()
        self.is_leaving = False

    def abandon(self) -> None:
        """Count every envelope that was sent here and has no ack as lost."""
        for waiter in list(self.unacked):
            if not waiter.done():
                waiter.set_result(False)


class SocketModeTransport:
    """The Socket Mode side of the local Slack."""

    def __init__(self, ack_timeout: float) -> None:
        self.is_refusing = self.is_hurried = False
        self.on_change: Callable[[], None] = lambda: None
        self.ack_timeouts: defaultdict[Kind, float] = defaultdict(lambda: ack_timeout)
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._turn = 0
        self._changed = asyncio.Condition()
        self._sent: dict[str, tuple[Delivery, asyncio.Future[bool]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def new_url(self, base_url: str) -> str:
        """Return a one-time `ws://` address, as `apps.connections.open` does."""
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return f"{base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP_ID}"

    async def wait_connected(self, count: int, timeout: float) -> None:  # noqa: ASYNC109 - the sandbox's public form
        """Wait until `count` connections have been greeted and not been told to leave."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(self._usable()) >= count)

    @property
    def connection_count(self) -> int:
        """The number of connections that have been greeted and not been told to leave."""
        return len(self._usable())

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one WebSocket upgrade and read acks until it ends."""
        ticket = request.query.get("ticket", "")
        if self.is_refusing or ticket not in self._tickets:
            return web.Response(status=503 if self.is_refusing else 404)
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse(timeout=1.0, heartbeat=30.0)
        await ws.prepare(request)
        if len(self._connections) >= MAX_CONNECTIONS:
            await ws.send_json(_disconnect("too_many_websockets"))
            await ws.close()
            return ws
        await self._converse(Connection(ws, request))
        return ws

    async def attempt(self, delivery: Delivery) -> Refusal | None:
        """Send one envelope and wait for its ack."""
        connection, is_acked = None, False
        try:
            async with asyncio.timeout(self.ack_timeouts[delivery.kind]):
                connection = await self._next_connection(delivery)
                is_acked = connection is not None and await self._send(connection, delivery)
        except TimeoutError:
            delivery.lost += connection is None
            return Refusal(_shown_error(delivery))
        if connection is None:
            return Refusal("dispatch_failed")
        if is_acked or delivery.acked:
            return None
        delivery.lost += 1
        return Refusal(_shown_error(delivery))

    async def disconnect(self, reason: str, most: int | None = None) -> None:
        """Tell every connection to leave, or the `most` oldest.

        After any reason other than `warning`, it gets nothing new and is closed shortly after.
        """
        for connection in self._usable()[:most]:
            connection.is_leaving = reason != "warning"
            with contextlib.suppress(ConnectionError):
                await connection.ws.send_json(_disconnect(reason))
            if connection.is_leaving:
                self._start(_close_later(connection))

    def drop(self) -> None:
        """Cut every connection without notice, as a network failure does."""
        for connection in self._usable():
            connection.is_leaving = True
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def hang_up(self) -> None:
        """Close every connection without a disconnect message first."""
        for connection in self._usable():
            connection.is_leaving = True
            self._start(connection.ws.close())

    async def close(self) -> None:
        """Close every connection and accept no more."""
        self.is_refusing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(connection.ws.close() for connection in self._connections))

    async def _converse(self, connection: Connection) -> None:
        self._connections.append(connection)
        try:
            await connection.ws.send_json(_hello(len(self._connections)))
            await self._announce()
            async for frame in connection.ws:
                if frame.type is WSMsgType.TEXT:
                    self._receive(frame.data)
        except ConnectionError:
            pass  # the client went away while it was greeted; the finally does the rest
        finally:
            self._connections.remove(connection)
            connection.abandon()
            await self._announce()

    async def _announce(self) -> None:
        self.on_change()
        async with self._changed:
            self._changed.notify_all()

    def _receive(self, text: str) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            return
        envelope_id = ack.get("envelope_id") if isinstance(ack, dict) else None
        sent = self._sent.pop(envelope_id, None) if isinstance(envelope_id, str) else None
        if sent is None:
            return
        delivery, waiter = sent
        delivery.acknowledge(ack.get("payload"))
        if not waiter.done():
            waiter.set_result(True)

    async def _next_connection(self, delivery: Delivery) -> Connection | None:
        """Pick a connection; an event waits for one, and a person's command fails without one."""
        if not self._usable():
            if delivery.kind != "events_api":
                return None
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._usable()))
        usable = self._usable()
        self._turn += 1
        return usable[self._turn % len(usable)]

    async def _send(self, connection: Connection, delivery: Delivery) -> bool:
        delivery.envelope_id = str(uuid.uuid4())
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        connection.unacked.add(waiter)
        self._sent[delivery.envelope_id] = (delivery, waiter)
        try:
            await connection.ws.send_json(_envelope(delivery))
            return await waiter
        except ConnectionError:
            return False
        finally:
            connection.unacked.discard(waiter)

    def _usable(self) -> list[Connection]:
        return [each for each in self._connections if not each.is_leaving and not each.ws.closed]

    def _start(self, closing: Any) -> None:
        task = asyncio.create_task(closing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close_later(connection: Connection) -> None:
    await asyncio.sleep(CLOSE_GRACE_SECONDS)
    await connection.ws.close()


def _hello(count: int) -> dict[str, Any]:
    return {
        "type": "hello",
        "num_connections": count,
        "debug_info": {
            "host": "applink-sandbox",
            "build_number": 1,
            "approximate_connection_time": 18060,
        },
        "connection_info": {"app_id": APP_ID},
    }


def _disconnect(reason: str) -> dict[str, Any]:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}


def _envelope(delivery: Delivery) -> dict[str, Any]:
    envelope = {
        "envelope_id": delivery.envelope_id,
        "payload": delivery.payload,
        "type": delivery.kind,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if delivery.kind == "events_api":
        envelope["retry_attempt"] = delivery.retry_num
        envelope["retry_reason"] = delivery.retry_reason
    return envelope


def _shown_error(delivery: Delivery) -> str:
    """Return the error: a retry's reason is `timeout` here, not `http_timeout` as over HTTP."""
    return "timeout" if delivery.kind == "events_api" else "operation_timeout"
