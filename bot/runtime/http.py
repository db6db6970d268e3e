"""The HTTP server: Slack's requests in HTTP mode, and probes, which tell whether this is ready."""

import asyncio
import logging
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.model.errors import PassingError, SlackAway
from bot.runtime.metrics import Measuring

BODY_LIMIT = 1024 * 1024

KEEP_ALIVE_SECONDS = 75.0
"""Timeout for an idle connection, and for the whole head of a request; nginx's default."""

LINGER_SECONDS = 1.0
"""Time for which a refused request is still read, so that its sender can read the refusal."""

CLOSING_SECONDS = 3.0
"""Time for which a request may still be answered once the server closes."""

BACKLOG = 1_024

OPEN_FILES = 8_192
"""The open files that the process may need: each connection is one."""

NAME = "devin-relay"

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 15.0
CHECK_SECONDS = 2.0

T = TypeVar("T")

Check = Callable[[], Awaitable[None]]
"""A check returns, or raises `PassingError` naming what is missing."""


class Health:
    """The state that `/readyz` reports."""

    def __init__(self) -> None:
        self._waiting_for: dict[str, str] = {"start": "starting"}
        self._checks: dict[str, Check] = {}

    async def until(self, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Retry `attempt` until it succeeds, and report the wait; other errors end the wait."""
        delay = RETRY_SECONDS
        while True:
            try:
                result = await attempt()
            except PassingError as error:
                self.note(name, str(error))
                log.warning("waiting", extra={"for": name, "reason": str(error)})
                asked = error.retry_after if isinstance(error, SlackAway) else None
                await asyncio.sleep(max(delay, asked or 0.0))
                delay = min(delay * 2, LONGEST_RETRY_SECONDS)
            else:
                self.note(name, "")
                return result

    def note(self, name: str, reason: str) -> None:
        """Count as not ready for `reason`, or no longer if it is empty."""
        if reason:
            self._waiting_for[name] = reason
        else:
            self._waiting_for.pop(name, None)

    def watch(self, name: str, check: Check) -> None:
        """Run `check` from now on whenever the state is requested."""
        self._checks[name] = check

    async def problems(self) -> dict[str, str]:
        """Return what is missing, by part; empty when ready."""
        found = dict(self._waiting_for)
        for name, check in list(self._checks.items()):
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await check()
            except (PassingError, TimeoutError) as error:
                found[name] = str(error) or "no answer"
        return found


def raise_open_files() -> None:
    """Raise the soft limit on open files to what this process needs, as far as permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@asynccontextmanager
async def open_server(
    host: str, port: int, health: Health, measuring: Measuring, slack: Handler | None
) -> AsyncIterator[int]:
    """Serve on `host` and `port` (0: any free one) and yield the port; raises `OSError`."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app.on_response_prepare.append(_name)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", partial(_readiness, health))
    app.router.add_get("/metrics", partial(_metrics, measuring))
    if slack is not None:
        app.router.add_post("/slack/events", slack)
    log.addFilter(_is_of_ours)
    runner = web.AppRunner(app, shutdown_timeout=CLOSING_SECONDS)
    await runner.setup()
    loop = asyncio.get_running_loop()
    how: dict[str, Any] = {
        "access_log": None,
        # Slack signs the body as it is sent; decompressing it first would be work for any stranger.
        "auto_decompress": False,
        "keepalive_timeout": KEEP_ALIVE_SECONDS,
        "lingering_time": LINGER_SECONDS,
        "logger": log,
    }
    # AppRunner's own sites would make connections of aiohttp's class.
    connect = partial(_Connection, cast("web.Server", runner.server), loop=loop, **how)
    try:
        listening = await loop.create_server(connect, host, port, backlog=BACKLOG)
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()
    finally:
        await runner.cleanup()


def refusal(status: HTTPStatus, why: str) -> web.Response:
    """Return a short answer with that status."""
    return web.Response(status=status, text=why)


class _Connection(web.RequestHandler):
    """A connection on which what isn't HTTP is refused without being quoted."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with the status alone; aiohttp would quote the request in `message`."""
        del message
        response = super().handle_error(request, status, exc, HTTPStatus(status).phrase)
        response.headers["Server"] = NAME
        return response


async def _name(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = NAME


def _is_of_ours(record: logging.LogRecord) -> bool:
    """Return False for a malformed request, which aiohttp quotes in its log."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def _readiness(health: Health, _: web.Request) -> web.Response:
    if problems := await health.problems():
        body = {"status": "not ready", "waiting_for": problems}
        return web.json_response(body, status=HTTPStatus.SERVICE_UNAVAILABLE)
    return web.json_response({"status": "ready"})


async def _metrics(measuring: Measuring, _: web.Request) -> web.Response:
    await measuring.done()
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
