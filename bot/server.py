"""HTTP: Slack's requests in HTTP mode, and what a platform asks of any service.

`POST /slack/events` takes events, commands and interactions alike. A request is looked at only when
its signature and its time are right (docs.slack.dev/authentication/verifying-requests-from-slack).
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot import metrics
from bot.health import Health
from bot.intake import Intake
from bot.malformed import TRIPS, is_malformed

BODY_LIMIT = 1024 * 1024
BODY_SECONDS = 3.0
"""Slack waits no longer for an answer."""

MOST_REQUESTS = 1_000
MOST_BYTES = 32 * 1024 * 1024
"""Requests of Slack's in this process, and their bodies, being answered or waiting for that."""

WINDOW_SECONDS = 300
FORM = "application/x-www-form-urlencoded"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SlackEndpoint:
    """`POST /slack/events`, for an app that may not be there yet."""

    def __init__(
        self, signing_secret: str, intake: Intake, most_requests: int = MOST_REQUESTS
    ) -> None:
        self._most_requests = most_requests
        self._secret = signing_secret.encode()
        self._intake = intake
        self._requests = self._bytes = 0
        self.app: AsyncApp | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Verify, dispatch, answer; 503 asks Slack to come again.

        So is what comes while too much is in this process already, unread.
        """
        size = min(BODY_LIMIT, request.content_length or BODY_LIMIT)
        if self._requests >= self._most_requests or self._bytes + size > MOST_BYTES:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="too much at once")
        self._requests += 1
        self._bytes += size
        try:
            return await self._handle(request)
        finally:
            self._requests -= 1
            self._bytes -= size

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=HTTPStatus.REQUEST_TIMEOUT, text="too slow")
        except (web.RequestPayloadError, ConnectionError):
            # aiohttp would log a traceback for each stranger who leaves half way.
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="unreadable")
        if not self._is_genuine(request, body):
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text="bad signature or time")
        if self.app is None or self._intake.is_closing:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="not ready")
        try:
            # Nothing but the body is signed, and Bolt would obey some headers.
            asked = AsyncBoltRequest(
                body=_as_bolt_reads_it(request.content_type, body.decode()),
                headers={"Content-Type": request.headers.get("Content-Type", "")},
            )
            async with self._intake.entered():
                with metrics.ACK_SECONDS.labels("http").time():
                    answer = await self.app.async_dispatch(asked)
        except TRIPS as error:
            if not is_malformed(error, length=len(body)):
                raise
            return web.Response()
        return web.Response(
            status=answer.status,
            text=answer.body,
            content_type=answer.first_headers().get("content-type", "text/plain").split(";")[0],
        )

    def _is_genuine(self, request: web.Request, body: bytes) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        # slack_sdk's verifier raises on a time that is no number and on a body that is not UTF-8.
        if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
            return False
        if len(timestamp) > len("9999999999") or abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
            return False
        signed = b"v0:" + timestamp.encode() + b":" + body
        expected = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v0={expected}", signature)


def _as_bolt_reads_it(content_type: str, body: str) -> str:
    """`body`, of which Bolt 1.30 loses a command in whose text somebody wrote “payload”.

    It takes any form with these letters in it for an interaction (`parse_body`), and one without
    a field of that name for nothing.
    """
    is_interaction = body.startswith("payload=") or "&payload=" in body
    if content_type != FORM or is_interaction:
        return body
    return body.replace("payload", "%70ayload")


@asynccontextmanager
async def open_server(
    host: str, port: int, health: Health, slack: SlackEndpoint | None
) -> AsyncIterator[int]:
    """Serve on `host` and `port` (0: any free one) and give the port; leaving stops taking more.

    Raises:
        OSError: the port is taken, or is not ours to take.
    """
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _readiness(health))
    app.router.add_get("/metrics", _metrics)
    if slack is not None:
        app.router.add_post("/slack/events", slack.handle)
    # What is signed is the body as it was sent, and to unpack it first is a stranger's to ask for.
    runner = web.AppRunner(app, access_log=None, handle_signals=False, auto_decompress=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


def _readiness(health: Health) -> Handler:
    async def ready(_: web.Request) -> web.Response:
        problems = await health.problems()
        if problems:
            body = {"status": "not ready", "waiting_for": problems}
            return web.json_response(body, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.json_response({"status": "ready"})

    return ready


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
