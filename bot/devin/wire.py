"""Reads Devin's HTTP answers, and interprets failures of the connection.

A failure is a `Wait` only if nothing was sent, so that the same call may be repeated; otherwise
the outcome is uncertain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

import aiohttp
import httpx

from bot.devin.api import Failure
from bot.model.outcomes import Outcome, OutcomeKind, Wait
from bot.runtime.outgoing import NOT_SENT
from bot.runtime.reasons import broken

BODY_LIMIT = 64 * 1024
"""The most that is read of an answer; those in the contract are far shorter."""

MOST_SKEW = timedelta(days=1)

LOST = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)
"""The errors of a broken exchange; httpx-aiohttp lets some of aiohttp's errors through."""


class Read(StrEnum):
    """What a read asks for, as `/metrics` counts it."""

    STATES = "states"
    MESSAGES = "messages"
    SESSION = "session"
    LIST = "list"
    SELF = "self"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers, and the requested part of the body.

    `skew` is how far Devin's clock was ahead of the caller's.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    skew: timedelta = timedelta(0)


def failure(error: Exception) -> Failure:
    """Return the outcome of a write that raised `error`."""
    why = reason(error)
    # httpx-aiohttp 0.2 maps *every* lost connection to httpx.ConnectTimeout, even one that was lost
    # after sending, so the cause counts, not the httpx class.
    if isinstance(_cause(error), NOT_SENT):
        return Wait(why)
    return Outcome(kind=OutcomeKind.UNCERTAIN, detail=why)


def reason(error: Exception) -> str:
    """Say how the exchange that raised `error` broke."""
    cause = _cause(error)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(cause, NOT_SENT):
        return broken(cause)
    return "no answer in time" if isinstance(cause, TimeoutError) else "connection lost"


def _cause(error: Exception) -> BaseException:
    # asyncio.timeout raises its TimeoutError from a CancelledError, which says nothing.
    is_final = isinstance(error, TimeoutError | aiohttp.ClientError)
    return error if is_final else error.__cause__ or error


def skew(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Read the clock skew from an answer's `Date` (RFC 9110, 6.6.1), to the second.

    It's 0 without a `Date`, and for one that is `MOST_SKEW` or more away, which is no clock's.
    """
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        found = date.replace(tzinfo=date.tzinfo or UTC) - now
    except (TypeError, ValueError, OverflowError):
        return timedelta(0)
    return found if abs(found) < MOST_SKEW else timedelta(0)


async def start_of(response: httpx.Response, limit: int = BODY_LIMIT) -> bytes:
    """Return the beginning of the body, as far as it can be decoded.

    If the body breaks off, the part that was received is enough wherever the status tells the
    outcome; a 200 has two meanings, so then the error is raised.
    """
    body = bytearray()
    # Without an encoding to undo, httpx would still take twice as long for it.
    is_plain = "content-encoding" not in response.headers
    try:
        async for chunk in response.aiter_raw() if is_plain else response.aiter_bytes():
            body += chunk
            if len(body) >= limit:
                break
    except httpx.DecodingError:
        return bytes(body)
    except (httpx.HTTPError, aiohttp.ClientError, OSError):
        if response.status_code == HTTPStatus.OK:
            raise
    return bytes(body[:limit])
