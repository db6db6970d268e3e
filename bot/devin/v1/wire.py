"""One exchange with Devin over HTTP: its answer, or what a failure of the wire means.

A `Wait` is given only where nothing was sent, so that the same call may be made again; everywhere
else the outcome is uncertain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import httpx

from bot.devin.api import Failure
from bot.model.outcomes import Outcome, OutcomeKind, Wait

BODY_LIMIT = 64 * 1024
"""As much of an answer as is read; what the contract describes is far below."""

LOST = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)
"""Whatever a broken exchange raises; httpx-aiohttp lets some of aiohttp's errors through."""

# Nothing has reached Devin when one of these is raised: no connection was made, or none was free.
# httpx-aiohttp 0.2 maps *every* lost connection to httpx.ConnectTimeout, also one that was lost
# after sending, so the cause is what counts, not the httpx class. The first that fits is told.
_NOT_SENT: Sequence[tuple[type[Exception], str]] = (
    (aiohttp.ClientConnectorDNSError, "its address was not found"),
    (aiohttp.ClientSSLError, "no secure connection"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and as much of the body as was wanted.

    `skew` is how far Devin's clock was ahead of the caller's.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    skew: timedelta = timedelta(0)


def failure(error: Exception) -> Failure:
    """The outcome of a write that raised `error`."""
    # asyncio.timeout raises its TimeoutError from a CancelledError, which tells nothing.
    is_ours = isinstance(error, TimeoutError)
    cause = error if is_ours else error.__cause__ or error
    for kind, why in _NOT_SENT:
        if isinstance(cause, kind):
            return Wait(why)
    why = "no answer in time" if isinstance(cause, TimeoutError) else "connection lost"
    return Outcome(kind=OutcomeKind.UNCERTAIN, detail=why)


def skew(headers: Mapping[str, str], now: datetime) -> timedelta:
    """By the `Date` of an answer (RFC 9110, 6.6.1), to a second; none where it tells no time."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        return date.replace(tzinfo=date.tzinfo or UTC) - now
    except (TypeError, ValueError, OverflowError):
        return timedelta(0)


async def start_of(response: httpx.Response, limit: int = BODY_LIMIT) -> bytes:
    """The beginning of the body, as far as it can be decoded.

    A body that breaks off counts as its beginning where the status says what became of the message;
    a 200 has two meanings, so there the loss is raised.
    """
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) >= limit:
                break
    except httpx.DecodingError:
        return body
    except (httpx.HTTPError, aiohttp.ClientError, OSError):
        if response.status_code == HTTPStatus.OK:
            raise
    return body[:limit]
