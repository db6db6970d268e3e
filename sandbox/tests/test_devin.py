"""The local Devin keeps to the contract, answers each state on the wire and records everything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.devin.answers import STATES, UnknownStateError
from sandbox.devin.server import DevinSandbox
from sandbox.devin.sessions import UnknownSessionError
from tests.support.waiting import wait_until

SESSION = "devin-abc123def456"
PATH = f"/v1/sessions/{SESSION}/message"

Send = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
async def devin() -> AsyncIterator[DevinSandbox]:
    async with DevinSandbox(api="v1") as running:
        running.add_session(SESSION)
        yield running


@pytest.fixture
async def client(devin: DevinSandbox) -> AsyncIterator[httpx.AsyncClient]:
    key = {"Authorization": f"Bearer {devin.api_key}"}
    async with httpx.AsyncClient(base_url=devin.url, headers=key, trust_env=False) as client:
        yield client


@pytest.fixture
def send(client: httpx.AsyncClient) -> Send:
    async def send(text: str) -> httpx.Response:
        return await client.post(PATH, json={"message": text})

    return send


def assert_is_validation_error(body: dict[str, Any]) -> None:
    """Check for the contract's HTTPValidationError, with at least one entry."""
    assert body["detail"]
    for entry in body["detail"]:
        assert all(type(step) in {str, int} for step in entry["loc"])
        assert isinstance(entry["msg"], str)
        assert isinstance(entry["type"], str)


async def test_a_running_session_takes_a_message_and_answers_null(
    devin: DevinSandbox, send: Send
) -> None:
    """200 and `null` is the contract's success."""
    response = await send("Ship it")
    assert (response.status_code, response.text) == (200, "null")
    assert response.headers["Content-Type"].startswith("application/json")
    assert devin.received(SESSION) == ["Ship it"]


async def test_messages_are_kept_in_order(devin: DevinSandbox, send: Send) -> None:
    """A session's messages are in the order of arrival, and so is the ledger."""
    for text in ("one", "two", "three"):
        await send(text)
    assert devin.received(SESSION) == ["one", "two", "three"]
    assert [entry.message for entry in devin.requests] == ["one", "two", "three"]


async def test_bare_hex_is_the_same_session(devin: DevinSandbox, client: httpx.AsyncClient) -> None:
    """The id is accepted with and without its prefix, in the path and in Python."""
    bare = SESSION.removeprefix("devin-")
    response = await client.post(f"/v1/sessions/{bare}/message", json={"message": "hi"})
    assert response.status_code == 200
    assert devin.received(bare) == devin.received(SESSION) == ["hi"]


@pytest.mark.parametrize("state", ["suspended", "finished"])
async def test_a_session_that_is_not_running_answers_200_with_a_detail(
    devin: DevinSandbox, send: Send, state: str
) -> None:
    """A MessageSentResponse is an object with a string `detail`; the message is not taken."""
    devin.behave(SESSION, state)
    response = await send("anybody there?")
    assert response.status_code == 200
    assert isinstance(response.json()["detail"], str)
    assert devin.received(SESSION) == []


async def test_a_detail_can_be_chosen(devin: DevinSandbox, send: Send) -> None:
    """`detail=` replaces the text of a state."""
    devin.behave(SESSION, "suspended", detail="Zzz")
    assert (await send("hello")).json() == {"detail": "Zzz"}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("rejects", 422),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("missing", 404),
        ("rate_limited", 429),
        ("down", 503),
        ("server_error", 500),
        ("gateway", 502),
        ("timeout", 504),
        ("teapot", 418),
        ("other", 400),
    ],
)
async def test_a_failing_state_answers_its_status_and_takes_nothing(
    devin: DevinSandbox, send: Send, state: str, status: int
) -> None:
    """Each state's status appears on the wire and in the ledger."""
    devin.behave(SESSION, state)
    assert (await send("hello")).status_code == status
    assert [entry.status for entry in devin.requests] == [status]
    assert devin.received(SESSION) == []


async def test_a_rejection_has_several_errors_and_an_integer_in_a_location(
    devin: DevinSandbox, send: Send
) -> None:
    """The contract allows integers in `loc`, and clients must handle them."""
    devin.behave(SESSION, "rejects")
    body = (await send("hello")).json()
    assert_is_validation_error(body)
    assert len(body["detail"]) == 2
    assert any(isinstance(step, int) for entry in body["detail"] for step in entry["loc"])


@pytest.mark.parametrize("state", ["unauthorized", "forbidden", "missing", "rate_limited", "down"])
async def test_plain_refusals_have_a_string_detail(
    devin: DevinSandbox, send: Send, state: str
) -> None:
    """They have the shape of FastAPI's HTTPException."""
    devin.behave(SESSION, state)
    assert isinstance((await send("hello")).json()["detail"], str)


@pytest.mark.parametrize("state", ["gateway", "timeout", "other"])
async def test_a_gateway_answers_html(devin: DevinSandbox, send: Send, state: str) -> None:
    """A gateway in front of an API does not speak JSON."""
    devin.behave(SESSION, state)
    response = await send("hello")
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text.startswith("<html>")


async def test_garbage_is_200_and_no_json(devin: DevinSandbox, send: Send) -> None:
    """A 200 alone proves nothing."""
    devin.behave(SESSION, "garbage")
    response = await send("hello")
    assert response.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        response.json()


async def test_status_and_body_can_be_chosen(devin: DevinSandbox, send: Send) -> None:
    """Text is sent as it is, anything else as JSON."""
    devin.behave(SESSION, "other", status=409, body="<b>busy</b>")
    html = await send("one")
    assert (html.status_code, html.text) == (409, "<b>busy</b>")
    assert html.headers["Content-Type"].startswith("text/html")
    devin.behave(SESSION, "other", status=400, body=["no"])
    assert (await send("two")).json() == ["no"]


async def test_retry_after_is_sent_in_seconds_or_as_a_date(devin: DevinSandbox, send: Send) -> None:
    """Both forms of RFC 9110 exist; without a request for one, there is none."""
    devin.behave(SESSION, "rate_limited")
    assert "Retry-After" not in (await send("one")).headers
    devin.behave(SESSION, "rate_limited", retry_after=7)
    assert (await send("two")).headers["Retry-After"] == "7"
    devin.behave(SESSION, "down", retry_after=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert (await send("three")).headers["Retry-After"] == "Wed, 02 Jan 2030 03:04:05 GMT"


async def test_a_state_can_hold_for_a_number_of_requests(devin: DevinSandbox, send: Send) -> None:
    """With the last of `times` requests, the session returns to the state before the choice."""
    devin.behave(SESSION, "idle")
    devin.behave(SESSION, "down", times=2)
    assert [(await send("again")).status_code for _ in range(2)] == [503, 503]
    assert devin.session(SESSION).state == "idle"
    devin.behave(SESSION, "down", times=1)
    devin.behave(SESSION, "rejects", times=1)
    assert [(await send("again")).status_code for _ in range(2)] == [422, 200]
    assert devin.session(SESSION).state == "idle"


async def test_a_slow_session_takes_at_once_and_answers_late(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """A client that gives up waiting has still been heard, and no other session waits."""
    devin.behave(SESSION, "slow", delay=30)
    devin.add_session("devin-0002")
    slowly = asyncio.create_task(client.post(PATH, json={"message": "slowly"}, timeout=30))
    await wait_until(lambda: devin.received(SESSION) == ["slowly"], "it is taken")
    await client.post("/v1/sessions/devin-0002/message", json={"message": "fast"})
    assert not slowly.done()
    slowly.cancel()
    await asyncio.gather(slowly, return_exceptions=True)
    assert devin.received(SESSION) == ["slowly"]


async def test_a_drop_takes_the_message_and_closes_the_connection(
    devin: DevinSandbox, send: Send
) -> None:
    """The body was read and kept; the sender cannot know."""
    devin.behave(SESSION, "drops")
    with pytest.raises(httpx.TransportError):
        await send("lost?")
    assert devin.received(SESSION) == ["lost?"]
    assert [entry.status for entry in devin.requests] == ["dropped"]


async def test_a_refused_connection_takes_nothing(devin: DevinSandbox, send: Send) -> None:
    """The connection closes before the body is read."""
    devin.behave(SESSION, "refuses", times=1)
    with pytest.raises(httpx.TransportError):
        await send("never seen")
    assert devin.received(SESSION) == []
    assert (await send("seen")).status_code == 200


async def test_half_an_answer_is_200_and_then_nothing(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """Headers arrive, but the body does not."""
    devin.behave(SESSION, "half")
    async with client.stream("POST", PATH, json={"message": "half"}) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await response.aread()
    assert devin.received(SESSION) == ["half"]


async def test_a_timeout_can_have_taken_the_message(devin: DevinSandbox, send: Send) -> None:
    """`takes=True` is a 504 behind which the API did its work."""
    devin.behave(SESSION, "timeout", takes=True)
    assert (await send("did it land?")).status_code == 504
    assert devin.received(SESSION) == ["did it land?"]


async def test_offline_means_connection_refused_and_online_means_the_same_address(
    devin: DevinSandbox, send: Send
) -> None:
    """The port is closed, including kept-alive connections."""
    address = devin.url
    await send("one")
    await devin.go_offline()
    with pytest.raises(httpx.ConnectError):
        await send("two")
    await devin.go_online()
    assert devin.url == address
    await send("three")
    assert devin.received(SESSION) == ["one", "three"]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic {key}", "{key}", "Bearer"])
async def test_a_wrong_or_missing_key_is_401(devin: DevinSandbox, header: str | None) -> None:
    """Only `Bearer <the key>` is accepted; nothing is taken, and the ledger says so."""
    headers = {} if header is None else {"Authorization": header.format(key=devin.api_key)}
    async with httpx.AsyncClient(base_url=devin.url, headers=headers, trust_env=False) as client:
        response = await client.post(PATH, json={"message": "let me in"})
        reading = await client.get(f"/v1/sessions/{SESSION}")
    assert (response.status_code, reading.status_code) == (401, 401)
    assert isinstance(response.json()["detail"], str)
    assert devin.received(SESSION) == []
    assert [entry.authorized for entry in devin.requests] == [False]


async def test_the_ledger_never_holds_the_key(devin: DevinSandbox, send: Send) -> None:
    """A ledger printed in a failed test shows no credential."""
    await send("hello")
    (entry,) = devin.requests
    assert entry.authorized
    assert entry.headers["Content-Type"] == "application/json"
    assert entry.body == {"message": "hello"}
    assert devin.api_key not in repr(entry)


@pytest.mark.parametrize(
    ("content", "loc", "kind"),
    [
        (b"{}", ["body", "message"], "missing"),
        (b"", ["body"], "missing"),
        (b"null", ["body"], "missing"),
        (b"[]", ["body"], "model_attributes_type"),
        (b'{"message": 5}', ["body", "message"], "string_type"),
        (b'{"message": null}', ["body", "message"], "string_type"),
        (b'{"message": ["a"]}', ["body", "message"], "string_type"),
        (rb'{"message": "\ud800"}', ["body", "message"], "string_unicode"),
        (b'{"message": ', ["body", 12], "json_invalid"),
    ],
)
async def test_a_malformed_body_is_422_as_fastapi_says_it(
    devin: DevinSandbox, client: httpx.AsyncClient, content: bytes, loc: list[str | int], kind: str
) -> None:
    """It is validated before the session is checked, with pydantic's locations and types."""
    headers = {"Content-Type": "application/json"}
    response = await client.post(PATH, content=content, headers=headers)
    assert response.status_code == 422
    assert_is_validation_error(response.json())
    (entry,) = response.json()["detail"]
    assert (entry["loc"], entry["type"]) == (loc, kind)
    assert devin.received(SESSION) == []


async def test_a_body_that_is_not_declared_as_json_is_422(client: httpx.AsyncClient) -> None:
    """FastAPI reads only bodies whose content type is JSON."""
    headers = {"Content-Type": "text/plain"}
    response = await client.post(PATH, content=b'{"message": "hi"}', headers=headers)
    assert response.status_code == 422
    assert response.json()["detail"][0]["type"] == "model_attributes_type"


async def test_bytes_that_are_no_text_are_400(client: httpx.AsyncClient) -> None:
    """FastAPI answers so to a body that it cannot decode."""
    headers = {"Content-Type": "application/json"}
    response = await client.post(PATH, content=b'{"message": "\xff"}', headers=headers)
    assert response.status_code == 400
    assert isinstance(response.json()["detail"], str)


async def test_additional_properties_are_ignored(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """A pydantic model does so by default; the ledger shows them, so that a test can object."""
    response = await client.post(PATH, json={"message": "hi", "attachment_ids": []})
    assert response.status_code == 200
    assert devin.requests[0].body == {"message": "hi", "attachment_ids": []}


@pytest.mark.parametrize("session_id", ["devin-fff", "fff", "nonsense", "devin-xyz"])
async def test_an_unknown_session_is_404(client: httpx.AsyncClient, session_id: str) -> None:
    """The body has FastAPI's shape."""
    response = await client.post(f"/v1/sessions/{session_id}/message", json={"message": "hi"})
    assert (response.status_code, response.json()) == (404, {"detail": "Session not found"})
    assert (await client.get(f"/v1/sessions/{session_id}")).status_code == 404


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE"])
async def test_another_verb_is_405(client: httpx.AsyncClient, verb: str) -> None:
    """The answer names the allowed one."""
    response = await client.request(verb, PATH)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert response.json() == {"detail": "Method Not Allowed"}


async def test_another_path_is_404_and_is_remembered(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """Text that escaped from its place in a URL would show here."""
    response = await client.post("/v1/sessions/devin-abc%2F..%2Fx/messages", json={})
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    assert devin.strays == ["POST /v1/sessions/devin-abc%2F..%2Fx/messages"]


async def test_a_session_can_be_read_with_its_messages(
    devin: DevinSandbox, client: httpx.AsyncClient, send: Send
) -> None:
    """User items have username, origin and user id; Devin's own do not. Ids are unique."""
    await send("Ship it")
    devin.say(SESSION, "Shipped.")
    body = (await client.get(f"/v1/sessions/{SESSION}")).json()
    assert (body["session_id"], body["status"], body["status_enum"]) == (
        SESSION,
        "running",
        "working",
    )
    asked, told = body["messages"]
    assert (asked["type"], asked["message"]) == ("user_message", "Ship it")
    assert {"username", "origin", "user_id"} <= asked.keys()
    assert (told["type"], told["message"]) == ("devin_message", "Shipped.")
    assert not {"username", "origin", "user_id"} & told.keys()
    assert asked["event_id"] != told["event_id"]
    assert datetime.fromisoformat(asked["timestamp"]) <= datetime.fromisoformat(told["timestamp"])


@pytest.mark.parametrize(
    ("state", "status_enum"), [("suspended", None), ("finished", "finished"), ("down", "working")]
)
async def test_a_session_that_is_read_tells_its_status(
    devin: DevinSandbox, client: httpx.AsyncClient, state: str, status_enum: str | None
) -> None:
    """`status_enum` has no `suspended`; a failing message endpoint does not affect reads."""
    devin.behave(SESSION, state)
    assert (await client.get(f"/v1/sessions/{SESSION}")).json()["status_enum"] == status_enum


async def test_an_attachment_is_answered_with_a_bare_json_url(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """The body is a JSON string and nothing else."""
    response = await client.post("/v1/attachments", files={"file": ("a b.txt", b"content")})
    assert response.status_code == 200
    (attachment,) = devin.attachments
    assert response.json() == attachment.url
    assert (attachment.name, attachment.content) == ("a b.txt", b"content")
    assert attachment.url.startswith(devin.url)
    assert attachment.url.endswith("/a%20b.txt")


@pytest.mark.parametrize("upload", [{"files": {"other": b"x"}}, {"json": {}}])
async def test_an_attachment_without_its_field_is_422(
    client: httpx.AsyncClient, upload: dict[str, Any]
) -> None:
    """The multipart field must be called `file`."""
    response = await client.post("/v1/attachments", **upload)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "file"]


async def test_requests_in_flight_are_counted_per_session_and_in_all(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """The maximum is remembered; afterwards none is in flight."""
    devin.add_session("devin-0002")
    over = asyncio.Event()
    for session_id in (SESSION, "devin-0002"):
        devin.behave(session_id, "slow", delay=0, until=over)
    paths = [PATH, "/v1/sessions/devin-0002/message", "/v1/sessions/devin-0002/message"]
    posts = [asyncio.create_task(client.post(path, json={"message": "hi"})) for path in paths]
    await wait_until(lambda: devin.in_flight == 3, "all are under way")
    over.set()
    await asyncio.gather(*posts)
    assert (devin.max_in_flight, devin.in_flight) == (3, 0)
    assert devin.session(SESSION).max_in_flight == 1
    assert devin.session("devin-0002").max_in_flight == 2


async def test_a_watcher_is_told_of_every_change(devin: DevinSandbox, send: Send) -> None:
    """The changes are small dicts in a queue."""
    changes = devin.subscribe()
    devin.behave(SESSION, "running")
    await send("hello")
    seen = [changes.get_nowait() for _ in range(changes.qsize())]
    assert [change["type"] for change in seen] == ["devin.session", "devin.request"]
    assert {change["session_id"] for change in seen} == {SESSION}


async def test_what_does_not_exist_is_said_at_once(devin: DevinSandbox) -> None:
    """A misspelled state, session or id is an error in the test."""
    with pytest.raises(UnknownStateError, match="running"):
        devin.behave(SESSION, "sleepy")
    with pytest.raises(UnknownSessionError):
        devin.behave("devin-fff", "down")
    with pytest.raises(ValueError, match="isn't a session ID"):
        devin.add_session("../../etc")


async def test_the_demo_sessions_begin_with_a_running_one(devin: DevinSandbox) -> None:
    """The page and the demo rely on the first; every one is in an existing state."""
    first, *others = devin.demo_sessions()
    assert devin.session(first).state == "running"
    assert {devin.session(other).state for other in others} <= STATES.keys()


async def test_sessions_can_be_listed_a_page_at_a_time(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """Summaries have no messages, the latest first; an invalid limit is a 422."""
    devin.add_session("devin-0002", "finished", title="Two")
    listed = (await client.get("/v1/sessions", params={"limit": 1})).json()["sessions"]
    assert [(one["session_id"], one["title"], one["status_enum"]) for one in listed] == [
        ("devin-0002", "Two", "finished")
    ]
    assert "messages" not in listed[0]
    rest = (await client.get("/v1/sessions", params={"offset": 1})).json()["sessions"]
    assert [one["session_id"] for one in rest] == [SESSION]
    refused = await client.get("/v1/sessions", params={"limit": "x"})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["query", "limit"])
    strange = await client.get("/v1/sessions", headers={"Authorization": "Bearer no"})
    assert strange.status_code == 401


async def test_a_session_can_be_created(devin: DevinSandbox, client: httpx.AsyncClient) -> None:
    """Running, with the prompt as its first message, at an address of its own."""
    given = {"prompt": "Fix it", "title": "Build", "tags": ["relay-1"], "unlisted": True}
    created = (await client.post("/v1/sessions", json=given)).json()
    assert created["is_new_session"] is True
    assert created["url"].endswith(created["session_id"].removeprefix("devin-"))
    record = (await client.get(f"/v1/sessions/{created['session_id']}")).json()
    assert (record["title"], record["tags"], record["status_enum"]) == (
        "Build",
        ["relay-1"],
        "working",
    )
    (prompt,) = record["messages"]
    assert (prompt["type"], prompt["message"]) == ("initial_user_message", "Fix it")
    assert devin.received(created["session_id"]) == []
    tagged = await client.get("/v1/sessions", params={"tags": ["relay-1"]})
    assert [one["title"] for one in tagged.json()["sessions"]] == ["Build"]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body", "prompt"]),
        ({"prompt": 5}, ["body", "prompt"]),
        ({"prompt": "x", "title": 5}, ["body", "title"]),
        ({"prompt": "x", "tags": "relay-1"}, ["body", "tags"]),
        ({"prompt": "x", "tags": ["a", 1]}, ["body", "tags", 1]),
        ([], ["body"]),
    ],
)
async def test_a_malformed_session_is_422(
    devin: DevinSandbox, client: httpx.AsyncClient, body: object, loc: list[str | int]
) -> None:
    """Checked as the message is, and no session comes of it."""
    response = await client.post("/v1/sessions", json=body)
    assert response.status_code == 422
    assert_is_validation_error(response.json())
    assert response.json()["detail"][0]["loc"] == loc
    assert list(devin.sessions) == [SESSION]


async def test_a_session_can_be_terminated_once(
    devin: DevinSandbox, client: httpx.AsyncClient, send: Send
) -> None:
    """It takes no message then, and cannot be terminated again."""
    path = f"/v1/sessions/{SESSION}"
    ended = await client.delete(path)
    assert (ended.status_code, list(ended.json())) == (200, ["detail"])
    assert (await client.get(path)).json()["status_enum"] == "finished"
    await send("Too late")
    assert devin.received(SESSION) == []
    assert (await client.delete(path)).status_code == 400
    assert (await client.delete("/v1/sessions/devin-fff")).status_code == 404
    key = {"Authorization": "Bearer no"}
    assert (await client.delete(path, headers=key)).status_code == 401
    assert (await client.post("/v1/sessions", json={}, headers=key)).status_code == 401
