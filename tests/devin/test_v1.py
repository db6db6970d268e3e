"""What only version 1 has: a 200 with a detail, the session's state after it, and its probe."""

import json

import pytest

from bot.devin.answers import CHECK_URL, DETAIL_LIMIT, KEY, NEW_KEY, REJECTED
from bot.devin.v1 import sessions as v1
from bot.model.replies import Outcome, OutcomeKind, Wait
from bot.model.sessions import SessionId
from tests.support.desk import SESSION
from tests.support.raw_http import ID, V1, answering, serving, stepping, whole
from tests.support.tables import each


@each(
    ("body", "detail"),
    [
        (b'{"detail": "asleep"}', "asleep"),
        (b'{"detail": ""}', ""),
        (b'{"detail": "' + b"z" * 40_000 + b'", "more": 1}', "z" * DETAIL_LIMIT),
    ],
)
def test_a_detail_is_not_confirmed_whatever_it_says(body: bytes, detail: str) -> None:
    """A 200 with a `detail` is never success, and its wording is never interpreted."""
    answer = v1.parse_sent(body)
    assert answer == Outcome(kind=OutcomeKind.UNCONFIRMED, detail=detail, status=200)


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"status": "suspended", "status_enum": None}, OutcomeKind.SUSPENDED),
        ({"status": "suspended", "status_enum": "blocked"}, OutcomeKind.SUSPENDED),
        ({"status": "running", "status_enum": "suspend_requested"}, OutcomeKind.SUSPENDED),
        ({"status": "finished", "status_enum": "finished"}, OutcomeKind.ENDED),
        ({"status": "expired", "status_enum": "expired"}, OutcomeKind.ENDED),
        ({"status": "exit"}, OutcomeKind.ENDED),
        ({"status": "running", "status_enum": "blocked"}, OutcomeKind.UNCONFIRMED),
        ({"status": "running", "status_enum": "a_new_one"}, OutcomeKind.UNCONFIRMED),
    ],
)
async def test_the_session_s_own_state_says_why_it_was_not_confirmed(
    record: dict[str, str | None], kind: OutcomeKind
) -> None:
    """It is read once, by one call."""
    detail = whole("200 OK", b'{"detail": "Not now"}')
    read = whole("200 OK", json.dumps({"session_id": SESSION, **record}).encode())
    async with serving(stepping([detail, read])) as server:
        answer = await V1.post(server.url)
    assert answer == Outcome(kind=kind, detail="Not now", status=200)
    assert server.requests[1].startswith(f"GET /v1/sessions/{SESSION} HTTP".encode())
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", ["404 No", "500 No", "200 OK"])
async def test_a_state_that_cannot_be_read_leaves_the_outcome(status: str) -> None:
    """Without it, nobody says why the message was not confirmed."""
    detail = whole("200 OK", b'{"detail": "Not now"}')
    async with serving(stepping([detail, whole(status, b"[]")])) as server:
        answer = await V1.post(server.url)
    assert answer == Outcome(kind=OutcomeKind.UNCONFIRMED, detail="Not now", status=200)


@pytest.mark.parametrize("status", ["400 No", "404 No", "409 No", "422 No"])
@pytest.mark.parametrize("enum", ["finished", "expired"])
async def test_a_refusal_by_a_session_that_is_over_says_so(status: str, enum: str) -> None:
    """No document tells what version 1 answers then, but its state does."""
    read = whole("200 OK", json.dumps({"status": "x", "status_enum": enum}).encode())
    async with serving(stepping([whole(status, b'{"detail": "Over"}'), read])) as server:
        answer = await V1.post(server.url)
    assert isinstance(answer, Outcome)
    assert (answer.kind, answer.refusal) == (OutcomeKind.ENDED, None)


async def test_a_503_waits() -> None:
    """A call may be made again, as version 1's gateway answers it while Devin is down."""
    talk = answering(whole("503 No", b"", "Retry-After: 7"))
    async with serving(talk) as server, V1.client(server.url) as devin:
        assert await devin.post_message(ID, "hello") == Wait("HTTP 503", 7.0)
        assert await devin.end(ID) == Wait("HTTP 503", 7.0)


@each(
    ("body", "address"),
    [
        (rb'"https:\/\/files.example\/x"', "https://files.example/x"),
        (rb'"https://files.example/x?a=1\u0026b=2"', "https://files.example/x?a=1&b=2"),
        (b" https://files.example/x\n", "https://files.example/x"),
        (b'{"url": "https://files.example/x"}', None),
        (b'"ftp://files.example/x"', None),
        (b"7", None),
    ],
)
def test_the_address_of_a_file_is_json_or_bare(body: bytes, address: str | None) -> None:
    """Another answer has none."""
    assert v1.parse_uploaded(body) == address


async def test_files_are_lines_of_the_message() -> None:
    """The text that the session lists has them, too."""
    async with serving(answering(V1.ok)) as server, V1.client(server.url) as devin:
        await devin.post_message(SessionId(SESSION), "Look:", ["https://a.example/1", "https://b"])
        listed = devin.listed("Look:", ["https://a.example/1", "https://b"])
    (request,) = server.requests
    assert listed == 'Look:\n\nATTACHMENT:"https://a.example/1"\nATTACHMENT:"https://b"'
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"message": listed}


@pytest.mark.parametrize(
    ("status", "body", "says", "fix"),
    [
        (200, b'{"sessions": []}', "accepted, for API v1", ""),
        (200, b"<p>Welcome</p>", "no usable answer from Devin (HTTP 200)", CHECK_URL),
        (401, b"{}", REJECTED, NEW_KEY),
        (403, b"{}", "doesn't let DEVIN_API_KEY list sessions (403)", NEW_KEY),
        (404, b"{}", "no usable answer from Devin (HTTP 404)", CHECK_URL),
        (502, b"{}", "no usable answer from Devin (HTTP 502)", "Try again later."),
    ],
)
async def test_the_probe_reads_what_polls_read(
    status: int, body: bytes, says: str, fix: str
) -> None:
    """Nothing is sent to a session, and an address without such a list is a wrong one."""
    said = whole(f"{status} Said", body)
    async with serving(answering(said)) as server, V1.client(server.url) as devin:
        (finding,) = await devin.probe()
    assert (finding.what, finding.is_good) == (KEY, not fix)
    assert says in finding.says
    assert fix in finding.fix
    assert server.requests[0].startswith(b"GET /v1/sessions?limit=1 ")
