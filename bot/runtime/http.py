"""The HTTP server: Slack's requests in HTTP mode, and the probes that a platform sends."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.runtime.connections import Connection, Connections, connection_of
from bot.runtime.health import Health
from bot.runtime.measuring import Measuring

BODY_LIMIT = 1024 * 1024

KEEP_ALIVE_SECONDS = 75.0
"""Timeout for an idle connection, and for the whole head of a request; nginx's default."""

LINGER_SECONDS = 1.0
"""Time for which a refused request is still read, so that its sender can read the refusal."""

READ_AHEAD = 4_096
"""aiohttp stops reading once twice this many bytes of a body are unread.

It also queues up to 32 requests behind a slow one, each with as many.
"""

BACKLOG = 1_024

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def open_server(
    host: str,
    port: int,
    health: Health,
    measuring: Measuring,
    slack: Handler | None,
    connections: Connections | None = None,
) -> AsyncIterator[int]:
    """Serve on `host` and `port` (0: any free one) and yield the port; stop accepting on exit.

    Raises:
        OSError: the port is taken, or we may not use it.
    """
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[_part_from_strangers])
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _readiness(health))
    app.router.add_get("/metrics", _metrics(measuring))
    if slack is not None:
        app.router.add_post("/slack/events", slack)
    log.addFilter(_is_of_ours)
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        # Slack signs the body as it is sent; decompressing it first would be work for any stranger.
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
        read_bufsize=READ_AHEAD,
        logger=log,
    )
    await runner.setup()
    try:
        async with _listening(host, port, runner, connections or Connections()) as bound:
            yield bound
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _listening(
    host: str, port: int, runner: web.AppRunner, connections: Connections
) -> AsyncIterator[int]:
    """Listen as `web.TCPSite` does, and count each connection."""
    serve = cast("web.Server", runner.server)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(connections, serve()), host, port, backlog=BACKLOG
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        connections.close()


def refusal(status: HTTPStatus, why: str) -> web.Response:
    """Return a short answer with that status."""
    # This is returned, not raised: an exception would keep the frames of its request, as in
    # `_read`.
    return web.Response(status=status, text=why)


@web.middleware
async def _part_from_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Close a connection after its first unsigned request, so that nothing queues up behind it."""
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        answer = refusal(HTTPStatus(error.status), error.reason)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
    connection = connection_of(request.transport)
    if connection is None or not connection.is_trusted:
        answer.force_close()
    return answer


def _is_of_ours(record: logging.LogRecord) -> bool:
    """Return True if our code caused a log record: aiohttp logs and quotes malformed requests."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


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


def _metrics(measuring: Measuring) -> Handler:
    async def shown(_: web.Request) -> web.Response:
        await measuring.done()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return shown
