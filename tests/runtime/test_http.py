"""The HTTP server answers Slack and probes beside strangers, whose words it doesn't log."""

import io
import re
import resource
from time import monotonic

import pytest

from bot.model.errors import SlackAway
from bot.runtime.http import OPEN_FILES, Health, raise_open_files
from tests.support.doors import door, signed
from tests.support.logbook import logging_to
from tests.support.processes import open_files
from tests.support.raw_http import head_of

ALIVE = b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n"


@pytest.mark.parametrize("opening", [b"", ALIVE[:9], head_of(9), head_of(9) + b"{"])
async def test_signed_requests_pass_beside_idle_connections_of_strangers(opening: bytes) -> None:
    """Sixty send nothing, half a head or half a body; twenty requests get their answers."""
    async with door() as at:
        at.over.set()
        for _ in range(60):
            await at.dial(opening)
        for _ in range(20):
            assert await (await at.dial(signed())).status() == 200
        assert await (await at.dial(ALIVE)).status() == 200


async def test_a_body_that_does_not_come_is_waited_for_briefly() -> None:
    """Slack itself gives up after 3 s."""
    async with door() as at:
        assert await (await at.dial(head_of(9))).status() == 408


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
        assert await (await at.dial(head)).status() == 401


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


@pytest.mark.parametrize(
    ("sends", "status"),
    [
        (ALIVE, 200),
        (b"GET /metrics HTTP/1.1\r\nHost: bot\r\n\r\n", 200),
        (b"GET /xyzzy HTTP/1.1\r\nHost: bot\r\n\r\n", 404),
        (b"PUT /healthz HTTP/1.1\r\nHost: bot\r\n\r\n", 405),
        (head_of(9, signature="xyzzy"), 401),
        (b"xyzzy\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: bot\r\nxyzzy\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: bot\r\nxyzzy: \x00\r\n\r\n", 400),
        (b"GET /xyzzy HTTP/xyzzy\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: xyzzy\r\n\r\n", 400),
    ],
)
async def test_an_answer_tells_a_stranger_no_version_and_none_of_their_words(
    sends: bytes, status: int
) -> None:
    """A scanner looks versions up, and what comes back as it was sent may be somebody else's."""
    async with door() as at:
        stranger = await at.dial(sends)
        head, body = await stranger.answer()
    assert int(head.split()[1]) == status
    assert re.findall(rb"(?im)^server: (.*)\r$", head) == [b"devin-relay"]
    assert b"xyzzy" not in head + body


def test_as_many_files_as_are_needed_may_be_open() -> None:
    """Many systems allow 1,024, unless a process raises that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open_files(256):
        raise_open_files()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == min(OPEN_FILES, hard)


async def test_a_start_waits_as_long_as_slack_asks() -> None:
    """It would be refused until then, and each try may prolong the limit."""
    failures = [SlackAway("auth.test", "HTTP 429", retry_after=1.5, maybe_done=False)]
    began = monotonic()

    async def attempt() -> float:
        if failures:
            raise failures.pop()
        return monotonic() - began

    assert await Health().until("Slack", attempt) > 1.4  # the loop counts whole milliseconds
