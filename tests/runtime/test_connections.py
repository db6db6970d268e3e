"""The HTTP server closes strangers' connections when it runs out of room, and no others."""

import io
import json
import resource

import pytest

from bot.runtime.connections import (
    MOST,
    OPEN_FILES,
    Connections,
    most_connections,
    raise_open_files,
)
from bot.runtime.http import BODY_LIMIT
from tests.support.doors import BODY, door, signed
from tests.support.logbook import logging_to
from tests.support.processes import open_files
from tests.support.raw_http import head_of
from tests.support.waiting import wait_until

ALIVE = b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n"


async def test_the_oldest_stranger_makes_room_for_a_newcomer() -> None:
    """The connection that has sent little or nothing for longest goes; later ones stay."""
    async with door(connections=Connections(3)) as at:
        silent, slow, third = await at.dial(), await at.dial(ALIVE[:9]), await at.dial()
        newcomer = await at.dial(ALIVE)
        assert await newcomer.status() == 200
        for one in (silent, newcomer):
            await one.until_closed()
        fourth, fifth = await at.dial(), await at.dial()
        await slow.until_closed()
        for one in (third, fourth, fifth):
            await one.send(ALIVE)
            assert await one.status() == 200


async def test_whoever_brought_a_signed_request_stays_while_strangers_go() -> None:
    """Slack, or the proxy that forwards its requests, continues over the same connection."""
    async with door(connections=Connections(2)) as at:
        at.over.set()
        slack = await at.dial(signed())
        assert await slack.status() == 200
        for _ in range(5):
            stranger = await at.dial()
            assert await (await at.dial(ALIVE)).status() == 200
            await stranger.until_closed()
        await slack.send(signed())
        assert await slack.status() == 200


async def test_an_idle_connection_makes_room_where_there_is_no_stranger() -> None:
    """The one whose last request is oldest is closed."""
    async with door(connections=Connections(2)) as at:
        at.over.set()
        first, second = await at.dial(signed()), await at.dial(signed())
        assert [await first.status(), await second.status()] == [200, 200]
        await first.send(signed())
        assert await first.status() == 200
        assert await (await at.dial(ALIVE)).status() == 200
        await second.until_closed()
        await first.send(signed())
        assert await first.status() == 200


async def test_nobody_is_cut_off_while_a_signed_request_is_answered() -> None:
    """If every connection is in use like that, the newcomer is closed."""
    async with door(connections=Connections(2)) as at:
        first, second = await at.dial(signed()), await at.dial(signed())
        await wait_until(lambda: len(at.heard) == 2, "both are being answered")
        await (await at.dial()).until_closed()
        at.over.set()
        assert [await first.status(), await second.status()] == [200, 200]


async def test_a_proxy_s_connection_is_a_stranger_s_again_from_its_next_request_on() -> None:
    """It may carry anybody's request; an earlier signature vouches for nothing after it."""
    async with door(connections=Connections(2)) as at:
        at.over.set()
        shared = await at.dial(signed())
        assert await shared.status() == 200
        await shared.send(head_of(BODY_LIMIT)[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert await shared.status() == 100
        other = await at.dial()
        assert await (await at.dial(ALIVE)).status() == 200
        await shared.until_closed()
        await other.send(ALIVE)
        assert await other.status() == 200


async def test_at_the_end_only_a_signed_request_gets_its_answer() -> None:
    """Nobody else holds up a shutdown, including newcomers."""
    connections = Connections()
    async with door(connections=connections) as at:
        slack = await at.dial(signed())
        await wait_until(lambda: at.heard, "it is being answered")
        strangers = [await at.dial(), await at.dial(head_of(BODY_LIMIT))]
        assert await (await at.dial(ALIVE)).status() == 200
        connections.close()
        for one in (*strangers, await at.dial(ALIVE)):
            await one.until_closed()
        at.over.set()
        assert await slack.status() == 200


@pytest.mark.parametrize("sends", [head_of(BODY_LIMIT), b"GET / HTTP/1.1\r\nX-Long: "])
async def test_strangers_bytes_are_bounded_as_they_come(sends: bytes) -> None:
    """Heads and bodies count alike, by bytes sent and not announced: the oldest goes."""
    async with door(connections=Connections(100, most_bytes=10_000)) as at:
        announced, silent = await at.dial(head_of(BODY_LIMIT)), await at.dial()
        first, second = await at.dial(sends + b"x" * 4_000), await at.dial(sends + b"x" * 4_000)
        third = await at.dial(sends + b"x" * 4_000)
        for one in (announced, first):
            await one.until_closed()
        for one in (second, third):
            await one.send(b"x")
        at.over.set()
        assert await (await at.dial(signed())).status() == 200
        await silent.send(ALIVE)
        assert await silent.status() == 200


@pytest.mark.parametrize(
    "head",
    [
        b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Length: 9\r\n\r\n",
        *(head_of(9, signature=one) for one in ("v0=" + "0" * 63, "v1=" + "0" * 64, "0" * 64)),
        *(head_of(9, signature=one) for one in ("v0=" + "A" * 64, "v0=" + "0" * 64 + "0")),
        *(head_of(9, moment=one) for one in (0, -1, 9 * 10**9, 10**11)),
    ],
)
async def test_without_headers_that_may_be_slack_s_no_body_is_waited_for(head: bytes) -> None:
    """It gets a 401 at once: nothing that a stranger only announces is read."""
    async with door() as at:
        stranger = await at.dial(head)
        assert await stranger.status() == 401
        await stranger.send(b"too late!")
        await stranger.until_closed()


async def test_what_was_verified_is_no_stranger_s_any_more() -> None:
    """The volume of signed requests on one connection costs strangers nothing."""
    async with door(connections=Connections(100, most_bytes=10_000)) as at:
        at.over.set()
        slow, slack = await at.dial(head_of(100)), await at.dial()
        body = BODY[:-1] + b" " * 7_000 + b"}"
        for _ in range(5):
            await slack.send(signed(body))
            assert await slack.status() == 200
        await slow.send(b"x" * 100)
        assert await slow.status() == 401


@pytest.mark.parametrize(
    "sends", [ALIVE, ALIVE.replace(b"healthz", b""), ALIVE.replace(b"GET", b"PUT"), head_of(0)]
)
async def test_a_stranger_has_one_request_a_connection(sends: bytes) -> None:
    """Nobody can queue many requests behind one; the answer says so."""
    async with door() as at:
        stranger = await at.dial(sends + ALIVE)
        head = await stranger.head()
        assert b"connection: close" in head.lower()
        await stranger.until_closed()


async def test_a_method_that_is_not_served_is_told_which_one_is() -> None:
    """HTTP requires that (RFC 9110, 15.5.6)."""
    async with door() as at:
        stranger = await at.dial(b"GET /slack/events HTTP/1.1\r\nHost: bot\r\n\r\n")
        head = await stranger.head()
        assert head.startswith(b"HTTP/1.1 405")
        assert b"Allow: POST" in head


@pytest.mark.parametrize(
    "sends",
    [
        b"\x16\x03\x01 hello",
        b"GET / HTTP/1.1\r\nHost: bot\r\nxyzzy\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"xyzzy" * 5_000,
        b"POST /slack/events HTTP/1.1\r\nContent-Length: xyzzy\r\n\r\n",
    ],
)
async def test_what_is_not_http_leaves_nothing_in_the_log(sends: bytes) -> None:
    """A stranger could fill it with chosen words."""
    stream = io.StringIO()
    with logging_to(stream, "json", "DEBUG"):
        async with door() as at:
            stranger = await at.dial(sends + b"\r\n\r\n")
            assert await stranger.status() == 400
            await stranger.until_closed()
    assert stream.getvalue() == ""


async def test_the_log_says_that_connections_are_cut_off_and_not_for_each() -> None:
    """The line appears at most once a minute, with the number of connections."""
    stream = io.StringIO()
    with logging_to(stream, "json"):
        async with door(connections=Connections(1)) as at:
            for _ in range(10):
                last = await at.dial()
            await last.send(ALIVE)
            assert await last.status() == 200
    (said,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (said["event"], said["connections"]) == ("connections cut off to make room", 1)


def test_as_many_files_as_are_needed_may_be_open() -> None:
    """If the system has a lower limit, half of it is for connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open_files(256):
        assert most_connections() == 128
        raise_open_files()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == min(OPEN_FILES, hard)
        assert most_connections() == min(MOST, soft // 2)
