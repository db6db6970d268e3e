"""Devin's API through its Protocol, against the sandbox's Devin over a real socket."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from bot.devin.api import (
    Cursor,
    Devin,
    MessagePage,
    OutgoingFile,
    SessionSummary,
    Source,
    Unread,
)
from bot.devin.v1.client import open_devin
from bot.model.outcomes import Outcome, OutcomeKind, Wait
from bot.model.sessions import SessionId, SessionState
from sandbox import DevinSandbox
from tests.support.desk import OTHER_SESSION, SESSION
from tests.support.raw_http import answering, client, serving, whole

NOW = timedelta(0)
ID, OTHER = SessionId(SESSION), SessionId(OTHER_SESSION)


@pytest.fixture
async def sandbox() -> AsyncIterator[DevinSandbox]:
    async with DevinSandbox() as running:
        running.add_session(SESSION, title="Fix the build")
        yield running


@pytest.fixture
async def devin(sandbox: DevinSandbox) -> AsyncIterator[Devin]:
    async with open_devin(sandbox.url, SecretStr(sandbox.api_key), 4) as opened:
        yield opened


async def page(devin: Devin, after: Cursor | None = None, behind: timedelta = NOW) -> MessagePage:
    """The messages of the session, by a clock that is that much behind."""
    found = await devin.messages(ID, after, lambda: datetime.now(UTC) - behind)
    assert isinstance(found, MessagePage)
    return found


async def test_messages_are_read_on_from_a_cursor(devin: Devin, sandbox: DevinSandbox) -> None:
    """The first page has all of them, the next what was written since, the one after none."""
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
    assert [one.text for one in second.messages] == ["And pushed."]
    third = await page(devin, second.cursor)
    assert (third.messages, third.cursor) == ([], second.cursor)


async def test_a_session_without_messages_has_no_cursor(devin: Devin) -> None:
    """Reading on from there is reading from the start."""
    found = await page(devin)
    assert (found.messages, found.cursor) == ([], None)


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
async def test_a_page_tells_how_far_devin_s_clock_is_ahead(
    devin: Devin, sandbox: DevinSandbox, ahead: float
) -> None:
    """Of the clock that it is compared with, to a second or so."""
    sandbox.clock.ahead = ahead
    found = await page(devin)
    assert abs(found.skew.total_seconds() - ahead) < 5
    hour = timedelta(hours=1)
    found = await page(devin, behind=hour)
    assert abs((found.skew - hour).total_seconds() - ahead) < 5


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
async def test_a_read_that_fails_keeps_the_status(status: str, *, is_passing: bool) -> None:
    """Also a 200 whose body is no record; only a limit and a failing server pass."""
    async with serving(answering(whole(status, b"[]"))) as server, client(server.url) as devin:
        for found in (await devin.messages(ID), await devin.recent(5)):
            assert found == Unread(int(status[:3]))
            assert found.is_passing is is_passing


async def test_the_states_of_several_sessions_are_read_at_once(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """In the order that was asked; one that Devin does not know is left out."""
    sandbox.add_session(OTHER_SESSION, "suspended", title="Old dashboard")
    found = await devin.states([OTHER, SessionId("devin-404"), ID])
    assert [(one.session, one.title, one.state) for one in found] == [
        (OTHER, "Old dashboard", SessionState.SUSPENDED),
        (ID, "Fix the build", SessionState.WORKING),
    ]
    assert all(one.updated_at for one in found)


async def test_a_state_follows_the_latest_message(devin: Devin, sandbox: DevinSandbox) -> None:
    """`updated_at` tells whether there is something new."""
    sandbox.say(SESSION, "Rebased.")
    (before,) = await devin.states([ID])
    sandbox.say(SESSION, "And pushed.")
    (after,) = await devin.states([ID])
    assert before.updated_at is not None
    assert after.updated_at is not None
    assert before.updated_at < after.updated_at


async def test_the_latest_sessions_are_listed_whatever_their_state(
    devin: Devin, sandbox: DevinSandbox
) -> None:
    """The latest first, no more than asked for."""
    sandbox.add_session(OTHER_SESSION, "finished", title="Done")
    found = await devin.recent(5)
    assert not isinstance(found, Unread)
    assert [(one.session, one.title, one.state) for one in found] == [
        (OTHER, "Done", SessionState.FINISHED),
        (ID, "Fix the build", SessionState.WORKING),
    ]
    assert await devin.recent(1) == found[:1]


async def test_a_list_that_is_longer_than_asked_for_is_cut() -> None:
    """A Devin that ignores the limit does not flood its caller."""
    sessions = b'{"sessions": [{"session_id": "devin-1"}, {"session_id": "devin-2"}]}'
    async with serving(answering(whole("200 OK", sessions))) as server, client(server.url) as api:
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


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (413, Outcome(kind=OutcomeKind.REFUSED, status=413)),
        (429, Wait("HTTP 429")),
        (503, Wait("HTTP 503")),
    ],
)
async def test_an_upload_that_fails_says_whether_it_may_be_made_again(
    devin: Devin, sandbox: DevinSandbox, status: int, expected: Outcome | Wait
) -> None:
    """Refused for good, or not now."""
    sandbox.upload_failures.append(status)
    assert await devin.upload(OutgoingFile("a", "text/plain", chunks(), None)) == expected
