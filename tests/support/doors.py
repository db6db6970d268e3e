"""The HTTP server alone, with a real Bolt app behind it that answers on a test's command."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.runtime.http import Health, open_server
from bot.runtime.in_flight import InFlight
from bot.runtime.metrics import Measuring
from bot.slack.api import SlackClock
from bot.slack.receiving.endpoint import SlackEndpoint
from sandbox.slack.transport.http_events import signed_headers
from tests.support.observers import Observed
from tests.support.raw_http import Client, dialing, head_of

SECRET = "not-a-secret"
BODY = b'{"type": "event_callback", "event_id": "Ev0", "event": {"type": "message"}}'


def signed(body: bytes = BODY) -> bytes:
    """Return a whole request of Slack's."""
    sign = signed_headers(SECRET, body, time.time())
    moment = int(sign["X-Slack-Request-Timestamp"])
    return head_of(len(body), signature=sign["X-Slack-Signature"], moment=moment) + body


def waiting_app(over: asyncio.Event, heard: list[Mapping[str, Any]]) -> AsyncApp:
    """Return an app whose listener adds each event to `heard` and answers once `over` is set."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0")

    app = AsyncApp(
        authorize=authorize, request_verification_enabled=False, process_before_response=True
    )

    @app.event("message")
    async def on_message(event: dict[str, Any]) -> None:
        heard.append(event)
        await over.wait()

    return app


class Door:
    """The server: its listener answers once `over` is set, and anybody can connect."""

    def __init__(self, endpoint: SlackEndpoint, dial: Callable[..., Awaitable[Client]]) -> None:
        self.over, self.observed = asyncio.Event(), Observed()
        self.heard: list[Mapping[str, Any]] = []
        self.endpoint, self.dial = endpoint, dial
        self.app, self.clock = waiting_app(self.over, self.heard), SlackClock()

    def open(self) -> None:
        """Start serving."""
        self.endpoint.serve(self.app, self.observed, self.clock)


@asynccontextmanager
async def door(
    endpoint: SlackEndpoint | None = None, *, is_open: bool = True
) -> AsyncIterator[Door]:
    """Run a server for `endpoint`."""
    endpoint = endpoint or SlackEndpoint(SECRET, InFlight())
    async with (
        open_server("127.0.0.1", 0, Health(), Measuring(), endpoint.handle) as port,
        dialing(port) as dial,
    ):
        opened = Door(endpoint, dial)
        if is_open:
            opened.open()
        yield opened
        opened.over.set()
