"""What broke a connection is said in words by which an operator knows where to look."""

import errno
import socket
import ssl
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError

from bot.redis.pipelining import away
from bot.runtime.outgoing import broken
from tests.support.processes import free_port
from tests.support.tables import each

KEY = ConnectionKey("h", 443, True, True, None, None, None)


def untrusted() -> ssl.SSLCertVerificationError:
    """Return what OpenSSL raises for a certificate that nobody it trusts has signed."""
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] secret")
    error.verify_message = "self-signed certificate"
    return error


ERRORS: list[tuple[Exception, str]] = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "secret"), "connection refused"),
    (socket.gaierror(-2, "secret"), "no such host"),
    (aiohttp.ClientConnectorDNSError(KEY, OSError(None, "secret")), "no such host"),
    (untrusted(), "certificate not trusted (self-signed certificate)"),
    (
        aiohttp.ClientConnectorCertificateError(KEY, untrusted()),
        "certificate not trusted (self-signed certificate)",
    ),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "secret")), "no secure connection"),
    (TimeoutError(), "timed out"),
    (aiohttp.ConnectionTimeoutError(), "timed out"),
    (OSError(errno.ENOSPC, "secret", "/secret"), "no space left on device"),
    (OSError("Multiple exceptions: [Errno 111] secret, [Errno 111] secret"), "connection refused"),
    (RedisConnectionError("Error 113 connecting to secret:6379."), "ConnectionError"),
    (ValueError("secret"), "ValueError"),
    (aiohttp.ClientPayloadError("secret"), "connection lost"),
    (aiohttp.ServerDisconnectedError("secret"), "connection lost"),
]


@each(("error", "says"), ERRORS)
def test_an_error_is_said_in_words(error: Exception, says: str) -> None:
    """Its text isn't repeated, since that may name hosts, paths or people's words."""
    assert broken(error) == says


async def to_slack(port: int) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}"):
        pass


async def to_an_unknown_host(_: int) -> None:
    async with aiohttp.ClientSession() as session, session.get("http://host.invalid"):
        pass


async def to_redis(port: int) -> None:
    async with Redis(port=port) as client:
        await client.get("x")


async def to_a_socket(_: int) -> None:
    async with Redis(unix_socket_path="/nowhere/socket") as client:
        await client.get("x")


@pytest.mark.parametrize(
    ("connect", "says"),
    [
        (to_slack, "connection refused"),
        (to_an_unknown_host, "no such host"),
        (to_redis, "connection refused"),
        (to_a_socket, "no such file or directory"),
    ],
)
async def test_the_libraries_that_connect_hide_nothing_of_it(
    connect: Callable[[int], Awaitable[None]], says: str
) -> None:
    """Aiohttp and redis-py put their own errors around the system's."""
    with pytest.raises(Exception) as caught:
        await connect(free_port())
    assert broken(caught.value) == says


@each(
    ("error", "says"),
    [
        (ResponseError("MISCONF Errors writing to the AOF file"), "ResponseError: MISCONF"),
        (ResponseError("NOPERM User secret has no permissions"), "ResponseError: NOPERM"),
        (OutOfMemoryError("command not allowed when used memory"), "OutOfMemoryError"),
        (ResponseError("Error running script: secret"), "ResponseError"),
        (ResponseError("I said secret"), "ResponseError"),
        (RedisConnectionError("Connection closed by server."), "ConnectionError"),
        (TimeoutError(), "TimeoutError: timed out"),
    ],
)
def test_redis_errors_have_a_kind_and_a_code_at_most(error: Exception, says: str) -> None:
    """The kind is that of the runbook; a code is written in capitals."""
    assert str(away(error)) == says
