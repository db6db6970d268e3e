"""The local Devin's v3: organizations, permissions, cursors, and the record it shares with v1."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from sandbox.devin.answers import FINISHED, STATES, Read
from sandbox.devin.server import DevinSandbox

SESSION = "devin-abc123def456"
OTHER = "devin-0002"
V1 = f"/v1/sessions/{SESSION}"

Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def devin() -> AsyncIterator[DevinSandbox]:
    async with DevinSandbox() as running:
        running.add_session(SESSION, title="Fix the build")
        yield running


@pytest.fixture
def sessions(devin: DevinSandbox) -> str:
    """The path of the organization's sessions."""
    return f"/v3/organizations/{devin.org_id}/sessions"


@pytest.fixture
def path(sessions: str) -> str:
    """The path of the session."""
    return f"{sessions}/{SESSION}"


@pytest.fixture
async def client(devin: DevinSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(devin, devin.api_key) as client:
        yield client


@pytest.fixture
async def v1(devin: DevinSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(devin, devin.keys["v1"]) as client:
        yield client


@pytest.fixture
def send(client: httpx.AsyncClient, path: str) -> Send:
    async def send(text: str, **more: object) -> httpx.Response:
        return await client.post(f"{path}/messages", json={"message": text, **more})

    return send


def client_of(devin: DevinSandbox, key: str) -> httpx.AsyncClient:
    """A client with that key."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=devin.url, headers=headers, trust_env=False)


def problem(response: httpx.Response) -> dict[str, Any]:
    """The `ProblemDetail` of an error, whose status and title are those of the response."""
    assert response.headers["Content-Type"].startswith("application/problem+json")
    body: dict[str, Any] = response.json()
    assert (body["status"], body["title"]) == (response.status_code, response.reason_phrase)
    return body


async def test_a_message_is_answered_with_the_session(
    devin: DevinSandbox, send: Send, path: str, client: httpx.AsyncClient
) -> None:
    """Times are whole seconds, and only reading fills `status_detail`."""
    response = await send("Ship it", attachment_urls=["https://files.invalid/plan.md"])
    assert response.status_code == 200
    body = response.json()
    assert (body["session_id"], body["org_id"], body["status"]) == (
        SESSION,
        devin.org_id,
        "running",
    )
    assert (body["title"], body["status_detail"]) == ("Fix the build", None)
    assert type(body["created_at"]) is type(body["updated_at"]) is int
    assert (await client.get(path)).json()["status_detail"] == "working"
    (request,) = devin.requests
    assert (request.api, request.message) == ("v3", "Ship it")
    assert request.attachments == ("https://files.invalid/plan.md",)
    (message,) = devin.session(SESSION).messages
    assert message.attachments == request.attachments
    assert devin.received(SESSION) == ["Ship it"]


async def test_both_generations_show_one_record(
    devin: DevinSandbox, send: Send, path: str, client: httpx.AsyncClient, v1: httpx.AsyncClient
) -> None:
    """What came by one is read by the other, with the same event ids."""
    await v1.post(f"{V1}/message", json={"message": "by v1"})
    await send("by v3")
    devin.say(SESSION, "Done.")
    early = (await v1.get(V1)).json()["messages"]
    late = (await client.get(f"{path}/messages")).json()["items"]
    assert [one["message"] for one in early] == ["by v1", "by v3", "Done."]
    assert [(one["source"], one["message"]) for one in late] == [
        ("user", "by v1"),
        ("user", "by v3"),
        ("devin", "Done."),
    ]
    assert [one["event_id"] for one in early] == [one["event_id"] for one in late]
    assert abs(late[0]["created_at"] - time.time()) < 60
    assert [one.api for one in devin.requests] == ["v1", "v3"]


@pytest.mark.parametrize(
    ("state", "status", "early_status"),
    [
        ("running", ("running", "working"), ("running", "working")),
        ("blocked", ("running", "waiting_for_user"), ("blocked", "blocked")),
        ("approval", ("running", "waiting_for_approval"), ("blocked", "blocked")),
        ("idle", ("running", "finished"), ("blocked", "blocked")),
        ("suspended", ("suspended", "inactivity"), ("suspended", None)),
        ("archived", ("suspended", "user_request"), ("expired", "expired")),
        ("finished", ("exit", None), ("finished", "finished")),
        ("failed", ("error", None), ("expired", "expired")),
    ],
)
async def test_a_state_is_told_by_both(
    devin: DevinSandbox,
    client: httpx.AsyncClient,
    v1: httpx.AsyncClient,
    state: str,
    status: tuple[str, str | None],
    early_status: tuple[str, str | None],
) -> None:
    """v1 has fewer words for what v3 tells apart."""
    devin.add_session(SESSION, state)
    shown = (await client.get(f"/v3/organizations/{devin.org_id}/sessions/{SESSION}")).json()
    assert (shown["status"], shown["status_detail"]) == status
    assert shown["is_archived"] == (state == "archived")
    early = (await v1.get(V1)).json()
    assert (early["status"], early["status_enum"]) == early_status


@pytest.mark.parametrize("state", ["running", "blocked", "approval", "idle"])
async def test_a_session_that_is_alive_takes_messages_of_both(
    devin: DevinSandbox, send: Send, v1: httpx.AsyncClient, state: str
) -> None:
    """Whatever it waits for."""
    devin.behave(SESSION, state)
    assert (await v1.post(f"{V1}/message", json={"message": "by v1"})).text == "null"
    assert (await send("by v3")).status_code == 200
    assert devin.received(SESSION) == ["by v1", "by v3"]


@pytest.mark.parametrize("state", ["finished", "failed", "archived"])
async def test_a_session_that_is_over_is_a_conflict_in_v3_and_a_detail_in_v1(
    devin: DevinSandbox, send: Send, v1: httpx.AsyncClient, state: str
) -> None:
    """Neither message is taken, and both say the same."""
    devin.behave(SESSION, state)
    early = await v1.post(f"{V1}/message", json={"message": "by v1"})
    late = await send("by v3")
    assert (early.status_code, late.status_code) == (200, 409)
    assert problem(late)["detail"] == early.json()["detail"]
    assert devin.received(SESSION) == []


async def test_a_suspended_session_takes_the_message_and_resumes(
    devin: DevinSandbox, send: Send
) -> None:
    """The answer says so, and the session is running from then on."""
    devin.behave(SESSION, "suspended")
    assert (await send("Wake up")).json()["status"] == "resuming"
    assert devin.session(SESSION).state == "running"
    assert (await send("Good morning")).json()["status"] == "running"
    assert devin.received(SESSION) == ["Wake up", "Good morning"]


@pytest.mark.parametrize(
    "state", [name for name, one in STATES.items() if one.status >= 400 and one.body is None]
)
async def test_a_failing_state_answers_a_problem(
    devin: DevinSandbox, send: Send, state: str
) -> None:
    """The text is its `detail`, a list of errors its `errors`."""
    devin.behave(SESSION, state)
    response = await send("hello")
    body = problem(response)
    assert response.status_code == STATES[state].status
    assert body["errors" if state == "rejects" else "detail"] == STATES[state].detail
    assert devin.received(SESSION) == []


@pytest.mark.parametrize("state", ["gateway", "timeout", "server_error", "teapot", "garbage"])
async def test_what_keeps_to_no_contract_is_the_same_in_both(
    devin: DevinSandbox, send: Send, v1: httpx.AsyncClient, state: str
) -> None:
    """A gateway does not know which generation is behind it."""
    devin.behave(SESSION, state)
    late = await send("hello")
    early = await v1.post(f"{V1}/message", json={"message": "hello"})
    assert (late.status_code, late.text) == (early.status_code, early.text)


async def test_a_detail_and_a_body_can_be_chosen(devin: DevinSandbox, send: Send) -> None:
    """The one becomes the problem's, the other is sent as it is."""
    devin.behave(SESSION, "forbidden", detail="Not you")
    assert problem(await send("one"))["detail"] == "Not you"
    devin.behave(SESSION, "down", body="<b>busy</b>", retry_after=1.5)
    answer = await send("two")
    assert (answer.status_code, answer.text) == (503, "<b>busy</b>")
    assert answer.headers["Retry-After"] == "1.5"


@pytest.mark.parametrize(
    ("key", "status"),
    [(None, 401), ("Bearer cog_wrong", 401), ("Basic x", 401), ("Bearer apk_user_x", 403)],
)
async def test_a_key_of_another_generation_is_forbidden_and_a_wrong_one_unauthorized(
    devin: DevinSandbox, path: str, key: str | None, status: int
) -> None:
    """v3 answers 403 to a key of v1, which v1 answers 401 to a key of v3."""
    headers = {} if key is None else {"Authorization": key}
    async with httpx.AsyncClient(base_url=devin.url, headers=headers, trust_env=False) as client:
        for address in ("/v3/self", path, f"{path}/messages"):
            problem(response := await client.get(address))
            assert response.status_code == status
        problem(await client.post(f"{path}/messages", json={"message": "let me in"}))
    assert [(one.authorized, one.status) for one in devin.requests] == [(False, status)]


async def test_v1_refuses_a_key_of_v3(client: httpx.AsyncClient) -> None:
    """In the words of v1."""
    refused = await client.get(V1)
    assert (refused.status_code, refused.json()) == (401, {"detail": "Invalid API key"})


async def test_the_caller_learns_its_organization(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """It is null for a credential of the enterprise; a personal token has a user."""
    assert (await client.get("/v3/self")).json() == {
        "principal_type": "service_user",
        "service_user_id": "service-user-5andb0x",
        "service_user_name": "Devin Relay",
        "org_id": devin.org_id,
    }
    devin.self_org, devin.principal = None, "pat_user"
    found = (await client.get("/v3/self")).json()
    assert (found["principal_type"], found["org_id"]) == ("pat_user", None)
    assert {"user_id", "user_name", "api_key_id", "api_key_name"} <= found.keys()


async def test_another_organization_is_forbidden(client: httpx.AsyncClient) -> None:
    """Whatever is asked of it."""
    away = "/v3/organizations/org-elsewhere"
    for address in (f"{away}/sessions", f"{away}/sessions/{SESSION}/messages"):
        problem(refused := await client.get(address))
        assert refused.status_code == 403


@pytest.mark.parametrize(
    ("verb", "place", "permission"),
    [
        ("GET", "sessions", "ViewOrgSessions"),
        ("POST", "sessions", "ManageOrgSessions"),
        ("GET", f"sessions/{SESSION}", "ViewOrgSessions"),
        ("DELETE", f"sessions/{SESSION}", "ManageOrgSessions"),
        ("GET", f"sessions/{SESSION}/messages", "ViewOrgSessions"),
        ("POST", f"sessions/{SESSION}/messages", "ManageOrgSessions"),
        ("POST", f"sessions/{SESSION}/archive", "ManageOrgSessions"),
        ("GET", f"sessions/{SESSION}/attachments", "ViewOrgSessions"),
        ("POST", "attachments", "UseDevinSessions"),
    ],
)
async def test_a_call_needs_its_permission(
    devin: DevinSandbox, client: httpx.AsyncClient, verb: str, place: str, permission: str
) -> None:
    """Without it, 403 names what is missing, and nothing happens."""
    devin.permissions.remove(permission)
    refused = await client.request(verb, f"/v3/organizations/{devin.org_id}/{place}")
    assert (refused.status_code, permission in problem(refused)["detail"]) == (403, True)
    assert (await client.get("/v3/self")).status_code == 200
    assert (devin.session(SESSION).state, devin.received(SESSION)) == ("running", [])


async def test_to_write_as_somebody_else_needs_a_permission(
    devin: DevinSandbox, send: Send, client: httpx.AsyncClient, sessions: str
) -> None:
    """Impersonation is not granted by default."""
    assert (await send("hi", message_as_user_id="user-1")).status_code == 403
    new = {"prompt": "hi", "create_as_user_id": "user-1"}
    assert (await client.post(sessions, json=new)).status_code == 403
    devin.permissions.add("ImpersonateOrgSessions")
    assert (await send("hi", message_as_user_id="user-1")).status_code == 403
    member = devin.members.add("ada@acme.example")
    assert (await send("hi", message_as_user_id=member)).status_code == 200


async def pages(client: httpx.AsyncClient, address: str, **query: Any) -> list[list[Any]]:
    """The items of each page, read to the end."""
    found, after = [], None
    while True:
        params = query if after is None else {**query, "after": after}
        page = (await client.get(address, params=params)).json()
        found.append(page["items"])
        after = page["end_cursor"]
        assert page["has_next_page"] == (after is not None)
        if after is None:
            return found


async def test_messages_are_read_by_cursor_and_the_last_page_has_none(
    devin: DevinSandbox, client: httpx.AsyncClient, path: str
) -> None:
    """In order and each once; the last cursor that there was reads the tail again."""
    for number in range(5):
        devin.say(SESSION, str(number))
    found = await pages(client, f"{path}/messages", first=2)
    assert [[one["message"] for one in page] for page in found] == [["0", "1"], ["2", "3"], ["4"]]
    whole = (await client.get(f"{path}/messages")).json()
    assert (len(whole["items"]), whole["end_cursor"], whole["has_next_page"]) == (5, None, False)
    cursor = (await client.get(f"{path}/messages", params={"first": 3})).json()["end_cursor"]
    devin.say(SESSION, "5")
    tail = await client.get(f"{path}/messages", params={"after": cursor})
    assert [one["message"] for one in tail.json()["items"]] == ["3", "4", "5"]


async def test_only_a_cursor_of_the_same_list_is_accepted(
    devin: DevinSandbox, client: httpx.AsyncClient, path: str, sessions: str
) -> None:
    """An event id is none, nor is the cursor of another session."""
    devin.add_session(OTHER)
    for session in (SESSION, OTHER):
        devin.say(session, "one")
        devin.say(session, "two")
    first = {"first": 1}
    foreign = (await client.get(f"{sessions}/{OTHER}/messages", params=first)).json()["end_cursor"]
    event = (await client.get(f"{path}/messages")).json()["items"][0]["event_id"]
    for after in (event, foreign, "", "1", "%%%", "ÿ", "YQ=="):
        refused = await client.get(f"{path}/messages", params={"after": after})
        assert refused.status_code == 422
        (error,) = problem(refused)["errors"]
        assert error["loc"] == ["query", "after"]
    listed = (await client.get(sessions, params=first)).json()["end_cursor"]
    assert (await client.get(f"{path}/messages", params={"after": listed})).status_code == 422


@pytest.mark.parametrize("first", ["0", "201", "x", "1.5"])
async def test_a_page_has_between_1_and_200_items(
    client: httpx.AsyncClient, path: str, sessions: str, first: str
) -> None:
    """Another number is refused."""
    for address in (sessions, f"{path}/messages"):
        refused = await client.get(address, params={"first": first})
        assert problem(refused)["errors"][0]["loc"] == ["query", "first"]


async def test_sessions_are_listed_newest_first_and_by_cursor(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """A session that is added meanwhile moves no page."""
    for number in range(2, 5):
        devin.add_session(f"devin-{number:04}")
    one = (await client.get(sessions, params={"first": 2})).json()
    devin.add_session("devin-0005")
    two = (await client.get(sessions, params={"first": 2, "after": one["end_cursor"]})).json()
    names = [[entry["session_id"] for entry in page["items"]] for page in (one, two)]
    assert names == [["devin-0004", "devin-0003"], ["devin-0002", SESSION]]
    assert two["end_cursor"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"session_ids": [SESSION, "devin-fff"]}, [SESSION]),
        ({"session_ids": SESSION.removeprefix("devin-")}, []),
        ({"tags": "relay-1"}, [OTHER, SESSION]),
        ({"tags": ["relay-1", "relay-2"]}, [OTHER]),
        ({"is_archived": "true"}, [OTHER]),
        ({"is_archived": "false"}, [SESSION]),
        ({"origins": ["webapp", "slack"]}, [OTHER, SESSION]),
        ({"origins": "api"}, []),
        ({"updated_after": 0, "created_after": 0}, [OTHER, SESSION]),
        ({"updated_before": 1}, []),
        ({"created_before": 1}, []),
        ({"updated_after": 9_999_999_999}, []),
        ({"repo_names": "relay"}, []),
    ],
)
async def test_a_list_is_filtered(
    devin: DevinSandbox,
    client: httpx.AsyncClient,
    sessions: str,
    query: dict[str, Any],
    found: list[str],
) -> None:
    """All filters must match, and of the tags all must be there."""
    devin.add_session(OTHER, "archived")
    devin.session(SESSION).tags, devin.session(OTHER).tags = ("relay-1",), ("relay-1", "relay-2")
    page = (await client.get(sessions, params=query)).json()
    assert [one["session_id"] for one in page["items"]] == found
    assert page["total"] == len(found)


@pytest.mark.parametrize(
    "query", [{"order": "asc"}, {"origins": "email"}, {"is_archived": "x"}, {"created_after": "x"}]
)
async def test_a_query_that_the_api_does_not_have_is_refused(
    client: httpx.AsyncClient, sessions: str, query: dict[str, str]
) -> None:
    """`order` was removed, and whoever still sends it is told."""
    refused = await client.get(sessions, params=query)
    assert problem(refused)["errors"][0]["loc"][:2] == ["query", *query]


async def test_a_session_is_created_with_its_tags_and_files(
    devin: DevinSandbox, client: httpx.AsyncClient, v1: httpx.AsyncClient, sessions: str
) -> None:
    """Both generations know it; its prompt is no message that was received."""
    file = "https://files.invalid/a%20b.txt"
    new = {"prompt": "Fix it", "title": "Build", "tags": ["relay-1"], "attachment_urls": [file]}
    created = (await client.post(sessions, json=new)).json()
    assert (created["title"], created["tags"], created["origin"]) == ("Build", ["relay-1"], "api")
    assert created["url"].endswith(created["session_id"].removeprefix("devin-"))
    (prompt,) = (await v1.get(f"/v1/sessions/{created['session_id']}")).json()["messages"]
    assert (prompt["type"], prompt["message"]) == ("initial_user_message", "Fix it")
    assert devin.received(created["session_id"]) == []
    files = (await client.get(f"{sessions}/{created['session_id']}/attachments")).json()
    assert [(one["name"], one["source"], one["url"]) for one in files] == [
        ("a b.txt", "user", file)
    ]


async def test_a_creation_fails_as_it_is_told_to(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """In the words of v3, and no session comes of it."""
    devin.creations.append(STATES["rate_limited"])
    refused = await client.post(sessions, json={"prompt": "Fix it"})
    assert problem(refused)["status"] == 429
    assert list(devin.sessions) == [SESSION]
    devin.creations.append(STATES["drops"])
    with pytest.raises(httpx.TransportError):
        await client.post(sessions, json={"prompt": "Fix it"})
    assert len(devin.sessions) == 2


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body", "prompt"]),
        ({"prompt": 5}, ["body", "prompt"]),
        ({"prompt": "x", "tags": ["a", 1]}, ["body", "tags", 1]),
        ({"prompt": "x", "tags": ["a"] * 51}, ["body", "tags"]),
        ({"prompt": "x", "attachment_urls": ["no url"]}, ["body", "attachment_urls", 0]),
        ({"prompt": "x", "attachment_urls": ["h:" + "x" * 2082]}, ["body", "attachment_urls", 0]),
        (
            {"prompt": "x", "session_secrets": [{"key": "", "value": ""}]},
            ["body", "session_secrets"],
        ),
        ([], ["body"]),
    ],
)
async def test_a_malformed_session_is_422(
    devin: DevinSandbox,
    client: httpx.AsyncClient,
    sessions: str,
    body: object,
    loc: list[str | int],
) -> None:
    """The errors are FastAPI's, and no session comes of it."""
    refused = await client.post(sessions, json=body)
    found = problem(refused)
    assert (refused.status_code, found["detail"]) == (422, None)
    assert found["errors"][0]["loc"][: len(loc)] == loc
    assert list(devin.sessions) == [SESSION]


async def test_a_malformed_message_is_422_and_taken_by_nobody(
    devin: DevinSandbox, client: httpx.AsyncClient, path: str
) -> None:
    """Also where the text has half a character."""
    bodies = (b"{}", b"", b"[]", b'{"message": 5}', rb'{"message": "\ud800"}')
    headers = {"Content-Type": "application/json"}
    for content in (*bodies, b'{"message": "a", "attachment_urls": ["x"]}'):
        refused = await client.post(f"{path}/messages", content=content, headers=headers)
        assert problem(refused)["status"] == 422
    assert devin.received(SESSION) == []


async def test_a_session_id_needs_its_prefix(client: httpx.AsyncClient, sessions: str) -> None:
    """Bare hex, and what no session has, is not found."""
    for name in (SESSION.removeprefix("devin-"), "devin-fff", "nonsense"):
        problem(refused := await client.get(f"{sessions}/{name}"))
        assert refused.status_code == 404
        sent = await client.post(f"{sessions}/{name}/messages", json={"message": "hi"})
        assert problem(sent)["detail"] == "Session not found"


async def test_a_session_without_records_is_not_found(
    devin: DevinSandbox, client: httpx.AsyncClient, path: str
) -> None:
    """Every look at it counts."""
    devin.has_records = False
    assert problem(await client.get(path))["status"] == 404
    assert problem(await client.get(f"{path}/messages"))["status"] == 404
    assert (devin.reads, devin.lists) == (2, 0)


@pytest.mark.parametrize(
    ("place", "verb", "allowed"),
    [
        ("", "PUT", "GET, DELETE"),
        ("/messages", "DELETE", "GET, POST"),
        ("/archive", "GET", "POST"),
        ("/attachments", "POST", "GET"),
    ],
)
async def test_another_verb_is_405(
    client: httpx.AsyncClient, path: str, place: str, verb: str, allowed: str
) -> None:
    """The answer names those that there are."""
    refused = await client.request(verb, path + place)
    assert problem(refused)["status"] == 405
    assert refused.headers["Allow"] == allowed


async def test_another_path_is_404_and_is_remembered(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """In the words of v3, since it was asked."""
    assert problem(await client.get("/v3/enterprise/organizations"))["status"] == 404
    assert devin.strays == ["GET /v3/enterprise/organizations"]


async def test_an_archived_session_is_read_but_takes_nothing(
    client: httpx.AsyncClient, path: str, send: Send
) -> None:
    """Archiving it again changes nothing."""
    for _ in range(2):
        answer = (await client.post(f"{path}/archive")).json()
        assert (answer["is_archived"], answer["status_detail"]) == (True, None)
    assert (await client.get(path)).json()["is_archived"] is True
    assert problem(await send("hello"))["status"] == 409
    assert problem(await client.delete(path))["status"] == 409


@pytest.mark.parametrize("archive", [None, "true"])
async def test_a_session_is_terminated_once(
    client: httpx.AsyncClient, v1: httpx.AsyncClient, path: str, send: Send, archive: str | None
) -> None:
    """For good and for both generations; it may be archived in the same call."""
    ended = (await client.delete(path, params={"archive": archive} if archive else {})).json()
    assert (ended["status"], ended["is_archived"]) == ("exit", archive is not None)
    assert problem(await send("Too late"))["detail"] == FINISHED
    assert problem(await client.delete(path))["status"] == 409
    assert (await v1.delete(V1)).status_code == 400
    assert (await v1.get(V1)).json()["status_enum"] == "finished"


async def test_a_file_is_uploaded_named_in_a_message_and_downloaded_by_a_redirect(
    devin: DevinSandbox, client: httpx.AsyncClient, path: str, send: Send
) -> None:
    """The API's own address needs the key, the one that it redirects to does not."""
    address = f"/v3/organizations/{devin.org_id}/attachments"
    given = (await client.post(address, files={"file": ("a b.txt", b"content")})).json()
    assert given["name"] == "a b.txt"
    assert given["url"].startswith(devin.url + address)
    await send("Look", attachment_urls=[given["url"]])
    devin.say(SESSION, "Seen.", attachments=("https://files.invalid/seen.png",))
    files = (await client.get(f"{path}/attachments")).json()
    assert [(one["name"], one["source"]) for one in files] == [
        ("a b.txt", "user"),
        ("seen.png", "devin"),
    ]
    assert (files[0]["attachment_id"], files[0]["url"]) == (given["attachment_id"], given["url"])
    found = await client.get(given["url"])
    assert found.status_code == 307
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(given["url"])).status_code == 401
        assert (await stranger.get(found.headers["Location"])).content == b"content"
        assert (await stranger.get(f"{devin.url}/attachments/none/x")).status_code == 404
    assert problem(await client.get(f"{address}/none/x"))["status"] == 404


async def test_an_upload_fails_as_it_is_told_to(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """Or if it has no file."""
    address = f"/v3/organizations/{devin.org_id}/attachments"
    devin.upload_failures.append(413)
    assert problem(await client.post(address, files={"file": ("a", b"")}))["status"] == 413
    missing = problem(await client.post(address, files={"other": b"x"}))
    assert missing["errors"][0]["loc"] == ["body", "file"]


async def test_a_read_fails_as_it_is_told_to(
    devin: DevinSandbox, client: httpx.AsyncClient, v1: httpx.AsyncClient, sessions: str, path: str
) -> None:
    """Each kind has failures of its own, once each, in both generations."""
    reads: dict[Read, str] = {
        "self": "/v3/self",
        "sessions": sessions,
        "session": path,
        "messages": f"{path}/messages",
    }
    for kind, address in reads.items():
        devin.read_failures[kind] += [503, 429]
        statuses = [(await client.get(address)).status_code for _ in range(3)]
        assert statuses == [503, 429, 200]
    early: dict[Read, str] = {"session": V1, "sessions": "/v1/sessions"}
    for kind, address in early.items():
        devin.read_failures[kind].append(500)
        assert (await v1.get(address)).json() == {"detail": "Not now"}
        assert (await v1.get(address)).status_code == 200


async def test_what_no_document_settles_can_be_played(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str, path: str
) -> None:
    """A filter that knows its ids, a next page without a cursor, and times as text."""
    unknown = f"{sessions}?session_ids={SESSION}&session_ids={OTHER}"
    assert (await client.get(unknown)).status_code == 200
    devin.quirks.add("refuses unknown ids")
    assert (await client.get(unknown)).status_code == 422
    assert (await client.get(sessions, params={"session_ids": [SESSION]})).status_code == 200
    devin.say(SESSION, "Hello")
    devin.quirks |= {"gives no cursor", "gives ISO times"}
    page = (await client.get(f"{path}/messages")).json()
    assert (page["end_cursor"], page["has_next_page"]) == (None, True)
    (message,) = page["items"]
    assert datetime.fromisoformat(message["created_at"]).tzinfo is not None
