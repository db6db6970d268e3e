"""Socket Mode: Slack's envelopes over a WebSocket, each acknowledged once its work is kept.

Slack redelivers what is not acknowledged (docs.slack.dev/apis/events-api/using-socket-mode). While
`InFlight` is full, nothing is read: further envelopes wait in the socket, not in this process.

Both ways in have payloads answered here. Bolt 1.30 trusts every shape. A redelivery of what it
can't read would fail the same way, so that is acknowledged, and the operator is told.
"""

import asyncio
import json
import logging
import math
import random
import time
import traceback
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.model.errors import SlackAway, SlackRefused
from bot.model.record import parse_object, string
from bot.runtime import metrics
from bot.runtime.in_flight import InFlight
from bot.runtime.outgoing import broken, open_session
from bot.slack.api import call
from bot.urls import is_secure

log = logging.getLogger(__name__)

TRIPS = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""Exceptions that Python raises on a value of an unexpected shape, including invalid JSON."""


class Observer(Protocol):
    """Is notified of everything from Slack. A payload may be anything; nothing here raises."""

    def brought(self, payload: Mapping[str, Any]) -> None:
        """Note that a payload arrived; its fate is reported later."""

    async def is_foreign(self, payload: Mapping[str, Any]) -> bool:
        """Return True if the payload is to be acknowledged as it is, without Bolt."""

    def ended(self, payload: Mapping[str, Any], *, is_kept: bool) -> None:
        """Note that it was acknowledged; if not, Slack redelivers it for some minutes at most."""

    def missed(self) -> None:
        """Note that Slack could not deliver anything for a while."""


def parse_envelope(frame: dict[str, Any]) -> SocketModeRequest | None:
    """Parse an envelope; None if it lacks a type, an id or a payload."""
    if not string(frame, "type") or not string(frame, "envelope_id"):
        return None
    try:
        return SocketModeRequest.from_dict(frame)
    except ValueError:  # a payload of another kind
        return None


def acknowledgement(envelope_id: str, response: BoltResponse) -> str:
    """Return the acknowledgement of an envelope, with the listener's response, if any."""
    ack: dict[str, Any] = {"envelope_id": envelope_id}
    if response.body:
        is_json = response.first_headers().get("content-type", "").startswith("application/json")
        ack["payload"] = json.loads(response.body) if is_json else {"text": response.body}
    return json.dumps(ack)


async def answer(
    app: AsyncApp,
    observer: Observer,
    payload: dict[str, Any],
    kind: str,
    **ids: object,
) -> BoltResponse:
    """Have a payload of any `kind` answered, and tell the observer its fate.

    One that no listener would act on, or that Bolt can't read, is acknowledged as it is. A message
    that Bolt can't read isn't kept, so it is found in its thread.
    """
    observer.brought(payload)
    is_kept = False
    try:
        with metrics.ACK_SECONDS.labels(kind).time():
            if await observer.is_foreign(payload):
                response = BoltResponse(status=HTTPStatus.OK)
            else:
                # Bolt takes a parsed body, and obeys no header, in this mode alone.
                request = AsyncBoltRequest(body=payload, mode="socket_mode")
                response = await app.async_dispatch(request)
        is_kept = response.status == HTTPStatus.OK
    except TRIPS as error:
        if not is_malformed(error, **ids):
            raise
        response = BoltResponse(status=HTTPStatus.OK)
    finally:
        observer.ended(payload, is_kept=is_kept)
    return response


def is_malformed(error: Exception, **ids: object) -> bool:
    """Return True, and log it, if the request caused `error` and no code of `handlers` did.

    The error's text may quote the request, so only its class is logged.
    """
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    is_ours = any(str(frame.f_globals.get("__name__")).startswith("handlers.") for frame in frames)
    if is_ours or not isinstance(error, TRIPS):
        return False
    log.error("malformed request acknowledged", extra={**ids, "problem": type(error).__name__})
    return True


REFRESH_SECONDS = 5.0
"""Slack asks for a new connection every few hours; one made within this time missed nothing."""

LEAVE_SECONDS = 10.0
"""Time for which a connection that Slack wants closed is still read."""

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
HEARTBEAT_SECONDS = 20.0
"""Silence after which a connection is pinged; it has half of that to answer."""

BACKOFF_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
REFUSED_SECONDS = 60.0
"""Retry delay after a refusal: Socket Mode is switched off, or the token is revoked."""

NO_TLS, NO_HELLO = "Slack named no address with TLS", "no hello yet"


Socket = aiohttp.ClientWebSocketResponse


@dataclass(eq=False, slots=True)
class SocketMode:
    """Connects, reads and answers; a connection that ends is followed by another.

    `observer` is told that something was missed when Slack says hello, at first and after each gap.
    """

    app: AsyncApp
    app_token: str
    in_flight: InFlight
    observer: Observer
    refused_seconds: float = REFUSED_SECONDS
    _problem: str = NO_HELLO
    _greeted_at: float = math.inf
    _asked_at: float = -REFRESH_SECONDS
    _failures: int = 0
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def check(self) -> None:
        """Raise `SlackAway` unless Slack has said hello and the connection is open."""
        if self._problem:
            raise SlackAway("Socket Mode", self._problem, maybe_done=False)

    @asynccontextmanager
    async def connected(self, proxy: SecretStr | None = None) -> AsyncIterator["SocketMode"]:
        """Connect, and stay connected until the block exits, which cancels answers in progress."""
        timeout = aiohttp.ClientTimeout(total=CONNECT_SECONDS)
        async with open_session(proxy, refuses_redirects=True, timeout=timeout) as web:
            self._start(self._run(web))
            try:
                yield self
            finally:
                running = list(self._running)
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, web: aiohttp.ClientSession) -> None:
        while True:
            try:
                ended = await self._open(web)
                await ended.wait()
                if time.monotonic() - self._greeted_at < REFRESH_SECONDS:
                    raise SlackAway("Socket Mode", self._problem, maybe_done=False)  # noqa: TRY301
                self._failures = 0
            except SlackRefused as error:
                await self._pause(error, self.refused_seconds)
            except SlackAway as error:
                await self._pause(error, error.retry_after or None)

    async def _open(self, web: aiohttp.ClientSession) -> asyncio.Event:
        """Open a connection at a new address: a used or old address does not work again.

        Return what is set once it is closed, or Slack asks for another one instead.
        """
        answer = await call(self.app.client, "apps.connections.open", app_token=self.app_token)
        url = string(answer, "url")
        if not is_secure(url):
            raise SlackRefused("Socket Mode", NO_TLS)
        try:
            timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
            socket = await web.ws_connect(url, heartbeat=HEARTBEAT_SECONDS, timeout=timeout)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackAway("Socket Mode", broken(error), maybe_done=False) from error
        self._problem, self._greeted_at = NO_HELLO, math.inf
        ended = asyncio.Event()
        self._start(self._read(socket, ended))
        return ended

    async def _pause(self, error: SlackAway | SlackRefused, seconds: float | None) -> None:
        self._problem = str(error) if error.method != "Socket Mode" else error.reason
        self._failures += 1
        if seconds is None:
            step = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS)) - 1]
            seconds = step * random.uniform(0.8, 1.2)  # noqa: S311  (jitter)
        level = logging.ERROR if isinstance(error, SlackRefused) else logging.WARNING
        log.log(level, "no connection", extra={"reason": self._problem, "seconds": seconds})
        await asyncio.sleep(seconds)

    async def _read(self, socket: Socket, ended: asyncio.Event) -> None:
        """Process frames until Slack or a failure closes the connection."""
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    await self._receive(socket, ended, frame.data)
            if not ended.is_set():  # Slack did not ask for another one
                self._problem = "disconnected"
                log.warning("disconnected", extra={"code": socket.close_code})
        finally:
            ended.set()
            await socket.close()

    async def _receive(self, socket: Socket, ended: asyncio.Event, text: str) -> None:
        frame = parse_object(text) or {}
        kind = frame.get("type")
        if kind == "hello":
            self._greet(frame)
        elif kind == "disconnect":
            if not ended.is_set():  # else this has been said, and another connection is asked for
                ended.set()
                self._leave(socket, frame)
        elif (envelope := parse_envelope(frame)) is not None:
            await self._begin(socket, envelope)
        else:
            log.warning("envelope dropped", extra={"length": len(text)})

    def _greet(self, hello: Mapping[str, Any]) -> None:
        self._problem, self._greeted_at = "", time.monotonic()
        log.info("connected", extra={"connections": hello.get("num_connections")})
        if self._greeted_at - self._asked_at >= REFRESH_SECONDS:
            self.observer.missed()
        self._asked_at = -REFRESH_SECONDS

    def _leave(self, socket: Socket, note: Mapping[str, Any]) -> None:
        """Leave a connection that Slack closes soon: it is still read, alongside the next one."""
        log.info("asked to reconnect", extra={"reason": note.get("reason")})
        if not self._problem:  # else Slack has turned it away without a hello
            self._asked_at = time.monotonic()
        self._problem = f"asked to reconnect: {note.get('reason')}"
        self._start(_close_after(socket, LEAVE_SECONDS))

    async def _begin(self, socket: Socket, request: SocketModeRequest) -> None:
        """Answer an envelope alongside others; wait while too many are being answered."""
        await self.in_flight.enter()
        answering = self._start(self._answer(socket, request))
        answering.add_done_callback(lambda _: self.in_flight.leave())
        # aiohttp reads what has arrived without a pause: all of a wave would be accepted before
        # the first of it is sent on. A crowd must be noticed before that, since it may come in
        # any order.
        if self.in_flight.is_crowd:
            await asyncio.sleep(0)

    async def _answer(self, socket: Socket, request: SocketModeRequest) -> None:
        """Dispatch one envelope; during shutdown, leave it to another connection."""
        payload = request.payload
        if self.in_flight.is_closing:
            self.observer.ended(payload, is_kept=False)
            return
        kind, envelope_id = request.type, request.envelope_id
        response = await answer(self.app, self.observer, payload, kind, envelope_id=envelope_id)
        if response.status != HTTPStatus.OK:
            return
        try:
            await socket.send_str(acknowledgement(envelope_id, response))
        except ConnectionError:
            log.warning("acknowledgement lost", extra={"reason": "disconnected"})

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("not answered", exc_info=error)


async def _close_after(socket: Socket, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await socket.close()
