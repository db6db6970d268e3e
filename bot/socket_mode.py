"""Socket Mode: Slack's envelopes over a WebSocket, each acknowledged once its work is kept.

What is not acknowledged Slack sends again; there is no other way to say "not now"
(docs.slack.dev/apis/events-api/using-socket-mode).
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMessage
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot import metrics
from bot.errors import SlackAway
from bot.intake import Intake

log = logging.getLogger(__name__)

LONGEST_NOTE = 1_000
"""Longer frames are envelopes, and are not parsed a second time."""

REFRESH_SECONDS = 5.0
"""Slack asks for a new connection every few hours; one that is there so soon has missed nothing."""


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler, counted and bounded by our intake, which also keeps its tasks alive."""

    def __init__(
        self, app: AsyncApp, app_token: str, intake: Intake, on_gap: Callable[[], None]
    ) -> None:
        super().__init__(app, app_token)
        self._intake = intake
        self._on_gap = on_gap
        self._asked_at = -REFRESH_SECONDS
        self._greeted = False
        self._running: set[asyncio.Task[Any]] = set()
        self.client.message_listeners.append(self._on_message)
        # slack_sdk 3 reconnects on a `disconnect` without telling its `message_listeners`.
        self.client.on_message_listeners.append(self._on_frame)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as upstream does
        """Dispatch one envelope; while shutting down leave it to another connection."""
        if self._intake.is_closing:
            return
        task = asyncio.current_task()
        if task is not None:
            # The SDK keeps no reference to it, so it could be collected half way.
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        async with self._intake.entered():
            with metrics.ACK_SECONDS.labels(req.type).time():
                await super().handle(client, req)

    async def check(self) -> None:
        """Raise `SlackAway` unless Slack said hello and the connection stands."""
        if not self._greeted:
            raise SlackAway("Socket Mode", "no hello yet", maybe_done=False)
        # A coroutine in spite of its name; a forgotten await makes it always true.
        if not await self.client.is_connected():
            raise SlackAway("Socket Mode", "disconnected", maybe_done=False)

    async def _on_message(
        self, _: AsyncBaseSocketModeClient, message: Mapping[str, Any], __: str | None
    ) -> None:
        if message.get("type") == "hello":
            self._greeted = True
            log.info("connected", extra={"connections": message.get("num_connections")})
            if time.monotonic() - self._asked_at >= REFRESH_SECONDS:
                self._on_gap()
            self._asked_at = -REFRESH_SECONDS

    async def _on_frame(self, frame: WSMessage) -> None:
        if len(frame.data) > LONGEST_NOTE:
            return
        with contextlib.suppress(ValueError):
            note = json.loads(frame.data)
            if isinstance(note, dict) and note.get("type") == "disconnect":
                self._asked_at = time.monotonic()
                log.info("asked to reconnect", extra={"reason": note.get("reason")})


@asynccontextmanager
async def open_socket_mode(
    app: AsyncApp, app_token: str, intake: Intake, on_gap: Callable[[], None]
) -> AsyncIterator[SocketMode]:
    """Connect, and stay connected until left.

    `on_gap` is called when Slack says hello, at first and after each time without a connection.
    """
    handler = SocketMode(app, app_token, intake, on_gap)
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    try:
        yield handler
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await handler.close_async()  # type: ignore[no-untyped-call]  # the same
