"""Apps to run against the local Slack: the real slack_sdk and slack_bolt, and raw ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError

from bot.slack.api import SlackClient
from sandbox.slack.server import SlackSandbox

JSON = dict[str, Any]
SECTION: JSON = {"type": "section", "text": {"type": "mrkdwn", "text": "Choose"}}
BUTTONS: list[JSON] = [
    SECTION,
    {
        "type": "actions",
        "block_id": "choices",
        "elements": [
            {
                "type": "button",
                "action_id": "resend",
                "value": "reply-1",
                "text": {"type": "plain_text", "text": "Send again"},
            }
        ],
    },
]
MODAL: JSON = {
    "type": "modal",
    "callback_id": "link_session",
    "private_metadata": "C1:2.3",
    "title": {"type": "plain_text", "text": "Link"},
    "submit": {"type": "plain_text", "text": "Link"},
    "blocks": [
        {
            "type": "input",
            "block_id": "session",
            "label": {"type": "plain_text", "text": "Session"},
            "element": {"type": "plain_text_input", "action_id": "session_id"},
        }
    ],
}


def web_client(slack: SlackSandbox, token: str | None = None) -> SlackClient:
    return SlackClient(token=token or slack.bot_token, base_url=slack.api_url)


async def refusal(call: Any) -> str:
    """Return Slack's error for a call that must be refused."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


def bolt_app(slack: SlackSandbox) -> AsyncApp:
    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=slack.team_id,
            bot_token=slack.bot_token,
            bot_id=slack.bot_id,
            bot_user_id=slack.bot_user_id,
        )

    return AsyncApp(
        client=web_client(slack),
        authorize=authorize,
        signing_secret=slack.signing_secret,
        process_before_response=True,
    )


@asynccontextmanager
async def socket_mode(
    slack: SlackSandbox, app: AsyncApp, pings: float = 10.0
) -> AsyncIterator[AsyncSocketModeHandler]:
    """Run Bolt's own Socket Mode client, connected until the block ends.

    After each pause of `pings` seconds, it looks for a lost connection. It takes one without a pong
    for four of them as lost, too, and what was on its way over that one with it.
    """
    handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=pings)
    expected = slack.connections + 1
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it out
        await slack.wait_connected(expected)
        yield handler
    finally:
        await close(handler)


async def close(handler: AsyncSocketModeHandler) -> None:
    """Close the client and the background tasks that it cancels without waiting for them."""
    client = handler.client
    await handler.close_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it out
    running = [client.message_processor, client.message_receiver, client.current_session_monitor]
    await asyncio.gather(*(task for task in running if task is not None), return_exceptions=True)


@dataclass
class RawApp:
    """A WebSocket client that acknowledges envelopes only on command."""

    slack: SlackSandbox
    session: aiohttp.ClientSession
    ws: aiohttp.ClientWebSocketResponse | None = None
    hello: JSON = field(default_factory=dict)

    async def connect(self) -> "RawApp":
        """Open a connection and read its hello."""
        client = web_client(self.slack, self.slack.app_token)
        opened = await client.apps_connections_open(app_token=self.slack.app_token)
        self.ws = await self.session.ws_connect(opened["url"])
        self.hello = await self.read()
        return self

    async def close(self) -> None:
        """Close the connection."""
        if self.ws is not None:
            await self.ws.close()

    async def read(self) -> JSON:
        """Return the next frame."""
        assert self.ws is not None
        frame: JSON = await self.ws.receive_json(timeout=30)
        return frame

    async def ack(self, envelope: JSON) -> None:
        """Acknowledge an envelope, on this connection."""
        assert self.ws is not None
        await self.ws.send_json({"envelope_id": envelope["envelope_id"]})


@asynccontextmanager
async def raw_apps(slack: SlackSandbox) -> AsyncIterator[Callable[[], Awaitable[RawApp]]]:
    """Yield a function that opens raw connections, all closed when the block ends."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def connect() -> RawApp:
            app = await RawApp(slack, session).connect()
            stack.push_async_callback(app.close)
            return app

        yield connect


@dataclass
class HttpApp:
    """A request URL that answers as planned and keeps its requests."""

    answers: list[web.Response] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_request(self, request: web.Request) -> web.Response:
        """Keep the request and give the next planned answer."""
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.requests.append((headers, await request.read()))
        return self.answers.pop(0) if self.answers else web.Response()

    async def on_slow_request(self, request: web.Request) -> web.Response:
        """Keep the request and answer it only when `released`."""
        await self.released.wait()
        return await self.on_request(request)

    async def on_redirect(self, request: web.Request) -> web.Response:
        """Redirect as often as the path says, then take the request."""
        left = int(request.match_info["times"])
        if left == 0:
            return await self.on_request(request)
        raise web.HTTPTemporaryRedirect(f"/redirect/{left - 1}")


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
