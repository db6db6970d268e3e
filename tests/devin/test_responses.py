"""Devin's answers are read correctly in every HTTP encoding."""

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.devin.api import Probe
from bot.devin.v1.responses import DETAIL_LIMIT, PROBLEM_LIMIT
from bot.devin.wire import BODY_LIMIT
from bot.model.outcomes import Outcome, OutcomeKind, Refusal, Wait
from tests.support.raw_http import (
    CHUNKED,
    OK,
    RawServer,
    Talk,
    answering,
    client,
    kind,
    post,
    serving,
    whole,
)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((OK,), id="at once"),
        pytest.param(tuple(bytes([one]) for one in OK), id="byte by byte"),
        pytest.param((CHUNKED + b"2\r\nnu\r\n2\r\nll\r\n0\r\n\r\n",), id="chunked"),
        pytest.param((b"HTTP/1.0 200 OK\r\n\r\nnull",), id="HTTP/1.0, ended by closing"),
        pytest.param((b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK), id="after a 103"),
        pytest.param(
            (whole("200 OK", gzip.compress(b"null"), "Content-Encoding: gzip"),), id="gzip"
        ),
    ],
)
async def test_null_in_any_wrapping_is_delivered(parts: tuple[bytes, ...]) -> None:
    """In every encoding, 200 `null` means delivered."""
    async with serving(answering(*parts)) as server:
        answer = await post(server.url)
    assert answer == Outcome(kind=OutcomeKind.DELIVERED, status=200)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(whole("200 OK", b"null\xff", "Content-Encoding: gzip"), "refused", id="200"),
        pytest.param(whole("422 No", b"[", "Content-Encoding: gzip"), "refused", id="422"),
        pytest.param(whole("429 Wait", b"[", "Content-Encoding: gzip"), "wait", id="429"),
        pytest.param(whole("502 Bad", b"[", "Content-Encoding: gzip"), "uncertain", id="502"),
    ],
)
async def test_a_body_that_cannot_be_decoded_leaves_the_status(
    answer: bytes, expected: str
) -> None:
    """The outcome follows the status; a 200 with an unreadable body is refused."""
    async with serving(answering(answer)) as server:
        assert kind(await post(server.url)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("401 No", Refusal.KEY_REJECTED),
        ("403 No", Refusal.FORBIDDEN),
        ("404 No", Refusal.NO_SESSION),
    ],
)
async def test_a_refusal_whose_body_breaks_off_is_a_refusal(status: str, expected: Refusal) -> None:
    """The status alone decides."""
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 999\r\n\r\n".encode() + b'{"detail": '
    async with serving(answering(answer)) as server:
        outcome = await post(server.url)
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.refusal) == (OutcomeKind.REFUSED, expected)


async def test_a_rate_limit_whose_body_breaks_off_waits() -> None:
    """A 429 means that nothing was taken, with or without its body."""
    answer = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 999\r\n\r\n{"
    async with serving(answering(answer)) as server:
        assert await post(server.url) == Wait("HTTP 429", 7.0)


async def test_no_more_of_a_body_is_read_than_is_needed() -> None:
    """An endless answer is cut at the limit, and its connection is closed."""
    sent = 0

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await server.read(reader)
            writer.write(b"HTTP/1.1 418 Endless\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536

        return talk_

    async with serving(talk) as server:
        outcome = await post(server.url)
        before = sent
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.status) == (OutcomeKind.REFUSED, 418)
    assert outcome.detail == "x" * DETAIL_LIMIT
    assert before < 100 * BODY_LIMIT


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"detail": "asleep"}', "asleep"),
        (b'{"detail": ""}', ""),
        (b'{"detail": "' + b"z" * 40_000 + b'", "more": 1}', "z" * DETAIL_LIMIT),
    ],
)
async def test_a_detail_is_suspended_whatever_it_says(body: bytes, detail: str) -> None:
    """A 200 with a `detail` is never success, and its wording is never interpreted."""
    async with serving(answering(whole("200 OK", body))) as server:
        answer = await post(server.url)
    assert answer == Outcome(kind=OutcomeKind.SUSPENDED, detail=detail, status=200)


@pytest.mark.parametrize(
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
async def test_a_200_that_the_contract_does_not_know_is_refused_with_an_excerpt(
    body: bytes,
) -> None:
    """A body that is neither null nor a detail never counts as delivered."""
    async with serving(answering(whole("200 OK", body))) as server:
        answer = await post(server.url)
    assert isinstance(answer, Outcome)
    assert (answer.kind, answer.refusal, answer.status) == (
        OutcomeKind.REFUSED,
        Refusal.OTHER,
        200,
    )
    assert answer.detail == body.decode(errors="replace")


async def test_a_422_tells_each_problem_within_limits() -> None:
    """The report has where, what and type of each entry; a flood of entries is cut."""
    entry = b'{"loc": ["body", "message", 0], "msg": "too long", "type": "string_too_long"}'
    body = b'{"detail": [' + b",".join([entry] * 50) + b"]}"
    async with serving(answering(whole("422 No", body))) as server:
        answer = await post(server.url)
    assert isinstance(answer, Outcome)
    assert answer.refusal is Refusal.INVALID
    assert len(answer.problems) == PROBLEM_LIMIT
    problem = answer.problems[0]
    assert (problem.where, problem.what, problem.type) == (
        "body → message → 0",
        "too long",
        "string_too_long",
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"no json", b'{"detail": "odd"}', b'{"detail": []}'])
async def test_a_422_in_another_shape_is_refused_with_an_excerpt(body: bytes) -> None:
    """Without problems to list, the thread gets the status and the text."""
    async with serving(answering(whole("422 No", body))) as server:
        answer = await post(server.url)
    assert isinstance(answer, Outcome)
    assert (answer.refusal, answer.status, answer.problems) == (Refusal.OTHER, 422, ())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 99 Foo 99999 99:99:99 GMT", None),
        (f"Wed, 21 Oct 2015 07:28:00 +{'9' * 40}", None),
        ("9" * 400, float("inf")),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_retry_after_is_read_in_either_form(
    status: str, value: str, seconds: float | None
) -> None:
    """It is in whole seconds or a date; anything else is treated as missing."""
    raw = whole(status, b"{}", f"Retry-After: {value}")
    async with serving(answering(raw)) as server:
        assert await post(server.url) == Wait(f"HTTP {status[:3]}", seconds)


async def test_retry_after_as_a_date_counts_from_now() -> None:
    """A date in the future becomes the number of seconds until then."""
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    async with serving(answering(whole("503 No", b"", f"Retry-After: {when}"))) as server:
        answer = await post(server.url)
    assert isinstance(answer, Wait)
    assert answer.retry_after is not None
    assert 95 < answer.retry_after <= 100


# The probe of `check`.


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (401, Refusal.KEY_REJECTED),
        (403, Refusal.FORBIDDEN),
        (404, None),
        (422, None),
        (200, Refusal.OTHER),
        (502, Refusal.OTHER),
    ],
)
async def test_the_probe_tells_the_status_and_sends_no_message(
    status: int, refusal: Refusal | None
) -> None:
    """It leaves out the required field, so that no session can be reached by it."""
    said = whole(f"{status} Said", b"{}")
    async with serving(answering(said)) as server, client(server.url) as devin:
        assert await devin.probe() == Probe(refusal, str(status))
    assert server.requests[0].endswith(b"\r\n\r\n{}")


async def test_the_probe_tells_how_the_wire_failed() -> None:
    """The name of the failure replaces the status."""
    async with serving(answering(OK)) as server:
        url = server.url
    async with client(url) as devin:
        assert await devin.probe() == Probe(Refusal.OTHER, "ClientConnectorError")
