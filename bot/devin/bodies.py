"""Reads the bodies of Devin's answers, as far as they are used: a longer one takes no memory."""

import zlib
from http import HTTPStatus

import aiohttp
import httpx

BODY_LIMIT = 64 * 1024
"""The most that is read of an answer to a write, in bytes."""

CONNECTION_ERRORS = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)
"""The errors of a broken exchange; httpx-aiohttp lets some of aiohttp's errors through."""

INFLATES = {"gzip": 31, "deflate": 15}
"""The encodings that a body may have, with zlib's `wbits` for each."""


def is_success(status: int) -> bool:
    """Return True if Devin did what it was asked: the contract says 200, and HTTP more."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


async def start_of(response: httpx.Response, limit: int = BODY_LIMIT) -> bytes:
    """Return the beginning of the body, as far as it came and can be decoded.

    A 200 has two meanings, so if its body breaks off, the error is raised.
    """
    body = bytearray()
    encoding = response.headers.get("content-encoding", "").strip().lower()
    # httpx would inflate each chunk as a whole, which may be a thousand times as long.
    inflate = zlib.decompressobj(INFLATES[encoding]) if encoding in INFLATES else None
    try:
        async for chunk in response.aiter_raw():
            body += inflate.decompress(chunk, limit - len(body)) if inflate else chunk
            if len(body) >= limit:
                break
    except zlib.error:
        return bytes(body)
    except CONNECTION_ERRORS:
        if is_success(response.status_code):
            raise
    return bytes(body[:limit])
