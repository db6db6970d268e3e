"""The answers that both generations of the API share are read alike, in every HTTP encoding."""

import asyncio
import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.devin.answers import (
    DETAIL_LIMIT,
    LONGEST_PAUSE,
    PROBLEM_LIMIT,
    READ_LIMIT,
    Answer,
    retry_after,
    written,
)
from bot.devin.http import BODY_LIMIT
from bot.devin.v1 import sessions as v1
from bot.devin.v3 import sessions as v3
from bot.model.replies import Outcome, OutcomeKind, Refusal
from tests.support.raw_http import (
    CHUNKED,
    ID,
    RawServer,
    Talk,
    Wire,
    answering,
    kind,
    serving,
    whole,
)
from tests.support.tables import each
from tests.support.waiting import wait_until

PARSERS = (v1.parse_sent, v3.parse_sent)


def chunked(body: bytes) -> bytes:
    """Return a body in two chunks."""
    parts = (body[:2], body[2:])
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in parts) + b"0\r\n\r\n"


WRAPPINGS: dict[str, Callable[[Wire], Sequence[bytes]]] = {
    "at once": lambda wire: [wire.ok],
    "byte by byte": lambda wire: [bytes([one]) for one in wire.ok],
    "chunked": lambda wire: [CHUNKED + chunked(wire.sent)],
    "HTTP/1.0, ended by closing": lambda wire: [b"HTTP/1.0 200 OK\r\n\r\n" + wire.sent],
    "after a 103": lambda wire: [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", wire.ok],
}

PACKED = gzip.compress(b"null")


@pytest.mark.parametrize("wrapping", WRAPPINGS)
async def test_what_says_that_it_was_sent_is_delivered_in_any_wrapping(
    wire: Wire, wrapping: str
) -> None:
    """In every encoding, the answer of the contract means delivered."""
    async with serving(answering(*WRAPPINGS[wrapping](wire))) as server:
        answer = await wire.post(server.url)
    assert answer == Outcome(kind=OutcomeKind.DELIVERED, status=200)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(whole("200 OK", PACKED, "Content-Encoding: gzip"), "uncertain", id="200"),
        pytest.param(whole("422 No", PACKED, "Content-Encoding: gzip"), "refused", id="422"),
        pytest.param(whole("429 Wait", PACKED, "Content-Encoding: gzip"), "wait", id="429"),
        pytest.param(whole("502 Bad", PACKED, "Content-Encoding: gzip"), "uncertain", id="502"),
    ],
)
async def test_a_body_that_is_compressed_all_the_same_leaves_the_status(
    wire: Wire, answer: bytes, expected: str
) -> None:
    """The outcome follows the status; after a 200 whose body isn't read, nobody knows."""
    async with serving(answering(answer)) as server:
        assert kind(await wire.post(server.url)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("401 No", Refusal.KEY_REJECTED),
        ("403 No", Refusal.FORBIDDEN),
        ("404 No", Refusal.NO_SESSION),
    ],
)
async def test_a_refusal_whose_body_breaks_off_is_a_refusal(
    wire: Wire, status: str, expected: Refusal
) -> None:
    """The status alone decides."""
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 999\r\n\r\n".encode() + b'{"detail": '
    async with serving(answering(answer)) as server:
        outcome = await wire.post(server.url)
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.refusal) == (OutcomeKind.REFUSED, expected)


async def test_no_more_of_a_body_is_read_than_is_needed(wire: Wire) -> None:
    """An answer without an end, and then such a record, is cut, and its connection is closed."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            is_write = (await server.read(reader)).startswith(b"POST ")
            writer.write(b"HTTP/1.1 418 Endless\r\nContent-Type: text/plain\r\n\r\n")
            writer.write(b"x" * (BODY_LIMIT if is_write else READ_LIMIT))
            await reader.read()

        return talk_

    async with serving(talk) as server, wire.client(server.url) as devin:
        outcome = await devin.post_message(ID, "hello")
        await wait_until(lambda: server.ended == server.connections, "the connections are closed")
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.status) == (OutcomeKind.REFUSED, 418)
    assert outcome.detail == "x" * DETAIL_LIMIT


@each(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"true",
        b'"sent"',
        b"{'ok': True",
        b'{"detail": [1]}',
        b"\xff\xfe",
        b"nul",
    ],
)
def test_after_a_200_that_the_contract_does_not_know_nobody_knows(body: bytes) -> None:
    """It never counts as delivered, nor as refused; the report quotes it."""
    detail = body.decode(errors="replace")
    for parse in PARSERS:
        answer = written(Answer(200, {}, body), parse)
        assert answer == Outcome(kind=OutcomeKind.UNCERTAIN, detail=detail, status=200)


async def test_a_422_tells_each_problem_within_limits(wire: Wire) -> None:
    """The report has what and where of each entry; a flood of entries is cut."""
    entry = b'{"loc": ["body", "message", 0], "msg": "too long", "type": "string_too_long"}'
    body = b'{"detail": [' + b",".join([entry] * 50) + b"]}"
    async with serving(answering(whole("422 No", body))) as server:
        answer = await wire.post(server.url)
    assert isinstance(answer, Outcome)
    assert answer.refusal is Refusal.INVALID
    assert answer.detail == "\n".join(["too long (message → 0)"] * PROBLEM_LIMIT)


@each("body", [b"", b"{}", b"no json", b'{"detail": "odd"}', b'{"detail": []}'])
def test_a_422_in_another_shape_is_refused_with_an_excerpt(body: bytes) -> None:
    """Without problems to list, the thread gets the status and the text."""
    for parse in PARSERS:
        answer = written(Answer(422, {}, body), parse)
        assert isinstance(answer, Outcome)
        assert (answer.refusal, answer.status) == (Refusal.OTHER, 422)


@each(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", None),
        ("0.0", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", 1.5),
        ("0.25", 0.25),
        ("1e3", None),
        ("٣", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Fri, 99 Foo 99999 99:99:99 GMT", None),
        (f"Wed, 21 Oct 2015 07:28:00 +{'9' * 40}", None),
        ("9" * 400, LONGEST_PAUSE),
    ],
)
def test_retry_after_is_read_in_either_form(value: str, seconds: float | None) -> None:
    """It is in seconds, also fractions, or a date; no wait at all is treated as missing."""
    assert retry_after({"retry-after": value}) == seconds


def test_retry_after_as_a_date_counts_from_that_of_the_answer() -> None:
    """Devin's clock has said both, and this machine's may be wrong."""
    date = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    first, then = (format_datetime(one, usegmt=True) for one in (date, date + timedelta(minutes=1)))
    assert retry_after({"retry-after": then, "date": first}) == 60.0
    assert retry_after({"retry-after": then}) is None
    assert retry_after({"retry-after": first, "date": then}) is None


@pytest.mark.parametrize("cut", [None, 12])
async def test_what_looks_like_a_key_is_masked(wire: Wire, cut: int | None) -> None:
    """A debug page may echo the request, and cut it."""
    page = f"Authorization: Bearer {wire.key[:cut]}".encode()
    async with serving(answering(whole("418 No", page, content_type="text/plain"))) as server:
        answer = await wire.post(server.url)
    assert isinstance(answer, Outcome)
    assert answer.detail == "Authorization: Bearer (key)"
