"""`POST /slack/events`: Slack's requests in HTTP mode, verified, dispatched and answered.

It serves events, commands and interactions alike. A request is parsed only if its signature and its
time are valid (docs.slack.dev/authentication/verifying-requests-from-slack).
"""

import asyncio
import hashlib
import hmac
import re
import time
from http import HTTPStatus
from typing import Any

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.model.record import parse_object
from bot.runtime import metrics
from bot.runtime.http import refusal
from bot.runtime.in_flight import InFlight
from bot.slack.receiving.envelopes import TRIPS, Observer, is_malformed

BODY_SECONDS = 3.0
"""Slack waits no longer for an answer."""

MOST_BYTES = 32 * 1024 * 1024
LEAST_BYTES = 32 * 1024
"""The most bytes of signed requests in this process that are not answered yet, and what one of them
counts for at least: so there are 1,024 at most."""

WINDOW_SECONDS = 300
FORM = "application/x-www-form-urlencoded"
UNSIGNED = "bad signature or time"

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{1,10}")


class SlackEndpoint:
    """`POST /slack/events`, for an app that may not have started yet."""

    def __init__(self, signing_secret: str, in_flight: InFlight) -> None:
        self._secret = signing_secret.encode()
        self._in_flight = in_flight
        self._bytes = 0
        self._served: tuple[AsyncApp, Observer] | None = None

    def serve(self, app: AsyncApp, observer: Observer) -> None:
        """Dispatch to `app` from now on, and report requests to `observer`.

        Earlier ones were refused. Slack sends them again, and each start has all threads read.
        """
        self._served = app, observer

    async def handle(self, request: web.Request) -> web.Response:
        """Verify, dispatch and answer a request; 503 asks Slack to retry.

        Without headers that could be Slack's, the body is not even read.
        """
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not _is_plausible(timestamp, signature):
            return refusal(HTTPStatus.UNAUTHORIZED, UNSIGNED)
        body = await _read(request)
        if isinstance(body, web.Response):
            return body
        if not hmac.compare_digest(self._sign(timestamp, body), signature):
            return refusal(HTTPStatus.UNAUTHORIZED, UNSIGNED)
        return await self._dispatch(request, body)

    def _sign(self, timestamp: str, body: bytes) -> str:
        signed = b"v0:" + timestamp.encode() + b":" + body
        return "v0=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest()

    async def _dispatch(self, request: web.Request, body: bytes) -> web.Response:
        """Answer a request that Slack signed, if there is room for it."""
        size = max(len(body), LEAST_BYTES)
        is_full = self._bytes + size > MOST_BYTES
        if self._served is None:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not ready")
        if self._in_flight.is_closing or is_full:
            _, observer = self._served
            observer.ended(_event_in(body), is_kept=False)
            why = "too much at once" if is_full else "not ready"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, why)
        self._bytes += size
        try:
            return await self._answer(*self._served, request, body)
        finally:
            self._bytes -= size

    async def _answer(
        self, app: AsyncApp, observer: Observer, request: web.Request, body: bytes
    ) -> web.Response:
        payload = _event_in(body)
        answer = None
        try:
            asked = None if payload else _asked(request, body)
            payload = payload if asked is None else asked.body
            observer.brought(payload)
            async with self._in_flight.entered():
                with metrics.ACK_SECONDS.labels("http").time():
                    if await observer.is_foreign(payload):
                        answer = BoltResponse(status=HTTPStatus.OK)
                    else:
                        answer = await app.async_dispatch(asked or _asked_of(payload))
        except TRIPS as error:
            if not is_malformed(error, length=len(body)):
                raise
            answer = BoltResponse(status=HTTPStatus.OK)
        finally:
            observer.ended(payload, is_kept=answer is not None and answer.status == HTTPStatus.OK)
        return web.Response(
            status=answer.status,
            text=answer.body,
            content_type=answer.first_headers().get("content-type", "text/plain").split(";")[0],
        )


def _is_plausible(timestamp: str, signature: str) -> bool:
    """Return True if Slack may have just sent these; slack_sdk's verifier raises on some others."""
    is_whole = _TIME.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)
    return bool(is_whole) and abs(time.time() - int(timestamp)) <= WINDOW_SECONDS


async def _read(request: web.Request) -> bytes | web.Response:
    """Return the whole body, or the answer to a request without one."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        return refusal(HTTPStatus.REQUEST_TIMEOUT, "too slow")
    except (web.RequestPayloadError, OSError):
        return refusal(HTTPStatus.BAD_REQUEST, "unreadable")


def _event_in(body: bytes) -> dict[str, Any]:
    """Return the payload of an event; empty for anything else."""
    payload = parse_object(body) or {}
    return payload if payload.get("type") == "event_callback" else {}


def _asked_of(event: dict[str, Any]) -> AsyncBoltRequest:
    """Return the request of an event, whose body Bolt takes parsed only in this mode."""
    return AsyncBoltRequest(body=event, mode="socket_mode")


def _asked(request: web.Request, body: bytes) -> AsyncBoltRequest:
    """Return the request of anything else; only the body is signed, and Bolt obeys some headers."""
    return AsyncBoltRequest(
        body=_as_bolt_reads_it(request.content_type, body.decode()),
        headers={"Content-Type": request.headers.get("Content-Type", "")},
    )


def _as_bolt_reads_it(content_type: str, body: str) -> str:
    """Escape “payload” in a command's `body`, since Bolt 1.30 would lose the command.

    It takes any form that contains these letters for an interaction (`parse_body`), and then finds
    no field of that name.
    """
    is_interaction = body.startswith("payload=") or "&payload=" in body
    if content_type != FORM or is_interaction:
        return body
    return body.replace("payload", "%70ayload")
