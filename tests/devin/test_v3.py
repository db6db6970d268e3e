"""What only version 3 has: `ProblemDetail`, the session in each answer, cursors, organizations."""

import json
from typing import Any

import pytest

from bot.devin.answers import Answer, written
from bot.devin.api import Cursor, MessagePage, OutgoingFile, Source, Unread
from bot.devin.v3.client import MOST_PAGES
from bot.devin.v3.sessions import message, parse_sent, summary
from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import SessionId, SessionState
from tests.support.raw_http import (
    ID,
    RECORD,
    V3,
    answering,
    serving,
    states_of,
    stepping,
    whole,
)
from tests.support.tables import each

PROBLEM = "application/problem+json"
OTHER = SessionId("devin-00000000000000000000000000000002")


def record(**fields: Any) -> bytes:
    return json.dumps(RECORD | fields).encode()


def problem(status: str, **fields: Any) -> bytes:
    body = json.dumps({"title": status[4:], "status": int(status[:3]), **fields}).encode()
    return whole(status, body, content_type=PROBLEM)


RUNNING = whole("200 OK", record(status_detail="working"))


@pytest.mark.parametrize(
    ("status", "detail"), [("new", None), ("resuming", None), ("suspended", "inactivity")]
)
async def test_a_session_that_wakes_has_been_sent_to(status: str, detail: str | None) -> None:
    """Version 3 resumes a suspended session."""
    answer = whole("200 OK", record(status=status, status_detail=detail))
    async with serving(answering(answer)) as server:
        assert await V3.post(server.url) == Outcome(kind=OutcomeKind.DELIVERED, status=200)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fields", [{"status": "exit"}, {"status": "error"}, {"is_archived": True}])
async def test_a_session_that_has_ended_is_told_as_ended(fields: dict[str, Any]) -> None:
    """The answer to the message says so, or the session does after a refusal of any status."""
    ended = whole("200 OK", record(**fields))
    async with serving(answering(ended)) as server:
        answer = await V3.post(server.url)
    assert answer == Outcome(kind=OutcomeKind.ENDED, status=200)
    for status in ("400 No", "404 No", "409 No", "410 No", "422 No"):
        async with serving(stepping([problem(status, detail="Over"), ended])) as server:
            answer = await V3.post(server.url)
        assert isinstance(answer, Outcome)
        told = (answer.kind, answer.refusal, answer.detail, answer.status)
        assert told == (OutcomeKind.ENDED, None, "Over", int(status[:3]))
        assert server.requests[1].startswith(f"GET {V3.sessions}/{ID} HTTP".encode())


@pytest.mark.parametrize("state", [RUNNING, problem("404 No"), problem("500 No"), whole("200 OK")])
async def test_a_refusal_by_a_session_that_goes_on_stays_one(state: bytes) -> None:
    """So does that of a session whose state cannot be read."""
    async with serving(stepping([problem("409 No", detail="Busy"), state])) as server:
        answer = await V3.post(server.url)
    assert answer == Outcome(
        kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER, status=409, detail="Busy"
    )


@pytest.mark.parametrize("status", ["404 No", "409 No", "422 No", "425 Early"])
@pytest.mark.parametrize("state", ["new", "claimed", "resuming"])
async def test_a_session_that_only_begins_is_sent_to_later(status: str, state: str) -> None:
    """No document says from when on it takes messages; another refusal stays one."""
    begins = whole("200 OK", record(status=state))
    async with serving(stepping([problem(status, detail="Not yet"), begins])) as server:
        assert await V3.post(server.url) == Wait(f"HTTP {status[:3]}")
    async with serving(stepping([problem("400 No", detail="No"), begins])) as server:
        assert isinstance(await V3.post(server.url), Outcome)


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
async def test_any_success_whose_body_can_be_read_is_one(
    status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The documents name 200 alone, so that another one is logged; without a body it is unclear."""
    async with serving(answering(whole(status, record(status="running")))) as server:
        assert await V3.post(server.url) == Outcome(kind=OutcomeKind.DELIVERED, status=200)
    odd = [vars(one)["reason"] for one in caplog.records if one.getMessage() == "odd answer"]
    assert odd == ([] if status == "200 OK" else [f"HTTP {status[:3]}"])
    async with serving(answering(whole("204 No Content"))) as server:
        answer = await V3.post(server.url)
        assert isinstance(answer, Outcome)
        assert answer.kind is OutcomeKind.UNCERTAIN
        async with V3.client(server.url) as devin:
            assert await devin.archive(ID) is None


async def test_a_404_of_a_session_that_can_be_read_is_not_about_the_session() -> None:
    """People would unlink a thread whose session is there."""
    async with serving(stepping([problem("404 No", detail="Gone"), RUNNING])) as server:
        answer = await V3.post(server.url)
    assert answer == Outcome(
        kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER, status=404, detail="Gone"
    )


@pytest.mark.parametrize(
    ("status", "refusal"), [("401 No", Refusal.KEY_REJECTED), ("403 No", Refusal.FORBIDDEN)]
)
async def test_a_refused_key_is_the_reason_whatever_the_session_does(
    status: str, refusal: Refusal
) -> None:
    """The session is not even read."""
    async with serving(answering(problem(status, detail="No"))) as server:
        answer = await V3.post(server.url)
    assert isinstance(answer, Outcome)
    assert (answer.refusal, len(server.requests)) == (refusal, 1)


@each(
    ("body", "problems"),
    [
        (
            {"errors": [{"loc": ["body", "message"], "msg": "too long", "type": "long"}]},
            "too long (message)",
        ),
        (
            {"errors": [{"pointer": "/message", "detail": "too long"}, {"code": 7}, None]},
            "too long (/message)\nnot valid",
        ),
        (
            {"detail": [{"loc": ["body", 0], "msg": "bad", "type": "t"}], "errors": None},
            "bad (0)",
        ),
        ({"detail": "Nope", "errors": []}, ""),
        ({"detail": None}, ""),
    ],
)
def test_a_422_is_read_in_every_form_that_is_documented(
    body: dict[str, Any], problems: str
) -> None:
    """Entries in `errors`, FastAPI's in `detail`, or words."""
    said = json.dumps({"title": "Unprocessable", "status": 422, **body}).encode()
    answer = written(Answer(422, {}, said), parse_sent)
    assert isinstance(answer, Outcome)
    words = problems or body.get("detail") or "Unprocessable"
    refusal = Refusal.INVALID if problems else Refusal.OTHER
    assert (answer.refusal, answer.detail) == (refusal, words)


async def test_a_503_may_have_been_processed() -> None:
    """Only a rate limit certainly was not."""
    async with serving(answering(problem("503 No"))) as server:
        answer = await V3.post(server.url)
    assert answer == Outcome(kind=OutcomeKind.UNCERTAIN, detail="HTTP 503", status=503)


async def test_files_go_beside_the_message() -> None:
    """The text has no lines for them, and without files there is no field."""
    talk = answering(V3.ok, closes=False)
    async with serving(talk) as server, V3.client(server.url) as devin:
        await devin.post_message(ID, "Look:", ["https://a.example/1"])
        await devin.post_message(ID, "Look:")
        assert devin.listed("Look:", ["https://a.example/1"]) == "Look:"
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert bodies == [
        {"message": "Look:", "attachment_urls": ["https://a.example/1"]},
        {"message": "Look:"},
    ]


@pytest.mark.parametrize("url", ["", "ftp://a", "https://a b", "https://" + "a" * 2_100, 7])
async def test_an_upload_without_a_usable_address_is_refused(url: object) -> None:
    """The file goes as a link instead."""
    answer = whole("200 OK", json.dumps({"attachment_id": "1", "name": "a", "url": url}).encode())

    async def chunks() -> Any:
        yield b"x"

    async with serving(answering(answer)) as server, V3.client(server.url) as devin:
        found = await devin.upload(OutgoingFile("a", "text/plain", chunks(), 1))
    assert isinstance(found, Outcome)


def page(*ids: str, cursor: str | None, more: bool, **fields: object) -> bytes:
    items = [
        {"event_id": id_, "source": "devin", "message": id_, "created_at": 1764000000, **fields}
        for id_ in ids
    ]
    body = {"items": items, "end_cursor": cursor, "has_next_page": more, "total": None}
    return whole("200 OK", json.dumps(body).encode())


async def read(*pages: bytes, after: str | None = None) -> tuple[MessagePage | Unread, list[bytes]]:
    """Read the messages that a server has in `pages`; return its requests' first lines, too."""
    async with serving(stepping(list(pages))) as server, V3.client(server.url) as devin:
        found = await devin.messages(ID, Cursor(after) if after else None)
    return found, [one.partition(b" HTTP")[0].partition(b"?")[2] for one in server.requests]


async def test_messages_are_read_to_the_last_page() -> None:
    """Its end has no cursor, so the one before is kept, which reads the last page again."""
    pages = (page("1", "2", cursor="A", more=True), page("3", cursor=None, more=False))
    found, asked = await read(*pages)
    assert isinstance(found, MessagePage)
    assert [one.id for one in found.messages] == ["1", "2", "3"]
    assert (found.cursor, found.has_more) == ("A", False)
    assert asked == [b"first=200", b"first=200&after=A"]


@pytest.mark.parametrize("cursor", [None, "A"])
async def test_a_cursor_that_leads_nowhere_ends_the_reading(cursor: str | None) -> None:
    """The rest is out of reach, and the page says that there is more."""
    found, asked = await read(page("1", cursor=cursor, more=True), after="A")
    assert isinstance(found, MessagePage)
    assert ([one.id for one in found.messages], found.cursor) == (["1"], "A")
    assert found.has_more
    assert asked == [b"first=200&after=A"]


async def test_pages_without_an_end_are_read_so_far_and_no_farther() -> None:
    """The cursor goes on from there, another time."""
    pages = [page(str(n), cursor=f"C{n}", more=True) for n in range(MOST_PAGES + 1)]
    found, asked = await read(*pages)
    assert isinstance(found, MessagePage)
    assert (len(found.messages), len(asked)) == (MOST_PAGES, MOST_PAGES)
    assert (found.cursor, found.has_more) == (f"C{MOST_PAGES - 1}", True)
    assert found.reads == MOST_PAGES


async def test_a_message_that_two_pages_list_is_one() -> None:
    """Where it is listed first."""
    pages = (page("1", "2", "1", cursor="A", more=True), page("2", "3", cursor=None, more=False))
    found, _ = await read(*pages)
    assert isinstance(found, MessagePage)
    assert [one.id for one in found.messages] == ["1", "2", "3"]


async def test_pages_that_were_read_before_a_failure_are_kept() -> None:
    """The cursor goes on from there."""
    found, _ = await read(page("1", cursor="A", more=True), problem("500 No"))
    assert isinstance(found, MessagePage)
    assert ([one.id for one in found.messages], found.cursor) == (["1"], "A")
    assert (found.has_more, found.reads) == (True, 2)


async def test_a_first_page_that_fails_says_why() -> None:
    """As for every read."""
    assert (await read(problem("404 No")))[0] == Unread(404)
    assert (await read(whole("200 OK", b"[]")))[0] == Unread(200)


@each(
    ("fields", "expected"),
    [
        ({"source": "user"}, (Source.USER, "hi")),
        ({"source": "somebody"}, (Source.USER, "hi")),
        ({"source": "user", "message": 'hi\n\nATTACHMENT:"https://a"'}, (Source.USER, "hi")),
        ({"source": "devin", "message": 'hi\nATTACHMENT:{"url": 1}'}, (Source.DEVIN, None)),
        ({"created_at": 1764000000123}, (Source.DEVIN, "hi")),
        ({"created_at": "2025-11-24T16:00:00+00:00"}, (Source.DEVIN, "hi")),
        ({"created_at": "2025-11-24T16:00:00"}, (Source.DEVIN, "hi")),
        ({"created_at": "soon"}, None),
        ({"created_at": None}, None),
        ({"created_at": 10**30}, None),
        ({"message": None}, None),
    ],
)
def test_a_message_is_read_as_documented(
    fields: dict[str, object], expected: tuple[Source, str | None] | None
) -> None:
    """Lines for files that version 1 sent below a person's message are no part of it."""
    entry = {"event_id": "1", "source": "devin", "created_at": 1764000000, "message": "hi"} | fields
    one = message(entry)
    if expected is None:
        assert one is None
        return
    assert one is not None
    source, text = expected
    assert (one.source, one.text) == (source, fields["message"] if text is None else text)
    assert one.at.year == 2025


async def test_states_of_many_sessions_take_one_call() -> None:
    """In the order of the question, whatever that of the answer is; ids may lack their prefix."""
    items = [RECORD | {"session_id": OTHER.removeprefix("devin-"), "title": "B"}, RECORD, {}, None]
    body = json.dumps({"items": items, "end_cursor": None}).encode()
    async with serving(answering(whole("200 OK", body))) as server, V3.client(server.url) as devin:
        found = await states_of(devin, ID, SessionId("devin-404"), OTHER)
    assert [(one.session, one.title, one.url) for one in found] == [
        (ID, "", RECORD["url"]),
        (OTHER, "B", RECORD["url"]),
    ]
    (request,) = server.requests
    query = request.partition(b" HTTP")[0].partition(b"?")[2].decode()
    assert query == f"session_ids={ID}&session_ids=devin-404&session_ids={OTHER}&first=3"
    assert b"order" not in request


@each(
    ("fields", "state"),
    [
        ({"status": "new"}, SessionState.WORKING),
        ({"status": "claimed"}, SessionState.WORKING),
        ({"status": "running", "status_detail": "working"}, SessionState.WORKING),
        ({"status": "running", "status_detail": "a_new_one"}, SessionState.WORKING),
        ({"status": "running", "status_detail": "waiting_for_user"}, SessionState.WAITING),
        ({"status": "running", "status_detail": "waiting_for_approval"}, SessionState.APPROVAL),
        ({"status": "running", "status_detail": "finished"}, SessionState.FINISHED),
        ({"status": "suspended", "status_detail": "out_of_credits"}, SessionState.SUSPENDED),
        ({"status": "suspended", "is_archived": True}, SessionState.ENDED),
        ({"status": "exit"}, SessionState.ENDED),
        ({"status": "error", "status_detail": "finished"}, SessionState.ENDED),
        ({"status": "a_new_one"}, SessionState.UNKNOWN),
        ({"status": None}, SessionState.UNKNOWN),
    ],
)
def test_a_state_is_read_from_status_and_detail(
    fields: dict[str, object], state: SessionState
) -> None:
    """Both are open: what nobody documented is unknown, or at work if it runs."""
    found = summary(RECORD | fields)
    assert found is not None
    assert found.state is state


async def test_the_latest_sessions_are_chosen_here() -> None:
    """No document says in which order Devin lists them."""
    items = [RECORD | {"session_id": f"devin-{n}", "updated_at": 1764000000 + n} for n in range(5)]
    body = json.dumps({"items": [RECORD | {"updated_at": None}, *items]}).encode()
    async with serving(answering(whole("200 OK", body))) as server, V3.client(server.url) as devin:
        found = await devin.recent(2)
        await devin.recent(2, ["relay-1"])
    assert not isinstance(found, Unread)
    assert [one.session for one in found] == ["devin-4", "devin-3"]
    queries = [one.partition(b" HTTP")[0].partition(b"?")[2] for one in server.requests]
    assert queries == [b"first=100&is_archived=false", b"first=100&tags=relay-1"]


async def test_members_are_looked_up_where_their_list_has_moved_to() -> None:
    """Its page says v3beta1 (docs.devin.ai, "List organization users"), and Devin's SDK v3."""
    ada = {"user_id": "user-1", "email": "ada@acme.example"}
    listed = {"items": [ada], "end_cursor": None, "has_next_page": False, "total": 1}
    nobody = whole("200 OK", json.dumps(listed | {"items": []}).encode())
    script = [problem("404 No"), whole("200 OK", json.dumps(listed).encode()), nobody]
    async with serving(stepping(script)) as server, V3.client(server.url) as devin:
        assert await devin.member("ada@acme.example") == "user-1"
    asked = [one.partition(b"/organizations")[0] for one in server.requests]
    assert asked == [b"GET /v3beta1", b"GET /v3", b"GET /v3beta1"]
