"""What version 3 tells beside sessions: members, reviews, children, and sessions of others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from bot.devin.api import Devin, Unread
from bot.devin.opening import open_devin
from bot.devin.v3.client import is_same_address
from bot.model.options import Options
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.model.sessions import NamedSession, Review, SessionId
from sandbox import DevinSandbox
from sandbox.devin.organization import Member
from sandbox.devin.sessions import NewSession
from tests.support.desk import SESSION
from tests.support.tables import each

PULL_REQUEST = "https://github.com/acme/relay/pull/7"
IMPERSONATE = "ImpersonateOrgSessions"


@pytest.fixture
async def sandbox() -> AsyncIterator[DevinSandbox]:
    async with DevinSandbox() as sandbox:
        sandbox.add_session(SESSION)
        yield sandbox


@pytest.fixture
async def client(sandbox: DevinSandbox) -> AsyncIterator[Devin]:
    async with open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 1) as client:
        yield client


@pytest.mark.parametrize("by_group", [False, True])
async def test_a_member_is_found_by_the_exact_address(
    sandbox: DevinSandbox, client: Devin, *, by_group: bool
) -> None:
    """Be the membership direct or by a group; two of one address are nobody."""
    ada = sandbox.members.add("ada@acme.example", by_group=by_group)
    assert await client.member("ada@acme.example") == ada
    assert await client.member("da@acme.example") is None
    sandbox.members.remove("ada@acme.example")
    assert await client.member("ada@acme.example") is None
    sandbox.members.all += [
        Member("user-1", "ada@acme.example", "ada"),
        Member("user-2", "ada@acme.example", "ada", by_group=True),
    ]
    assert await client.member("ada@acme.example") is None


@each(
    ("one", "other", "is_same"),
    [
        ("Ada@Acme.example", "ada@acme.example", True),
        ("stra\u00dfe@acme.example", "strasse@acme.example", False),
        ("\u212aim@acme.example", "kim@acme.example", False),
        ("zo\u00eb@acme.example", "zo\u00eb@acme.example", True),
    ],
)
def test_only_the_case_of_ascii_is_nothing(one: str, other: str, *, is_same: bool) -> None:
    """Other letters that fold into each other may be of two people."""
    assert is_same_address(one, other) is is_same


async def test_a_failed_look_up_says_nothing_of_a_member(
    sandbox: DevinSandbox, client: Devin
) -> None:
    """Neither list may fail; one may not be there, in neither version."""
    ada = sandbox.members.add("ada@acme.example", by_group=True)
    sandbox.read_failures["members"] = [503]
    assert await client.member("ada@acme.example") == Unread(503)
    sandbox.read_failures["members"] = [404]
    assert await client.member("ada@acme.example") == ada
    sandbox.permissions.remove("ViewOrgMembership")
    assert await client.member("ada@acme.example") == Unread(403)


async def test_messages_and_sessions_are_a_members(sandbox: DevinSandbox, client: Devin) -> None:
    """Only with the permission to act as others, and only of members."""
    ada = sandbox.members.add("ada@acme.example")
    session = SessionId(SESSION)
    refused = await client.post_message(session, "hi", as_user=ada)
    assert isinstance(refused, Outcome)
    assert refused.refusal is Refusal.FORBIDDEN
    sandbox.permissions.add(IMPERSONATE)
    taken = await client.post_message(session, "hi", as_user=ada)
    assert isinstance(taken, Outcome)
    assert taken.kind is OutcomeKind.DELIVERED
    assert sandbox.requests[-1].body == {"message": "hi", "message_as_user_id": ada}
    made = await client.create("Fix it", Options(), "relay-1", as_user=ada)
    assert isinstance(made, NamedSession)
    assert sandbox.session(made.session).body["create_as_user_id"] == ada
    assert not isinstance(await client.create("x", Options(), "y", as_user="user-1"), NamedSession)


async def test_a_review_is_asked_for_and_read(sandbox: DevinSandbox, client: Devin) -> None:
    """One that is under way is not asked for twice; each commit has its own."""
    assert await client.review(PULL_REQUEST) is None
    asked = await client.ask_review(PULL_REQUEST)
    assert isinstance(asked, Review)
    assert not asked.is_over
    assert await client.ask_review(PULL_REQUEST) is None
    sandbox.reviews.enter(PULL_REQUEST, "completed")
    found = await client.review(PULL_REQUEST, asked.commit)
    assert found == Review(asked.commit, "completed")
    assert found.is_over
    sandbox.reviews.push(PULL_REQUEST)
    assert await client.review(PULL_REQUEST) is None
    sandbox.permissions.remove("UseReviewManual")
    refused = await client.ask_review(PULL_REQUEST)
    assert isinstance(refused, Outcome)
    assert refused.refusal is Refusal.FORBIDDEN
    assert await client.review(PULL_REQUEST) == Unread(403)


async def test_sessions_of_others_are_found_by_what_they_have(
    sandbox: DevinSandbox, client: Devin
) -> None:
    """By tag, repository or origin, and since a time; and children by their parent."""
    since = sandbox.sessions[SESSION].created_at - timedelta(seconds=1)
    nightly = NewSession("Nightly", "", ("oncall",), body={"repos": ["acme/api"]})
    first = SessionId(sandbox.appear(nightly).session_id)
    other = SessionId(sandbox.appear(NewSession("Other", "", ()), origin="webapp").session_id)
    child = SessionId(sandbox.appear(NewSession("Child", "", ()), parent=SESSION).session_id)

    async def ids(
        tags: list[str], repos: list[str], origins: list[str], at: datetime = since
    ) -> list[SessionId]:
        found = await client.matching(tags, repos, origins, at)
        assert not isinstance(found, Unread)
        return [one.session for one in found]

    assert await ids(["oncall"], [], []) == [first]
    assert await ids([], ["acme/api"], []) == [first]
    assert await ids([], [], ["automation"]) == [first]
    assert set(await ids([], [], ["webapp"])) == {SESSION, other, child}
    assert await ids(["oncall"], [], [], at=since + timedelta(minutes=5)) == []
    made = [sandbox.appear(NewSession("Many", "", ("many",))).session_id for _ in range(201)]
    assert set(await ids(["many"], [], [])) == set(made)
    survey = await client.survey([SessionId(SESSION), child])
    assert not isinstance(survey, Unread)
    assert survey.found[SessionId(SESSION)].children == (child,)
    assert survey.found[child].parent == SESSION
    sandbox.read_failures["sessions"] = [503]
    assert await client.matching(["oncall"], [], [], since) == Unread(503)


async def test_version_1_has_none_of_it() -> None:
    """And Devin is not asked."""
    async with (
        DevinSandbox(api="v1") as sandbox,
        open_devin(sandbox.url, SecretStr(sandbox.api_key), None, 1) as client,
    ):
        assert client.is_legacy
        for found in (
            await client.member("ada@acme.example"),
            await client.review(PULL_REQUEST),
            await client.matching([], [], [], datetime.now(UTC)),
        ):
            assert isinstance(found, Unread)
            assert found.is_forbidden
        assert isinstance(await client.ask_review(PULL_REQUEST), Outcome)
        assert sandbox.strays == []
