"""What both ways in share, and Socket Mode's frames.

Shapes: docs.slack.dev/apis/events-api/using-socket-mode. Bolt 1.30 trusts every shape while it
builds a request, and in middleware of its own. A redelivery would fail the same way, so such a
request is acknowledged, and the operator is told.
"""

import json
import logging
import re
import traceback
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.model.record import parse_object
from bot.runtime import metrics

log = logging.getLogger(__name__)

NOTES = ("hello", "disconnect")
"""Frames about the connection itself, which are not answered."""

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

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


@dataclass(frozen=True, slots=True)
class Flaw:
    """A frame that cannot be used: the problem, and its envelope's id if it has one."""

    problem: str
    envelope_id: str | None = None


def parse_frame(text: str) -> SocketModeRequest | Mapping[str, Any] | Flaw:
    """Parse a frame into an envelope, a note (one of `NOTES`, as it came), or a flaw."""
    frame = parse_object(text)
    if frame is None:
        return Flaw("no JSON object")
    kind = frame.get("type")
    if kind in NOTES:
        return frame
    named = frame.get("envelope_id")
    envelope_id = named if isinstance(named, str) and _ID.fullmatch(named) else None
    if not isinstance(kind, str):
        return Flaw("no type", envelope_id)
    try:
        envelope = SocketModeRequest.from_dict(frame)
    except ValueError:  # a payload of another kind
        envelope = None
    if envelope is None:
        return Flaw("no envelope_id" if named is None else "no payload", envelope_id)
    return envelope


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
    room: AbstractAsyncContextManager[object],
    kind: str,
    **ids: object,
) -> BoltResponse:
    """Have a payload of any `kind` answered inside `room`, and tell the observer its fate.

    One that no listener would act on, or that Bolt can't read, is acknowledged as it is.
    """
    observer.brought(payload)
    is_kept = False
    try:
        async with room:
            with metrics.ACK_SECONDS.labels(kind).time():
                if await observer.is_foreign(payload):
                    response = BoltResponse(status=HTTPStatus.OK)
                else:
                    # Bolt takes a parsed body, and obeys no header, in this mode alone.
                    request = AsyncBoltRequest(body=payload, mode="socket_mode")
                    response = await app.async_dispatch(request)
        is_kept = response.status == HTTPStatus.OK
    except TRIPS as error:
        is_kept = is_malformed(error, **ids)
        if not is_kept:
            raise
        response = BoltResponse(status=HTTPStatus.OK)
    finally:
        observer.ended(payload, is_kept=is_kept)
    return response


def is_malformed(error: Exception, **ids: object) -> bool:
    """Return True, and log it, if the request caused `error` and our own code did not.

    All of our code that reads a payload is called from `handlers`. The error's text may quote the
    request, so only its class is logged.
    """
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    is_ours = any(str(frame.f_globals.get("__name__")).startswith("handlers.") for frame in frames)
    if is_ours or not isinstance(error, TRIPS):
        return False
    log.error("malformed request acknowledged", extra={**ids, "problem": type(error).__name__})
    return True
