"""`POST /slack/events`: what Slack sends in HTTP mode.

A request is parsed only if its signature and its time are valid
(docs.slack.dev/authentication/verifying-requests-from-slack).
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.async_app import AsyncApp

from bot.model.record import parse_object
from bot.runtime.http import refusal
from bot.runtime.in_flight import InFlight
from bot.slack.api import SlackClock
from bot.slack.receiving.socket_mode import TRIPS, Observer, answer, is_malformed

BODY_SECONDS = 3.0
"""Slack waits no longer for an answer."""

MOST_BYTES = 32 * 1024 * 1024
LEAST_BYTES = 32 * 1024
"""The most bytes of signed requests that are not answered yet, and the least that one counts for:
so there are 1,024 at most."""

WINDOW_SECONDS = 300
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
        self._clock = SlackClock()

    def serve(self, app: AsyncApp, observer: Observer, clock: SlackClock) -> None:
        """Dispatch to `app` from now on: Slack sends again what was refused before."""
        self._served, self._clock = (app, observer), clock

    async def handle(self, request: web.Request) -> web.Response:
        """Verify, dispatch and answer a request; 503 asks Slack to retry."""
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not self._is_plausible(timestamp, signature):
            return refusal(HTTPStatus.UNAUTHORIZED, UNSIGNED)
        body = await _read(request)
        if isinstance(body, web.Response):
            return body
        signed = b"v0:" + timestamp.encode() + b":" + body
        expected = "v0=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            return refusal(HTTPStatus.UNAUTHORIZED, UNSIGNED)
        return await self._dispatch(request, body)

    def _is_plausible(self, timestamp: str, signature: str) -> bool:
        """Return True if Slack may have just sent these; slack_sdk's verifier raises on others.

        The machine's clock may be wrong, and Slack's stands still while the machine is suspended.
        """
        if not (_TIME.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
            return False
        now = time.time()
        clocks = now, self._clock.seconds or now
        return any(abs(one - int(timestamp)) <= WINDOW_SECONDS for one in clocks)

    async def _dispatch(self, request: web.Request, body: bytes) -> web.Response:
        """Answer a request that Slack signed, if there is room for it."""
        if self._served is None:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not ready")
        app, observer = self._served
        size = max(len(body), LEAST_BYTES)
        is_full = self._bytes + size > MOST_BYTES
        if self._in_flight.is_closing or is_full:
            observer.ended(parse_object(body) or {}, is_kept=False)
            why = "too much at once" if is_full else "not ready"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, why)
        self._bytes += size
        try:
            payload = _payload_of(request.content_type, body)
            async with self._in_flight.entered():
                given = await answer(app, observer, payload, "http", length=len(body))
        except TRIPS as error:
            if not is_malformed(error, length=len(body)):
                raise
            return web.Response()
        finally:
            self._bytes -= size
        return web.Response(
            status=given.status,
            text=given.body,
            content_type=given.first_headers().get("content-type", "text/plain").split(";")[0],
        )


async def _read(request: web.Request) -> bytes | web.Response:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        return refusal(HTTPStatus.REQUEST_TIMEOUT, "too slow")
    except (web.RequestPayloadError, OSError):
        return refusal(HTTPStatus.BAD_REQUEST, "unreadable")


def _payload_of(content_type: str, body: bytes) -> dict[str, Any]:
    """Return what a body holds, as Socket Mode would bring it; raises one of `TRIPS`.

    Bolt 1.30 would take each form with the letters “payload” for an interaction, and lose a command
    that has them (`parse_body`).
    """
    if body.startswith(b"{") or (body and content_type == "application/json"):
        found = json.loads(body)
    else:
        found = dict(parse_qsl(body.decode(), keep_blank_values=True))
        found = json.loads(found["payload"]) if "payload" in found else found
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found
