"""A file that Devin sent is read from Devin's addresses only, and the key goes nowhere else."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import REGISTRY

from bot.devin.api import IncomingFile, Unread
from bot.devin.files import Downloads, FileAddresses
from tests.support.raw_http import (
    CHUNKED,
    ORGANIZATION,
    RawServer,
    Talk,
    Wire,
    answering,
    serving,
    stepping,
    whole,
)
from tests.support.waiting import wait_until

NOT_ASKED = Unread(is_forbidden=True)
KEY = "cog_test-not-a-secret"
FILE = f"/v3/organizations/{ORGANIZATION}/attachments/1/plan.md"


@asynccontextmanager
async def downloads(api: str, seconds: float = 30.0) -> AsyncIterator[Downloads]:
    timeout = aiohttp.ClientTimeout(sock_read=seconds)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:
        yield Downloads(session, FileAddresses(api), KEY)


@asynccontextmanager
async def opened(
    talk: Callable[[RawServer], Talk], path: str = FILE, seconds: float = 30.0
) -> AsyncIterator[tuple[RawServer, IncomingFile | Unread]]:
    """Open a file of an API that talks so."""
    async with (
        serving(talk) as server,
        downloads(server.url, seconds) as files,
        files.open(server.url + path) as file,
    ):
        yield server, file


async def content(file: IncomingFile | Unread) -> bytes:
    assert isinstance(file, IncomingFile)
    return b"".join([chunk async for chunk in file.chunks])


def to(url: str, status: int = 307) -> bytes:
    return whole(f"{status} Elsewhere", b"", f"Location: {url}")


def text(body: bytes) -> bytes:
    return whole("200 OK", body, content_type="Text/Markdown; charset=utf-8")


def has_key(request: bytes) -> bool:
    """Return True if a request carries the key, or any authorization at all."""
    return KEY.encode() in request or b"authorization" in request.lower()


async def test_a_file_is_read_as_it_comes(wire: Wire) -> None:
    """With its size and its media type; the API's own address gets the key."""
    async with (
        serving(answering(text(b"# Plan\n"))) as server,
        wire.client(server.url) as devin,
        devin.open_file(server.url + FILE) as file,
    ):
        assert isinstance(file, IncomingFile)
        assert (file.size, file.content_type) == (7, "text/markdown")
        assert await content(file) == b"# Plan\n"
    (request,) = server.requests
    assert request.startswith(f"GET {FILE} HTTP".encode())
    assert f"\r\nAuthorization: Bearer {wire.key}\r\n".encode() in request


async def test_a_file_without_a_length_has_no_size() -> None:
    """It is read all the same."""
    talk = answering(CHUNKED, b"2\r\nab\r\n", b"0\r\n\r\n")
    async with opened(talk) as (_, file):
        assert isinstance(file, IncomingFile)
        assert file.size is None
        assert await content(file) == b"ab"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_origin_goes_without_the_key(status: int) -> None:
    """It has a signature of its own, which is sent exactly as it is written."""
    signed = "/a%2Fb.md?X-Amz-Credential=A%2FB%7E&sig=%2b+x"
    async with (
        serving(answering(text(b"plan"))) as storage,
        opened(answering(to(storage.url + signed, status))) as (server, file),
    ):
        assert await content(file) == b"plan"
    assert has_key(server.requests[0])
    (request,) = storage.requests
    assert request.startswith(f"GET {signed} HTTP".encode())
    assert not has_key(request)


async def test_the_key_does_not_come_back_after_a_redirect_elsewhere() -> None:
    """Who redirects from elsewhere would choose what is read with it."""
    script: list[bytes] = []
    async with serving(stepping(script)) as storage:
        answers = [to(storage.url + "/a"), text(b"plan")]
        async with serving(stepping(answers)) as server, downloads(server.url) as files:
            script.append(to(server.url + FILE))
            async with files.open(server.url + FILE) as file:
                assert await content(file) == b"plan"
    assert [has_key(request) for request in server.requests] == [True, False]
    assert [has_key(request) for request in storage.requests] == [False]


async def test_the_key_stays_within_the_api_s_own_origin() -> None:
    """A relative redirect, say, from the address of the file to that of its version."""
    script = [to("/attachments/2"), text(b"plan")]
    async with opened(stepping(script)) as (server, file):
        assert await content(file) == b"plan"
    assert [has_key(request) for request in server.requests] == [True, True]
    assert server.requests[1].startswith(b"GET /attachments/2 HTTP")


async def test_what_is_no_file_is_read_without_the_key() -> None:
    """Otherwise a message could bring other sessions, or secrets, into the thread."""
    url = "/v3/organizations/org-1/sessions"
    async with opened(answering(whole("401 No")), url) as (server, file):
        assert file == Unread(401)
    assert [has_key(request) for request in server.requests] == [False]


async def test_an_address_of_another_origin_gets_no_key() -> None:
    """Another port of this machine is another origin, and may be asked where the API is here."""
    async with (
        serving(answering(text(b"plan"))) as server,
        serving(answering(text(b""))) as api,
        downloads(api.url) as files,
        files.open(server.url + FILE) as file,
    ):
        assert await content(file) == b"plan"
    assert [has_key(request) for request in server.requests] == [False]
    assert api.requests == []


@pytest.mark.parametrize("url", ["https://example.com/attachments/1", "http://10.0.0.5/", ""])
async def test_an_address_that_is_not_devin_s_is_not_asked(url: str) -> None:
    """Nor will it ever be, and no read is counted."""
    before = counted()
    async with downloads("https://api.devin.ai") as files, files.open(url) as file:
        assert file == NOT_ASKED
    assert not NOT_ASKED.is_passing
    assert counted() == before


@pytest.mark.parametrize("location", ["https://10.0.0.5/a", "http://example.com/a", "https://[a"])
async def test_a_redirect_that_leads_nowhere_allowed_is_not_followed(location: str) -> None:
    """The one that leads there was asked."""
    before = counted()
    async with opened(answering(to(location))) as (_, file):
        assert file == NOT_ASKED
    assert counted() == before + 1


def counted() -> float:
    return REGISTRY.get_sample_value("relay_devin_reads_total", {"kind": "file"}) or 0.0


@pytest.mark.parametrize(
    ("answer", "status", "requests"),
    [
        (to(FILE), 307, 4),
        (whole("302 Found"), 302, 1),
        (whole("404 No"), 404, 1),
        (whole("206 Partial", b"x"), 206, 1),
        (whole("200 OK", gzip.compress(b"x"), "Content-Encoding: gzip"), 200, 1),
    ],
)
async def test_an_answer_that_is_no_file_is_told_by_its_status(
    answer: bytes, status: int, requests: int
) -> None:
    """Also a fourth redirect, and content whose size cannot be known."""
    async with opened(answering(answer)) as (server, file):
        assert file == Unread(status)
    assert len(server.requests) == requests


async def test_a_file_that_is_limited_tells_for_how_long() -> None:
    """As every read does."""
    answer = whole("429 Slow", b"", "Retry-After: 7")
    async with opened(answering(answer)) as (_, file):
        assert isinstance(file, Unread)
        assert (file.retry_after, file.is_passing) == (7.0, True)


async def test_a_devin_that_is_away_gives_no_file() -> None:
    """It may, another time."""
    async with serving(answering(text(b""))) as server:
        url = server.url
    async with downloads(url) as files, files.open(url + FILE) as file:
        assert isinstance(file, Unread)
        assert (file.reason, file.is_passing) == ("connection refused", True)


async def test_a_file_that_breaks_off_says_so() -> None:
    """Nobody takes what came before for the whole."""
    head = whole("200 OK", b"ab").replace(b"Length: 2", b"Length: 9")
    async with opened(answering(head)) as (_, file):
        assert isinstance(file, IncomingFile)
        assert file.size == 9
        with pytest.raises(ConnectionError, match="connection lost"):
            await content(file)


def hanging(*parts: bytes) -> Callable[[RawServer], Talk]:
    """Write `parts`, and nothing more."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read(reader)
            for part in parts:
                writer.write(part)
            await writer.drain()
            await reader.read()

        return talk_

    return talk


async def test_a_file_that_never_ends_is_given_up() -> None:
    """There is a time without a byte, before the first one and between the others."""
    async with opened(hanging(), seconds=0.05) as (_, file):
        assert isinstance(file, Unread)
        assert (file.reason, file.is_passing) == ("no answer in time", True)
    head = whole("200 OK", b"ab").replace(b"Length: 2", b"Length: 9")
    async with opened(hanging(head), seconds=2.0) as (_, file):
        with pytest.raises(ConnectionError, match="no answer in time"):
            await content(file)


async def test_a_file_that_the_caller_does_not_finish_is_let_go() -> None:
    """Its connection is closed, not read to the end."""
    head = whole("200 OK", b"ab").replace(b"Length: 2", b"Length: 9000000000")
    async with serving(hanging(head)) as server, downloads(server.url) as files:
        async with files.open(server.url + FILE) as file:
            assert isinstance(file, IncomingFile)
            assert await anext(file.chunks) == b"ab"
            assert server.ended == 0
        await wait_until(lambda: server.ended == 1, "the connection is closed")
