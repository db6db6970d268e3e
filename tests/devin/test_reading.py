"""What is hard to read of Devin's is read as far as it can be, and nothing else suffers."""

import json
import tracemalloc
import zlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from bot.devin.answers import READ_LIMIT, skew
from bot.devin.api import MessagePage, Survey, Unread
from bot.devin.opening import open_devin
from bot.devin.v3.sessions import MOST_TRIES, UNKNOWN_ID
from bot.model.sessions import SessionId
from sandbox import DevinSandbox
from tests.support.raw_http import ID, V1, V3, RawServer, Talk, Wire, answering, serving, whole
from tests.support.tables import each

LONG = "x" * (READ_LIMIT * 2 // 3)


def v3_page(*texts: str, cursor: str | None = None) -> bytes:
    items = [
        {"event_id": text[:20], "source": "devin", "message": text, "created_at": 1764000000}
        for text in texts
    ]
    body = {"items": items, "end_cursor": cursor, "has_next_page": cursor is not None}
    return whole("200 OK", json.dumps(body).encode())


def paging(*texts: str) -> Callable[[RawServer], Talk]:
    """Serve these messages by pages of the size that is asked for."""

    def talk(server: RawServer) -> Talk:
        async def on_connection(reader: StreamReader, writer: StreamWriter) -> None:
            while True:
                target = (await server.read(reader)).split(b" ")[1].decode()
                asked = dict(one.split("=") for one in target.partition("?")[2].split("&"))
                first, start = int(asked["first"]), int(asked.get("after", 0))
                shown = texts[start : start + first]
                cursor = str(start + first) if start + first < len(texts) else None
                writer.write(v3_page(*shown, cursor=cursor))

        return on_connection

    return talk


def sizes(server: RawServer) -> list[int]:
    return [int(one.split(b"first=")[1].split(b"&")[0].split(b" ")[0]) for one in server.requests]


async def test_a_page_that_is_too_long_is_read_in_smaller_ones() -> None:
    """Messages that are too long together are read one by one, and the next ones follow."""
    texts = [*(f"message {n:03}" for n in range(30)), LONG, f"!{LONG}", "the end"]
    async with serving(paging(*texts)) as server, V3.client(server.url) as devin:
        found = await devin.messages(ID)
    assert isinstance(found, MessagePage)
    assert [one.text for one in found.messages] == texts
    assert not found.has_more
    assert found.reads == len(server.requests)
    assert sizes(server)[:3] == [200, 1, 1]


@pytest.mark.parametrize("is_v3", [True, False])
async def test_what_is_too_long_for_any_read_says_so(*, is_v3: bool) -> None:
    """A single message, or version 1's whole session."""
    giant = "x" * (READ_LIMIT + 1)
    record = {"messages": [{"message": giant, "timestamp": "2026-11-24T12:00:00"}]}
    wire = V3 if is_v3 else V1
    answer = v3_page(giant) if is_v3 else whole("200 OK", json.dumps(record).encode())
    talk = answering(answer, closes=False)
    async with serving(talk) as server, wire.client(server.url) as devin:
        found = await devin.messages(ID)
    assert isinstance(found, Unread)
    assert found.is_too_long
    assert not found.is_passing


async def test_a_long_session_of_version_1_is_read() -> None:
    """It comes whole or not at all."""
    record = {"messages": [{"message": LONG, "timestamp": "2026-11-24T12:00:00"}]}
    answer = whole("200 OK", json.dumps(record).encode())
    async with serving(answering(answer)) as server, V1.client(server.url) as devin:
        found = await devin.messages(ID)
    assert isinstance(found, MessagePage)
    assert [one.text for one in found.messages] == [LONG]


@pytest.fixture
async def sandbox() -> AsyncIterator[DevinSandbox]:
    """A Devin of version 3."""
    async with DevinSandbox(api="v3") as running:
        yield running


async def test_an_id_that_devin_refuses_hides_no_other_session(sandbox: DevinSandbox) -> None:
    """Nobody documents whether Devin checks the ids of its filter; version 1 has none."""
    known = [SessionId(f"devin-{number:032x}") for number in range(1, 61)]
    for one in known:
        sandbox.add_session(one)
    sandbox.quirks.add("refuses unknown ids")
    mistyped = [SessionId("devin-0"), SessionId("devin-00")]
    async with open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 4) as devin:
        found = await devin.survey([*known[:40], mistyped[0], *known[40:], mistyped[1]])
    assert isinstance(found, Survey)
    assert set(found.found) == set(known)
    assert found.reads <= MOST_TRIES


@pytest.mark.parametrize("status", sorted(UNKNOWN_ID))
async def test_a_devin_that_refuses_every_id_is_not_asked_for_each(status: int) -> None:
    """The answer is about something else, then."""
    wanted = [SessionId(f"devin-{number:032x}") for number in range(1, 101)]
    talk = answering(whole(f"{status} No"), closes=False)
    async with serving(talk) as server, V3.client(server.url) as devin:
        assert await devin.survey(wanted) == Unread(status)
    assert len(server.requests) <= MOST_TRIES


@each("date", ["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "soon"])
def test_a_date_that_no_clock_shows_is_none(date: str) -> None:
    """Times of messages stay as they are."""
    assert not skew({"date": date}, datetime.now(UTC))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
async def test_no_answer_is_inflated(wire: Wire, encoding: str) -> None:
    """A kilobyte may become a megabyte, and a gigabyte if it was compressed twice.

    So Devin is asked to compress none, and one that is compressed all the same isn't read.
    """
    packed = b" " * 50_000_000
    for one in reversed(encoding.split(", ")):
        packed = zlib.compress(packed, 9, wbits=31 if one == "gzip" else 15)
    answer = whole("200 OK", packed, f"Content-Encoding: {encoding}")
    async with serving(answering(answer)) as server, wire.client(server.url) as devin:
        tracemalloc.start()
        try:
            found = await devin.messages(ID)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found == Unread(200)
    assert most < 1_000_000
    assert b"\r\naccept-encoding: identity\r\n" in server.requests[0].lower()


CONTAINER, PROCESS = 256_000_000, 85_000_000
"""The memory that Compose and Kubernetes give, and what the process takes without answers."""


@pytest.mark.parametrize("value", ["[]", '"\U0001f44d"', "1.5"])
async def test_no_answer_takes_more_memory_than_a_container_has_left(
    wire: Wire, value: str
) -> None:
    """Read and parsed, many small values are up to 30 times as long as they were written."""
    values = f"{value}," * ((READ_LIMIT - 100) // len(f"{value},".encode()))
    answer = whole("200 OK", f'{{"items":[{values}0],"messages":[]}}'.encode())
    async with serving(answering(answer)) as server, wire.client(server.url) as devin:
        tracemalloc.start()
        try:
            await devin.messages(ID)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < CONTAINER - PROCESS
