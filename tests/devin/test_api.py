"""Devin's API through its Protocol, against the sandbox's Devin over a real socket."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from bot.devin.api import (
    Cursor,
    Devin,
    IncomingFile,
    MessagePage,
    OutgoingFile,
    SessionSummary,
    Source,
    Unread,
)
from bot.devin.opening import open_devin
from bot.model.options import Options
from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import NamedSession, SessionId, SessionState
from sandbox import DevinSandbox
from sandbox.devin.answers import STATES
from tests.support.desk import OTHER_SESSION, SESSION
from tests.support.raw_http import Wire, answering, kind, serving, states_of, whole

NOW = timedelta(0)
ID, OTHER = SessionId(SESSION), SessionId(OTHER_SESSION)


@pytest.fixture(params=["v1", "v3"])
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[DevinSandbox]:
    """A Devin that is spoken to in each generation."""
    async with DevinSandbox(api=request.param) as running:
        running.add_session(SESSION, title="Fix the build")
        yield running


@pytest.fixture
async def devin(sandbox: DevinSandbox) -> AsyncIterator[Devin]:
    async with open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 4) as opened:
        yield opened


async def page(devin: Devin, after: Cursor | None = None, behind: timedelta = NOW) -> MessagePage:
    """The messages of the session, by a clock that is that much behind."""
    found = await devin.messages(ID, after, lambda: datetime.now(UTC) - behind)
    assert isinstance(found, MessagePage)
    return found


async def test_messages_are_read_on_from_a_cursor(devin: Devin, sandbox: DevinSandbox) -> None:
    """First come all of them, then what was written since; known ones may be repeated."""
    await devin.post_message(ID, "Please rebase")
    sandbox.say(SESSION, "Rebased.")
    first = await page(devin)
    assert [(one.source, one.text) for one in first.messages] == [
        (Source.USER, "Please rebase"),
        (Source.DEVIN, "Rebased."),
    ]
    assert len({one.id for one in first.messages} - {""}) == 2
    sandbox.say(SESSION, "And pushed.")
    second = await page(devin, first.cursor)
    assert _new(second, first) == ["And pushed."]
    third = await page(devin, second.cursor)
    assert (_new(third, first, second), third.cursor) == ([], second.cursor)


def _new(page: MessagePage, *before: MessagePage) -> list[str]:
    """Return the texts of a page that were not on those before."""
    known = {one.id for earlier in before for one in earlier.messages}
    return [one.text for one in page.messages if one.id not in known]


async def test_a_session_of_many_pages_is_read_whole_and_on_from_its_tail(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """Each message comes once and in order, and reading on repeats at most a page."""
    for number in range(450):
        sandbox.say(SESSION, str(number))
    first = await page(devin)
    assert [one.text for one in first.messages] == [str(number) for number in range(450)]
    sandbox.say(SESSION, "450")
    second = await page(devin, first.cursor)
    assert _new(second, first) == ["450"]
    assert len(second.messages) <= 200 + 1
    assert (first.reads, second.reads) == ((3, 1) if sandbox.api == "v3" else (1, 1))


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
async def test_a_page_tells_how_far_devin_s_clock_is_ahead(
    devin: Devin, sandbox: DevinSandbox, ahead: float
) -> None:
    """Of the clock that it is compared with, to a second or so."""
    sandbox.clock.ahead = ahead
    for behind in (NOW, timedelta(hours=1)):
        began = time.monotonic()
        found = await page(devin, behind=behind)
        took = time.monotonic() - began
        assert abs((found.skew - behind).total_seconds() - ahead) <= took + 1


async def test_messages_that_cannot_be_read_say_whether_it_passes(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """No such session is for good; a Devin that is away is not."""
    assert await devin.messages(OTHER) == Unread(404)
    assert not Unread(404).is_passing
    await sandbox.go_offline()
    assert await devin.messages(ID) == Unread()
    assert Unread().is_passing


@pytest.mark.parametrize(
    ("status", "is_passing"),
    [("200 OK", False), ("401 No", False), ("429 Slow Down", True), ("502 Bad", True)],
)
async def test_a_read_that_fails_keeps_the_status(
    wire: Wire, status: str, *, is_passing: bool
) -> None:
    """Also a 200 whose body is no record; only a limit and a failing server pass."""
    async with serving(answering(whole(status, b"[]"))) as server, wire.client(server.url) as devin:
        for found in (await devin.messages(ID), await devin.recent(5)):
            assert found == Unread(int(status[:3]))
            assert found.is_passing is is_passing


async def test_the_states_of_several_sessions_are_read_at_once(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """In the order that was asked; one that Devin does not know is left out."""
    sandbox.add_session(OTHER_SESSION, "suspended", title="Old dashboard")
    found = await states_of(devin, OTHER, SessionId("devin-404"), ID)
    assert [(one.session, one.title, one.state) for one in found] == [
        (OTHER, "Old dashboard", SessionState.SUSPENDED),
        (ID, "Fix the build", SessionState.WORKING),
    ]
    assert all(one.updated_at for one in found)


async def test_the_latest_sessions_are_listed_whatever_their_state(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """The latest first, no more than asked for."""
    sandbox.add_session(OTHER_SESSION, "idle", title="Done")
    idle = SessionState.WAITING if sandbox.api == "v1" else SessionState.FINISHED
    found = await devin.recent(5)
    assert not isinstance(found, Unread)
    assert [(one.session, one.title, one.state) for one in found] == [
        (OTHER, "Done", idle),
        (ID, "Fix the build", SessionState.WORKING),
    ]
    assert await devin.recent(1) == found[:1]


async def test_a_list_that_is_longer_than_asked_for_is_cut(wire: Wire) -> None:
    """A Devin that ignores the limit does not flood its caller."""
    listed = [{"session_id": "devin-1"}, {"session_id": "devin-2"}]
    sessions = json.dumps({"sessions": listed, "items": listed}).encode()
    async with (
        serving(answering(whole("200 OK", sessions))) as server,
        wire.client(server.url) as api,
    ):
        found = await api.recent(1)
    assert found == [SessionSummary(SessionId("devin-1"), "", SessionState.UNKNOWN, None)]


async def chunks() -> AsyncIterator[bytes]:
    yield b"Step 1\n"
    yield b"Step 2\n"


@pytest.mark.parametrize("size", [14, None])
async def test_a_file_is_uploaded_as_it_comes(
    devin: Devin, sandbox: DevinSandbox, size: int | None
) -> None:
    """With or without its length; the address is Devin's."""
    address = await devin.upload(OutgoingFile("plan.md", "text/markdown", chunks(), size))
    (attachment,) = sandbox.attachments
    assert address == attachment.url
    assert (attachment.name, attachment.content) == ("plan.md", b"Step 1\nStep 2\n")


@pytest.mark.parametrize(("status", "expected"), [(413, "refused"), (429, "wait"), (503, "wait")])
async def test_an_upload_that_fails_says_whether_it_may_be_made_again(
    devin: Devin, sandbox: DevinSandbox, status: int, expected: str
) -> None:
    """Refused for good, or not now."""
    sandbox.upload_failures.append(status)
    answer = await devin.upload(OutgoingFile("a", "text/plain", chunks(), None))
    assert not isinstance(answer, str)
    assert kind(answer) == expected


async def test_a_session_is_created_with_its_prompt_title_and_tags(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """It works, and its first message is the prompt, which is not Devin's."""
    chosen = Options(title="Build", tags=("team-a",))
    new = await devin.create("Fix the build, Grüße 🚀", chosen, "relay-1")
    assert isinstance(new, NamedSession)
    made = sandbox.session(new.session)
    assert (made.title, made.tags) == ("Build", ("relay-1", "team-a"))
    assert (new.title, new.url) == ("Build", made.url)
    found = await devin.messages(new.session)
    assert isinstance(found, MessagePage)
    (prompt,) = found.messages
    assert (prompt.source, prompt.text) == (Source.USER, "Fix the build, Grüße 🚀")
    (state,) = await states_of(devin, new.session)
    assert (state.title, state.state) == ("Build", SessionState.WORKING)


async def test_sessions_are_listed_by_tags(devin: Devin) -> None:
    """Only those that carry all of them."""
    one = await devin.create("One", Options(), "relay-1")
    two = await devin.create("Two", Options(tags=("relay-2",)), "relay-1")
    assert isinstance(one, NamedSession)
    assert isinstance(two, NamedSession)
    for tags, expected in ("relay-1", [two, one]), ("relay-1 relay-2", [two]), ("x", []):
        found = await devin.recent(5, tags.split())
        assert not isinstance(found, Unread)
        assert [listed.session for listed in found] == [new.session for new in expected]


@pytest.mark.parametrize("state", ["drops", "half"])
async def test_a_session_whose_answer_is_lost_is_found_by_its_tag(
    devin: Devin, sandbox: DevinSandbox, state: str
) -> None:
    """It is not created twice from here: uncertain, and there is one."""
    sandbox.creations.append(STATES[state])
    answer = await devin.create("Fix the build", Options(), "relay-1")
    assert answer == Outcome(kind=OutcomeKind.UNCERTAIN, detail="connection lost")
    found = await devin.recent(5, ["relay-1"])
    assert not isinstance(found, Unread)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("rate_limited", Wait("HTTP 429")),
        ("gateway", Outcome(kind=OutcomeKind.UNCERTAIN, detail="HTTP 502", status=502)),
        ("garbage", Outcome(kind=OutcomeKind.UNCERTAIN, detail="{'ok': True", status=200)),
        (
            "forbidden",
            Outcome(
                kind=OutcomeKind.REFUSED,
                refusal=Refusal.FORBIDDEN,
                status=403,
                detail="Not authorized to access this session",
            ),
        ),
    ],
)
async def test_a_session_that_is_not_created_says_why(
    devin: Devin, sandbox: DevinSandbox, state: str, expected: Outcome | Wait
) -> None:
    """As for a message; but a success that names no session may have started one."""
    sandbox.creations.append(STATES[state])
    assert await devin.create("Fix the build", Options(), "relay-1") == expected


async def test_a_session_can_be_ended_once(devin: Devin, sandbox: DevinSandbox) -> None:
    """For good; to end it again is refused, and so is a session that does not exist."""
    assert await devin.end(ID) is None
    (state,) = await states_of(devin, ID)
    assert state.state in {SessionState.FINISHED, SessionState.ENDED}
    again, unknown = await devin.end(ID), await devin.end(SessionId("devin-404"))
    assert isinstance(again, Outcome)
    assert (again.kind, again.status) == (OutcomeKind.REFUSED, 400 if sandbox.api == "v1" else 409)
    assert isinstance(unknown, Outcome)
    assert unknown.refusal is Refusal.NO_SESSION


async def test_a_session_is_archived_where_devin_can(devin: Devin, sandbox: DevinSandbox) -> None:
    """Then it has ended; version 1 has no such call, and is not asked."""
    answer = await devin.archive(ID)
    assert devin.is_legacy is (sandbox.api == "v1")
    assert sandbox.session(SESSION).is_archived is not devin.is_legacy
    if devin.is_legacy:
        assert answer == Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER)
        return
    assert answer is None
    (state,) = await states_of(devin, ID)
    assert state.state is SessionState.ENDED
    unknown = await devin.archive(SessionId("devin-404"))
    assert isinstance(unknown, Outcome)
    assert unknown.refusal is Refusal.NO_SESSION


async def test_a_file_of_devin_s_is_read_from_its_address(devin: Devin) -> None:
    """On version 3, Devin redirects to a place that asks for no key."""
    address = await devin.upload(OutgoingFile("plan.md", "text/markdown", chunks(), None))
    assert isinstance(address, str)
    async with devin.open_file(address) as file:
        assert isinstance(file, IncomingFile)
        content = b"".join([chunk async for chunk in file.chunks])
    assert (content, file.size) == (b"Step 1\nStep 2\n", 14)


async def test_a_devin_that_is_away_takes_no_write(devin: Devin, sandbox: DevinSandbox) -> None:
    """Nothing was sent, so each may be tried again."""
    await sandbox.go_offline()
    away = Wait("connection refused")
    assert await devin.create("Fix the build", Options(), "relay-1") == away
    assert await devin.end(ID) == away
    if not devin.is_legacy:
        assert await devin.archive(ID) == away
    assert await devin.upload(OutgoingFile("a", "text/plain", chunks(), None)) == away
