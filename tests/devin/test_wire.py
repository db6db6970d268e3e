"""Every way in which a connection can end determines what happens to its message.

The rule: *wait* (and so, send again) only if nothing can have been sent; *uncertain* whenever Devin
may have read the message.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.devin.api import Unread
from bot.model.replies import Outcome, OutcomeKind, Wait
from bot.model.sessions import SessionId
from bot.timing import Timing
from tests.support.bots import BRISK
from tests.support.desk import SESSION
from tests.support.raw_http import (
    CHUNKED,
    HALF,
    ID,
    RawServer,
    Talk,
    Wire,
    answering,
    kind,
    serving,
    whole,
)
from tests.support.waiting import wait_until


def within(**seconds: Any) -> Timing:
    """Return deadlines of which one can be missed."""
    return replace(BRISK, **seconds)


# Nothing was sent: wait.


async def test_a_refused_connection_waits(wire: Wire) -> None:
    """The connection is refused, so nothing was sent."""
    async with serving(answering(wire.ok)) as server:
        url = server.url
    answer = await wire.post(url)
    assert answer == Wait("connection refused")


async def test_a_name_that_does_not_resolve_waits(wire: Wire) -> None:
    """DNS fails, at once or never, so nothing was sent."""
    answer = await wire.post("http://devin.invalid", timing=within(connect_seconds=0.2))
    assert kind(answer) == "wait"


async def test_a_server_that_does_not_speak_tls_waits(wire: Wire) -> None:
    """The handshake fails, so nothing was sent, least of all the key."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server.requests.append(await reader.read(4096))
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        return talk_

    async with serving(talk) as server:
        answer = await wire.post(f"https://127.0.0.1:{server.port}")
    assert kind(answer) == "wait"
    assert not any(wire.key.encode() in request for request in server.requests)


async def test_a_tls_handshake_that_never_ends_waits(wire: Wire) -> None:
    """A connection that is not ready in time has carried no data."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            while chunk := await reader.read(4096):
                server.requests.append(chunk)

        return talk_

    async with serving(talk) as server:
        url = f"https://127.0.0.1:{server.port}"
        answer = await wire.post(url, timing=within(connect_seconds=0.2))
    assert answer == Wait("no connection in time")
    assert not any(wire.key.encode() in request for request in server.requests)


async def test_no_free_connection_waits(wire: Wire) -> None:
    """All connections are busy for longer than the pool's timeout, so the message was not sent."""
    never = asyncio.Event()

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await server.read(reader)
            await never.wait()

        return talk_

    async with (
        serving(talk) as server,
        wire.client(server.url, connections=1, timing=within(connect_seconds=1.0)) as devin,
    ):
        first = asyncio.create_task(devin.post_message(ID, "first"))
        await wait_until(lambda: server.requests, "the first message holds the connection")
        second = await devin.post_message(ID, "second")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert second == Wait("no connection in time")
    assert len(server.requests) == 1


# It may have been sent: uncertain.


def resets(before_reading: bool) -> Callable[[RawServer], Talk]:  # noqa: FBT001  (which of the two)
    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not before_reading:
                await server.read(reader)
            writer.transport.abort()

        return talk_

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(resets(before_reading=True), id="reset before the request was read"),
        pytest.param(resets(before_reading=False), id="reset after the request was read"),
        pytest.param(answering(), id="closed without an answer"),
        pytest.param(answering(b"HTTP/1."), id="half a status line"),
        pytest.param(answering(HALF), id="half headers"),
        pytest.param(answering(HALF + b"Content-Length: 4\r\n\r\nnu"), id="half a body"),
        pytest.param(answering(CHUNKED + b"4\r\nnu"), id="half a chunk"),
        pytest.param(answering(CHUNKED + b"4\r\nnull\r\n"), id="no last chunk"),
        pytest.param(answering(CHUNKED + b"zz\r\nnull\r\n0\r\n\r\n"), id="a chunk of no size"),
        pytest.param(answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), id="another protocol"),
        pytest.param(answering(b"HTTP/1.1 two hundred\r\n\r\n"), id="no status"),
    ],
)
async def test_a_connection_that_is_lost_after_sending_is_uncertain(
    wire: Wire, talk: Callable[[RawServer], Talk]
) -> None:
    """Nobody knows what was read, so the message is never sent again automatically."""
    async with serving(talk) as server:
        answer = await wire.post(server.url)
    assert kind(answer) == "uncertain"
    assert server.connections == 1


async def test_an_answer_that_never_comes_is_uncertain(wire: Wire) -> None:
    """On a read timeout the message was sent, but the answer is missing."""
    async with serving(answering(closes=False)) as server:
        answer = await wire.post(server.url, timing=within(answer_seconds=0.2))
    assert answer == Outcome(kind=OutcomeKind.UNCERTAIN, detail="no answer in time")
    assert len(server.requests) == 1


async def test_a_body_that_drips_ends_with_the_time_for_the_whole_call(wire: Wire) -> None:
    """An occasional byte restarts httpx's read timeout, but not the relay's."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read(reader)
            writer.write(HALF + b"Content-Length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)

        return talk_

    async with serving(talk) as server:
        answer = await wire.post(server.url, timing=within(call_seconds=0.4))
    assert answer == Outcome(kind=OutcomeKind.UNCERTAIN, detail="no answer in time")


async def test_a_request_that_is_never_read_is_uncertain(wire: Wire) -> None:
    """It is unknown how far it went: the buffers of two machines may hold all of it."""

    def talk(_: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001  (no public way)
            await asyncio.Event().wait()

        return talk_

    async with serving(talk) as server:
        large = "x" * 1_000_000
        answer = await wire.post(server.url, large, timing=within(call_seconds=0.5))
    assert answer == Outcome(kind=OutcomeKind.UNCERTAIN, detail="no answer in time")


# The request's destination and content.


async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(wire: Wire) -> None:
    """A 307 would carry message and key to wherever it points."""
    async with serving(answering(wire.ok)) as elsewhere:
        to = f"Location: {elsewhere.url}{wire.sessions}/{SESSION}/{wire.messages}"
        async with serving(answering(whole("307 Go", b"", to))) as server:
            answer = await wire.post(server.url)
    assert isinstance(answer, Outcome)
    assert (answer.kind, answer.status) == (OutcomeKind.REFUSED, 307)
    assert (len(server.requests), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize("to", ["http:x", "mailto:ada", "http://a:b/", "/\x7f", "http://[", "//"])
async def test_where_a_redirect_leads_changes_nothing(wire: Wire, to: str) -> None:
    """The client parses even an address that it doesn't follow, and raises for some of these."""
    async with (
        serving(answering(whole("307 Go", b"", f"Location: {to}"), closes=False)) as server,
        wire.client(server.url) as devin,
    ):
        answer = await devin.post_message(ID, "hello")
        assert await devin.messages(ID) == Unread(307)
    assert isinstance(answer, Outcome)
    assert (answer.kind, answer.status) == (OutcomeKind.REFUSED, 307)


@pytest.mark.parametrize(
    ("session", "path"),
    [
        (SESSION, SESSION),
        ("devin-0/../../../v1/attachments", "devin-0%2F..%2F..%2F..%2Fv1%2Fattachments"),
        ("devin-0?x=1#y", "devin-0%3Fx=1%23y"),
        ("devin-0 \r\nX-Evil: 1", "devin-0%20%0D%0AX-Evil:%201"),
        ("devin-%2e%2e", "devin-%252e%252e"),
    ],
)
async def test_a_session_cannot_leave_its_place_in_the_url(
    wire: Wire, session: str, path: str
) -> None:
    """An id is one segment of the path, byte for byte on the wire, whatever it contains."""
    async with serving(answering(wire.ok)) as server, wire.client(server.url) as devin:
        await devin.post_message(SessionId(session), "hello")
    request_line = server.requests[0].split(b"\r\n")[0].decode()
    assert request_line == f"POST {wire.sessions}/{path}/{wire.messages} HTTP/1.1"


async def test_an_address_with_a_path_keeps_it(wire: Wire) -> None:
    """DEVIN_API_URL may lead through a gateway."""
    async with serving(answering(wire.ok)) as server:
        await wire.post(f"{server.url}/gateway/")
    assert server.requests[0].startswith(f"POST /gateway{wire.sessions}/devin-".encode())


async def test_a_request_carries_the_key_once_and_the_message_whole(wire: Wire) -> None:
    """It has the bearer header, the JSON body, and nothing else."""
    message = 'line\nzwei 🚀 \u2028 "quoted" \\ ' + "x" * 100_000
    async with serving(answering(wire.ok)) as server:
        await wire.post(server.url, message)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    headers = httpx.Headers(
        [
            (name.decode(), value.strip().decode())
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        ]
    )
    assert headers.get_list("authorization") == [f"Bearer {wire.key}"]
    assert headers["content-type"] == "application/json"
    assert httpx.Response(200, content=body).json() == {"message": message}


async def test_a_cookie_is_not_sent_back(wire: Wire) -> None:
    """Devin knows the caller by the key alone, whatever stands before its API sets."""
    baked = wire.ok.replace(b"\r\n", b"\r\nSet-Cookie: seen=1; Path=/\r\n", 1)
    async with (
        serving(closing_on(3, baked)) as server,
        # aiohttp would keep no cookie of an address that is a number.
        wire.client(f"http://localhost:{server.port}") as devin,
    ):
        await devin.post_message(ID, "first")
        await devin.post_message(ID, "second")
    assert len(server.requests) == 2
    assert b"cookie:" not in server.requests[1].lower()


# Reused connections.


def closing_on(number: int, ok: bytes) -> Callable[[RawServer], Talk]:
    """Answer with keep-alive, and hang up when the request of that number arrives."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await server.read(reader)
                if len(server.requests) == number:
                    return
                writer.write(ok)
                await writer.drain()

        return talk_

    return talk


async def test_a_kept_connection_that_dies_under_a_request_is_no_silent_second_send(
    wire: Wire,
) -> None:
    """The server may have read it before it hung up: uncertain, and there is no third request."""
    async with serving(closing_on(2, wire.ok)) as server, wire.client(server.url) as devin:
        first = await devin.post_message(ID, "first")
        second = await devin.post_message(ID, "second")
        third = await devin.post_message(ID, "third")
    assert [kind(one) for one in (first, second, third)] == ["delivered", "uncertain", "delivered"]
    assert [request[-10:].count(b"second") for request in server.requests] == [0, 1, 0]
    assert server.connections == 2


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(wire: Wire) -> None:
    """If it was closed while idle, the next message goes out once, on a new connection."""
    async with serving(answering(wire.ok)) as server, wire.client(server.url) as devin:
        first = await devin.post_message(ID, "first")
        await wait_until(lambda: server.ended, "the server has closed the connection")
        await asyncio.sleep(0)  # one turn of the loop, in which the client notices it
        second = await devin.post_message(ID, "second")
    assert [kind(first), kind(second)] == ["delivered", "delivered"]
    assert (len(server.requests), server.connections) == (2, 2)


async def test_a_connection_is_used_again(wire: Wire) -> None:
    """One connection carries many messages, one after the other."""
    async with (
        serving(answering(wire.ok, closes=False)) as server,
        wire.client(server.url) as devin,
    ):
        for _ in range(5):
            assert kind(await devin.post_message(ID, "hello")) == "delivered"
    assert server.connections == 1
