"""Limits the sandbox's page, Slack and Devin to this machine, without other sites' scripts.

A page elsewhere on the web can make a browser send requests to 127.0.0.1. Such a request is
recognized by its `Host` (DNS rebinding) or by its `Origin` (cross-site POST).
"""

import ipaddress
import re

from aiohttp import web
from aiohttp.typedefs import Handler

_LOOPBACK_HOST = re.compile(
    r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE
)
_READING = {"GET", "HEAD"}


def is_loopback(host: str) -> bool:
    """Return True if an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 with a sentence to a foreign `Host`, and to a POST with a foreign `Origin`."""
    host = request.headers.get("Host", "")
    if not _LOOPBACK_HOST.fullmatch(host):
        return _refusal("The sandbox answers only under 127.0.0.1 or localhost.")
    origin = request.headers.get("Origin")
    if request.method not in _READING and origin is not None and origin != f"http://{host}":
        return _refusal("The sandbox takes changes only from its own page.")
    return await handler(request)


@web.middleware
async def without_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 to what a page makes a browser send, also as an image or a WebSocket.

    Slack's Web API takes GET as well, for which a browser names no `Origin`.
    """
    if request.headers.get("Sec-Fetch-Site", "none") != "none":
        return _refusal("The sandbox's Slack answers programs, not pages.")
    return await handler(request)


def _refusal(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=403)
