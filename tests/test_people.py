"""Who somebody is, asked of Slack over a real socket: rarely, and never taken on trust."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.markup import Mentioned
from bot.models import Person, UserId
from bot.people import People
from sandbox import Sandbox
from tests.slack_apps import serving, web_client
from tests.waiting import wait_until

TEAM = "T0SANDBOX"
ADA = UserId("U0ADA00000")
BEN = UserId("U0BEN00000")


@pytest.fixture
def people(box: Sandbox) -> People:
    """The people of the sandbox's Slack."""
    return People(web_client(box.slack), box.slack.team_id, None)


def asked(box: Sandbox, method: str) -> list[dict[str, Any]]:
    """The parameters of each call of a method."""
    return [one.params for one in box.slack.calls if one.method == method]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("ada", Person(id=ADA, name="ada")),
        ("ben", Person(id=BEN, name="Ben Franklin")),
        ("gus", Person(id=UserId("U0GUS00000"), name="gus", is_guest=True)),
        ("una", Person(id=UserId("U0UNA00000"), name="una", is_guest=True)),
        ("eve", Person(id=UserId("U0EVE00000"), name="eve", is_external=True)),
        ("bolt-ci", Person(id=UserId("U0BOLTCI00"), name="Bolt CI", is_bot=True)),
    ],
)
async def test_everybody_is_told_apart(
    box: Sandbox, people: People, user: str, expected: Person
) -> None:
    """Members, both kinds of guests, people from outside, and bots."""
    assert await people.person(UserId(box.slack.workspace.user(user).id)) == expected


async def test_an_answer_is_remembered(box: Sandbox, people: People) -> None:
    """Slack is asked once for each person."""
    for _ in range(3):
        await people.person(ADA)
        await people.person(BEN)
    assert [one["user"] for one in asked(box, "users.info")] == [ADA, BEN]


async def test_many_who_ask_at_once_ask_one_question(box: Sandbox, people: People) -> None:
    """A burst of one person's replies makes one call, and different people do not wait in line."""
    over = asyncio.Event()
    box.slack.fail_next("users.info", until=over, times=2)
    asking = [asyncio.create_task(people.person(who)) for who in [ADA, BEN] * 50]
    await wait_until(lambda: len(box.slack.calls) == 2, "both are asked for")
    assert not any(one.done() for one in asking)
    over.set()
    assert {one.name for one in await asyncio.gather(*asking)} == {"ada", "Ben Franklin"}
    assert len(asked(box, "users.info")) == 2


async def test_whoever_stops_waiting_leaves_the_question_to_the_others(
    box: Sandbox, people: People
) -> None:
    """A cancelled request does not take the answer away from those who asked with it."""
    over = asyncio.Event()
    box.slack.fail_next("users.info", until=over)
    first, second = (asyncio.create_task(people.person(ADA)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    over.set()
    assert (await second).name == "ada"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(asked(box, "users.info")) == 1


async def test_a_single_failure_is_asked_again_at_once(box: Sandbox, people: People) -> None:
    """A passing error of Slack's does not make a stranger of a member."""
    box.slack.fail_next("users.info", status=503)
    assert (await people.person(ADA)).is_known
    assert len(asked(box, "users.info")) == 2


@pytest.mark.parametrize(
    ("failure", "calls"),
    [({"status": 500}, 2), ({"retry_after": 30}, 2), ({"error": "user_not_found"}, 1)],
)
async def test_a_failure_is_kept_for_a_moment(
    box: Sandbox, people: People, failure: dict[str, Any], calls: int
) -> None:
    """Asked twice at most, and not once more for each reply; what Slack refuses is final."""
    box.slack.fail_next("users.info", times=9, **failure)
    for _ in range(5):
        assert await people.person(ADA) == Person.unknown(ADA)
    assert len(asked(box, "users.info")) == calls


async def test_a_slack_that_hangs_is_given_up_in_time(box: Sandbox, people: People) -> None:
    """Within Slack's 3 s for an acknowledgement."""
    box.slack.fail_next("users.info", delay=9, times=2)
    async with asyncio.timeout(3):
        assert not (await people.person(ADA)).is_known


async def test_names_of_what_a_text_mentions(box: Sandbox, people: People) -> None:
    """All groups come with one call; what Slack does not say is left out."""
    mentioned = Mentioned(
        users=frozenset({ADA, "U0NOBODY00"}),
        channels=frozenset({"C0RANDOM00", "C0NOWHERE0", "D0ADADM000"}),
        groups=frozenset({"S0ONCALL00", "S0NOBODY00"}),
    )
    for _ in range(2):
        names = await people.names(mentioned)
        assert names.users == {ADA: "ada"}
        assert names.channels == {"C0RANDOM00": "random", "D0ADADM000": "D0ADADM000"}
        assert names.groups == {"S0ONCALL00": "oncall"}
    assert len(asked(box, "usergroups.list")) == 1
    assert len(asked(box, "conversations.info")) == 3


async def test_without_mentions_nothing_is_asked(box: Sandbox, people: People) -> None:
    """Most replies mention nobody."""
    calls = len(box.slack.calls)
    await people.names(Mentioned(frozenset(), frozenset(), frozenset()))
    assert len(box.slack.calls) == calls


async def test_groups_that_cannot_be_read_are_left_out(box: Sandbox, people: People) -> None:
    """An app without `usergroups:read` still relays."""
    box.slack.scopes = [one for one in box.slack.scopes if one != "usergroups:read"]
    names = await people.names(Mentioned(frozenset(), frozenset(), frozenset({"S0ONCALL00"})))
    assert names.groups == {}


# What the sandbox's workspace has not: Enterprise Grid, and answers with parts missing.


@asynccontextmanager
async def answering(user: Any, enterprise: str | None = None) -> AsyncIterator[People]:
    """People whom Slack describes as `user`, for an app in `TEAM` of `enterprise`."""

    async def info(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "user": user})

    app = web.Application()
    app.router.add_route("*", "/api/users.info", info)
    async with serving(app) as url:
        client = AsyncWebClient("xoxb-x", base_url=f"{url}/api/", retry_handlers=[])
        yield People(client, TEAM, enterprise)


def member(**changes: Any) -> dict[str, Any]:
    """A user object of a full member; `changes` replaces fields, and None leaves one out."""
    user = {
        "id": ADA,
        "team_id": TEAM,
        "name": "ada",
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
    }
    return {key: value for key, value in {**user, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("user", "is_known"),
    [
        (member(), True),
        (member(team_id=None), False),
        (member(team_id=""), False),
        (member(is_restricted=None), False),
        (member(is_ultra_restricted=None), False),
        (member(is_restricted="no"), False),
        (member(is_restricted=0), False),
        (member(deleted=True), False),
        ({}, False),
        (None, False),
        ([], False),
        ("ada", False),
    ],
    ids=repr,
)
async def test_who_is_not_wholly_described_is_not_known(user: Any, is_known: bool) -> None:  # noqa: FBT001  (a column)
    """A missing flag is no `false`: it could be the one that says guest."""
    async with answering(user) as people:
        assert (await people.person(ADA)).is_known is is_known


@pytest.mark.parametrize(
    ("user", "ours", "is_external"),
    [
        (member(), None, False),
        (member(team_id="T2"), None, True),
        (member(team_id="T2", is_stranger=False), None, True),
        (member(team_id="T2", enterprise_user={"enterprise_id": "E1"}), "E1", False),
        (member(team_id="T2", enterprise_user={"enterprise_id": "E2"}), "E1", True),
        (member(team_id="T2", enterprise_user={"enterprise_id": "E1"}), None, True),
        (member(team_id="T2", enterprise_user={}), "E1", True),
        (member(team_id="T2", enterprise_user="E1"), "E1", True),
        (member(team_id="T2", enterprise_user={"enterprise_id": None}), None, True),
    ],
    ids=repr,
)
async def test_who_is_at_home(user: Any, ours: str | None, is_external: bool) -> None:  # noqa: FBT001  (a column)
    """The same workspace, or on Enterprise Grid another one of the same organisation."""
    async with answering(user, ours) as people:
        assert (await people.person(ADA)).is_external is is_external


async def test_an_outsider_is_known_without_roles(people: People) -> None:
    """Slack tells no roles of people of other organisations: they are outsiders, not unknown."""
    outsider = member(team_id="T2", is_restricted=None, is_ultra_restricted=None)
    async with answering(outsider) as described:
        person = await described.person(ADA)
    assert person.is_known
    assert person.is_external


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (member(profile={"display_name": "lovelace", "real_name": "Ada L"}), "lovelace"),
        (member(profile={"display_name": "", "real_name": "Ada L"}), "Ada L"),
        (member(profile={"display_name": " ", "real_name": None}, real_name="A. L."), "A. L."),
        (member(profile={}), "ada"),
        (member(profile=None), "ada"),
        (member(profile=["x"]), "ada"),
        (member(profile={"display_name": 5}), "ada"),
        (member(name=""), ADA),
        (member(name=None), ADA),
        (member(name="a\nda"), "a da"),
    ],
    ids=repr,
)
async def test_the_name_people_see_comes_first(user: Any, name: str) -> None:
    """Display name, real name, user name, and at last the id."""
    async with answering(user) as people:
        assert (await people.person(ADA)).name == name
