"""Sessions for outgoing HTTP, and what broke a connection or a file, in an operator's words.

Requests go through the proxy that is set or none, whatever the environment says: nothing here reads
proxy variables or `~/.netrc`, and `trust_env` stays off. The text of an error isn't repeated, since
it may name hosts, paths or people's words: only its kind, and the operating system's own text for
its number.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.urls import is_loopback

NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""The errors after which nothing has reached the server; the last is a proxy's refusal."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 3
"""How often a file's address may lead to another one; each is judged before it is asked."""

CHUNK = 64 * 1024

TRANSFER = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=15.0)
"""That of a file: its reader bounds the whole file, and how many are read at once."""


class RedirectedError(aiohttp.ClientError):
    """A server answered with a redirect, which is not followed: it would take words elsewhere."""


class TooLongError(aiohttp.ClientError):
    """An answer is longer than what is read of one."""


MOST_READ = 16 * 1024 * 1024
"""The longest answer that is read as a whole, in bytes, once it is inflated.

The longest that Slack gives are pages of 200 messages: then each may have 80,000.
"""


class Answer(aiohttp.ClientResponse):
    """An answer whose body raises `TooLongError` before it takes more memory than `MOST_READ`."""

    async def read(self) -> bytes:
        """Read the whole body, which aiohttp would do without a limit."""
        if self._body is None:
            body = bytearray()
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > MOST_READ:
                    self.close()
                    raise TooLongError
            self._body = bytes(body)
        return await super().read()


def open_session(
    proxy: SecretStr | None, *, refuses_redirects: bool = False, **how: Any
) -> aiohttp.ClientSession:
    """Return a session whose requests go through `proxy`, except for those to this machine.

    With `refuses_redirects`, a redirect raises `RedirectedError`, unless a request follows it by
    hand (`allow_redirects=False`). Cookies are not kept. A session must have no headers: aiohttp
    3.14 sends them to the proxy as well, unencrypted, and a key in them as `Proxy-Authorization`.
    """
    return aiohttp.ClientSession(
        proxy=proxy.get_secret_value() if proxy else None,
        middlewares=(_past_the_proxy,) if proxy else (),
        trace_configs=[_refusal()] if refuses_redirects else None,
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=Answer,
        **how,
    )


async def _past_the_proxy(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    if is_loopback(request.url.host or ""):
        request.update_proxy(None, None, None)
    return await send(request)


def _refusal() -> aiohttp.TraceConfig:

    async def refuse(*_: object) -> None:
        raise RedirectedError

    hook = aiohttp.TraceConfig()
    hook.on_request_redirect.append(refuse)
    return hook


_NUMBER = re.compile(r"(?:Errno|Error) (\d{1,3})\b")
_DEPTH = 10

NO_HOST = "no such host"
UNTRUSTED = "certificate not trusted"
NOT_SECURE = "no secure connection"
TIMED_OUT = "timed out"
LOST = "connection lost"
REDIRECTED = "redirected to another address, which is refused"
TOO_LONG = "answer too long"


def broken(error: BaseException) -> str:
    """Say why `error` was raised, or else the name of its class."""
    if isinstance(error, RedirectedError):
        return REDIRECTED
    if isinstance(error, TooLongError):
        return TOO_LONG
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"proxy: HTTP {error.status}"
    why = next(filter(None, map(_reason, _chain(error))), type(error).__name__)
    return f"proxy: {why}" if isinstance(error, aiohttp.ClientProxyConnectionError) else why


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it was raised from: the libraries put their own errors around it."""
    one: BaseException | None = error
    for _ in range(_DEPTH):
        if one is None:
            return
        # aiohttp's certificate error is ssl's as well, without its message.
        one = getattr(one, "certificate_error", one)
        yield one
        one = getattr(one, "os_error", None) or one.__cause__ or one.__context__


def _reason(error: BaseException) -> str:
    if isinstance(error, socket.gaierror) or "DNS" in type(error).__name__:
        return NO_HOST
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{UNTRUSTED} ({error.verify_message})" if error.verify_message else UNTRUSTED
    if isinstance(error, ssl.SSLError):
        return NOT_SECURE
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    if not isinstance(error, OSError):
        is_lost = isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError)
        return LOST if is_lost else ""
    # Several addresses, each with its error, are one OSError without a number.
    found = _NUMBER.search(str(error))
    number = error.errno or (int(found[1]) if found else 0)
    return os.strerror(number).lower() if number else ""
