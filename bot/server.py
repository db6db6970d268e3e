"""HTTP: Slack's requests in HTTP mode, and what a platform asks of any service.

`POST /slack/events` takes events, commands and interactions alike. A request is looked at only when
its signature and its time are right (docs.slack.dev/authentication/verifying-requests-from-slack).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot import metrics
from bot.health import Health
from bot.intake import Intake

BODY_LIMIT = 1024 * 1024
WINDOW_SECONDS = 300

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SlackEndpoint:
    """`POST /slack/events`, for an app that may not be there yet."""

    def __init__(self, signing_secret: str, intake: Intake) -> None:
        self._verifier = SignatureVerifier(signing_secret)
        self._intake = intake
        self.app: AsyncApp | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Verify, dispatch, answer; 503 asks Slack to come again."""
        try:
            body = (await request.read()).decode()
        except UnicodeDecodeError:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="not UTF-8")
        if not self._is_genuine(request, body):
            return web.Response(status=HTTPStatus.UNAUTHORIZED, text="bad signature or time")
        if self.app is None or self._intake.is_closing:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="not ready")
        headers: dict[str, str | Sequence[str]] = dict(request.headers)
        try:
            asked = AsyncBoltRequest(body=body, query=request.query_string, headers=headers)
        except (ValueError, AttributeError, TypeError, RecursionError):
            # Bolt reads from the body at once, trusting its shape.
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="not a request of Slack's")
        async with self._intake.entered():
            with metrics.ACK_SECONDS.labels("http").time():
                answer = await self.app.async_dispatch(asked)
        return web.Response(
            status=answer.status,
            text=answer.body,
            content_type=answer.first_headers().get("content-type", "text/plain").split(";")[0],
        )

    def _is_genuine(self, request: web.Request, body: str) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        # The SDK raises on a time that is no number, and compares str objects, which must be ASCII.
        if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
            return False
        if len(timestamp) > len("9999999999") or abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
            return False
        return self._verifier.is_valid(body=body, timestamp=timestamp, signature=signature)


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
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
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
