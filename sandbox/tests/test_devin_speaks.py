"""What the local Devin says, opens, spends and sends is told by both generations of its API."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest

from sandbox.devin.answers import STATES, Answer, Api
from sandbox.devin.server import DevinSandbox
from tests.support.desk import on_both

SESSION = "devin-abc123def456"
PULL = "https://github.com/acme/relay/pull/7"


@pytest.fixture
async def devin(api: Api) -> AsyncIterator[DevinSandbox]:
    async with DevinSandbox(api=api) as running:
        running.add_session(SESSION)
        yield running


@pytest.fixture
async def client(devin: DevinSandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {devin.api_key}"}
    async with httpx.AsyncClient(base_url=devin.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def sessions(devin: DevinSandbox) -> str:
    """The path of the sessions, in the generation that is spoken."""
    return "/v1/sessions" if devin.api == "v1" else f"/v3/organizations/{devin.org_id}/sessions"


@pytest.fixture
def messages(devin: DevinSandbox, sessions: str) -> str:
    """The path that shows the session's messages."""
    return f"{sessions}/{SESSION}" + ("" if devin.api == "v1" else "/messages")


def texts(response: httpx.Response) -> list[str]:
    """The texts of a read of messages, in order."""
    body = response.json()
    return [one["message"] for one in body.get("items", body.get("messages"))]


@pytest.mark.parametrize("api", ["v3"])
async def test_pull_requests_and_cost_are_shown_in_v3(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """A pull request keeps its place when its state changes, and ACUs add up."""
    devin.open_pull_request(SESSION, PULL)
    devin.open_pull_request(SESSION, PULL + "0", state=None)
    devin.open_pull_request(SESSION, PULL, state="merged")
    devin.spend(SESSION, 1.25)
    devin.spend(SESSION, 0.5)
    (listed,) = (await client.get(sessions)).json()["items"]
    assert listed["pull_requests"] == [
        {"pr_url": PULL, "pr_state": "merged"},
        {"pr_url": PULL + "0", "pr_state": None},
    ]
    assert listed["acus_consumed"] == 1.75
    read = (await client.get(f"{sessions}/{SESSION}")).json()
    assert read["pull_requests"] == listed["pull_requests"]


@pytest.mark.parametrize("api", ["v1"])
async def test_v1_shows_the_last_pull_request_and_no_cost(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """It has room for one address."""
    assert (await client.get(f"{sessions}/{SESSION}")).json()["pull_request"] is None
    devin.open_pull_request(SESSION, PULL)
    devin.open_pull_request(SESSION, PULL + "0")
    (listed,) = (await client.get(sessions)).json()["sessions"]
    assert listed["pull_request"] == {"url": PULL + "0"}


@on_both
async def test_what_moves_a_session_moves_its_time_and_is_told(devin: DevinSandbox) -> None:
    """So a list shows it, and whoever watches the record hears of it."""
    changes = devin.subscribe()
    session = devin.session(SESSION)
    moves = (
        partial(devin.open_pull_request, SESSION, PULL),
        partial(devin.spend, SESSION, 1.0),
        partial(devin.say, SESSION, "Done."),
    )
    for seconds, change in enumerate(moves, start=1):
        before = session.updated_at
        devin.clock.ahead = 10.0 * seconds
        change()
        assert session.updated_at > before
        assert (await changes.get())["session_id"] == SESSION


@on_both
async def test_a_message_may_leave_the_time_of_its_session_alone(devin: DevinSandbox) -> None:
    """Nobody documents that `updated_at` moves with each message."""
    devin.moves_updated_at = False
    devin.clock.ahead = 60.0
    before = devin.session(SESSION).updated_at
    devin.say(SESSION, "Unseen")
    assert devin.session(SESSION).updated_at == before


@on_both
async def test_a_message_may_be_listed_later_than_it_is_said(
    devin: DevinSandbox, client: httpx.AsyncClient, messages: str
) -> None:
    """Whatever comes after it waits for it, so that the order stays."""
    devin.say(SESSION, "one")
    devin.listing_delay = 30.0
    devin.say(SESSION, "two")
    devin.listing_delay = 0.0
    devin.say(SESSION, "three")
    assert texts(await client.get(messages)) == ["one"]
    devin.clock.ahead = 31.0
    assert texts(await client.get(messages)) == ["one", "two", "three"]


@on_both
async def test_a_refused_read_says_when_to_come_back(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """In seconds or as a date, if at all."""
    at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    devin.read_failures["sessions"] += [(429, 7), (429, 0.5), (503, at), 429]
    answers = [await client.get(sessions) for _ in range(5)]
    assert [one.status_code for one in answers] == [429, 429, 503, 429, 200]
    assert [one.headers.get("Retry-After") for one in answers] == [
        "7",
        "0.5",
        "Wed, 02 Jan 2030 03:04:05 GMT",
        None,
        None,
    ]


@on_both
async def test_reads_are_counted_by_kind(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str, messages: str
) -> None:
    """Refused ones as well; version 1 reads a session with its messages."""
    devin.read_failures["sessions"].append(429)
    for path in (sessions, sessions, f"{sessions}/{SESSION}", messages):
        await client.get(path)
    if devin.api == "v1":
        assert devin.reads_by_kind == {"sessions": 2, "session": 2}
        return
    await client.get("/v3/self")
    assert devin.reads_by_kind == {"self": 1, "sessions": 2, "session": 1, "messages": 1}


@pytest.mark.parametrize(
    ("answer", "status", "made"),
    [
        (STATES["drops"], None, 1),
        (STATES["refuses"], None, 0),
        (STATES["rate_limited"], 429, 0),
        (STATES["down"], 503, 0),
        (STATES["server_error"], 500, 0),
        (replace(STATES["server_error"], takes=True), 500, 1),
        (replace(STATES["garbage"], takes=True), 200, 1),
    ],
    ids=["drops", "refuses", "429", "503", "500", "500 after creating", "garbage"],
)
@on_both
async def test_a_creation_whose_answer_is_lost_is_found_by_its_tag(
    devin: DevinSandbox,
    client: httpx.AsyncClient,
    sessions: str,
    answer: Answer,
    status: int | None,
    made: int,
) -> None:
    """Both generations list by tag, which tells whether there is a session."""
    devin.creations.append(answer)
    new = {"prompt": "Fix it", "tags": ["relay-1"]}
    if status is None:
        with pytest.raises(httpx.TransportError):
            await client.post(sessions, json=new)
    else:
        assert (await client.post(sessions, json=new)).status_code == status
    body = (await client.get(sessions, params={"tags": "relay-1"})).json()
    found = body.get("items", body.get("sessions"))
    assert [one["tags"] for one in found] == [["relay-1"]] * made


@pytest.mark.parametrize("api", ["v1"])
async def test_a_list_of_v1_has_pages_and_times(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """`skip` is another name for `offset`, and every summary has `updated_at`."""
    for number in range(3):
        devin.add_session(f"devin-{number}")
    everyone = (await client.get(sessions)).json()["sessions"]
    assert len(everyone) == 4
    for name in ("offset", "skip"):
        page = (await client.get(sessions, params={"limit": 2, name: 1})).json()["sessions"]
        assert page == everyone[1:3]
    assert all(datetime.fromisoformat(one["updated_at"]).tzinfo for one in everyone)
    assert (await client.get(sessions, params={"skip": "x"})).status_code == 422


@on_both
async def test_a_session_without_credits_is_suspended(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """Version 3 says why; version 1 has no word for it."""
    devin.behave(SESSION, "out_of_credits")
    shown = (await client.get(f"{sessions}/{SESSION}")).json()
    assert shown["status"] == "suspended"
    if devin.api == "v1":
        assert shown["status_enum"] is None
    else:
        assert shown["status_detail"] == "out_of_credits"


@on_both
async def test_a_session_that_uses_up_its_cap_is_suspended(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """Its start says the cap; only version 3 says that a limit is why."""
    new = {"prompt": "Ship it", "max_acu_limit": 2}
    session = (await client.post(sessions, json=new)).json()["session_id"]
    states = []
    for _ in range(2):
        devin.spend(session, 1.0)
        states.append((await client.get(f"{sessions}/{session}")).json()["status"])
    assert states == ["running", "suspended"]
    shown = (await client.get(f"{sessions}/{session}")).json()
    if devin.api == "v3":
        assert shown["status_detail"] == "usage_limit_exceeded"


def url_in(marker: str) -> str:
    """The address in a line that carries a file."""
    kind, _, facts = marker.partition(":")
    assert kind == "ATTACHMENT"
    return str(json.loads(facts)["url"])


@on_both
async def test_a_file_of_devins_needs_the_key_at_the_api_and_none_at_the_storage(
    devin: DevinSandbox, client: httpx.AsyncClient, messages: str
) -> None:
    """The API's host answers 307 with a presigned address on another host."""
    line = devin.attach(SESSION, "a plan.md", b"# Plan", "text/markdown")
    devin.say(SESSION, f"Here it is.\n{line}")
    assert line in texts(await client.get(messages))[0].splitlines()
    url = url_in(line)
    assert url.startswith(devin.url)
    redirect = await client.get(url)
    assert redirect.status_code == 307
    storage = httpx.URL(redirect.headers["Location"])
    assert storage.host != httpx.URL(devin.url).host
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(url)).status_code == 401
        file = await stranger.get(storage)
        assert (await stranger.get(storage.copy_remove_param("Signature"))).status_code == 403
    assert (file.content, file.headers["Content-Type"]) == (b"# Plan", "text/markdown")
    assert devin.reads_by_kind["file"] == 1
    assert devin.strays == []


@on_both
async def test_a_key_that_follows_the_redirect_is_refused_and_remembered(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """A storage of that kind takes one proof, not two; and a key is for its own host."""
    url = url_in(devin.attach(SESSION, "plan.md", b"# Plan"))
    storage = (await client.get(url)).headers["Location"]
    assert (await client.get(storage)).status_code == 400
    (stray,) = devin.strays
    assert stray.endswith("with a key")


@on_both
async def test_a_presigned_address_expires(devin: DevinSandbox) -> None:
    """It may also be the one that Devin says, and asks for no key then."""
    line = devin.attach(SESSION, "plan.md", b"# Plan", is_presigned=True)
    devin.say(SESSION, line)
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(url_in(line))).content == b"# Plan"
        devin.clock.ahead = devin.presigned_seconds + 2
        assert (await stranger.get(url_in(line))).status_code == 403


@on_both
async def test_a_download_fails_as_it_is_told_to(
    devin: DevinSandbox, client: httpx.AsyncClient
) -> None:
    """At the API, at the storage, or in the middle of the file."""
    url = url_in(devin.attach(SESSION, "plan.md", b"# Plan"))
    devin.read_failures["file"].append(503)
    assert [(await client.get(url)).status_code for _ in range(2)] == [503, 307]
    storage = url_in(devin.attach(SESSION, "plan.md", b"# Plan", is_presigned=True))
    devin.download_failures += [404, 500, "cut"]
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert [(await stranger.get(storage)).status_code for _ in range(2)] == [404, 500]
        with pytest.raises(httpx.RemoteProtocolError):
            await stranger.get(storage)
        assert (await stranger.get(storage)).content == b"# Plan"


@pytest.mark.parametrize("api", ["v3"])
async def test_a_session_lists_the_files_that_devin_sent(
    devin: DevinSandbox, client: httpx.AsyncClient, sessions: str
) -> None:
    """Also those whose address is presigned in the text."""
    for name, is_presigned in (("plan.md", False), ("shot.png", True)):
        devin.say(SESSION, devin.attach(SESSION, name, b"x", is_presigned=is_presigned))
    files = (await client.get(f"{sessions}/{SESSION}/attachments")).json()
    assert [(one["name"], one["source"]) for one in files] == [
        ("plan.md", "devin"),
        ("shot.png", "devin"),
    ]
