"""Sessions for outgoing HTTP: through the proxy that is set or none, whatever the environment says.

Nothing here reads proxy variables or `~/.netrc`: `trust_env` stays off.
"""

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


class RedirectedError(aiohttp.ClientError):
    """A server answered with a redirect, which is not followed: it would take words elsewhere."""


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
