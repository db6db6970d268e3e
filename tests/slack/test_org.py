"""In an organization, all of its workspaces are home, and methods that want one are told each."""

import asyncio
import logging
from contextlib import suppress

import pytest

from bot.app import Bot
from bot.doctor import findings
from bot.model.errors import NotAllowed, NotIdentified
from bot.model.people import Standing, UserId
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import calls_key, known_key
from bot.settings import Settings, load_settings
from bot.slack.api import SlackClient
from bot.slack.people import GROUP_MEMBERS, workspaces_of
from bot.slack.permissions import Permissions
from bot.wording import refusals
from sandbox import Sandbox
from sandbox.slack.world.workspace import HARBOR_ID, OTHER_TEAM_ID, TEAM_ID
from tests.support.desk import Desk, running
from tests.support.known import channels_of, people_of
from tests.support.slack_apps import web_client
from tests.support.waiting import wait_until


@pytest.fixture
def is_org() -> bool:
    """The bot is installed to an organization of two workspaces."""
    return True


async def test_whoever_is_of_the_organization_is_at_home(
    box: Sandbox, store: Store, environ: dict[str, str]
) -> None:
    """Guests and people of other organizations stay what they are; a bot's home may be any."""
    people = people_of(box, store)
    allow = Permissions(load_settings(environ, None), people)
    expected = {
        "ada": Standing.ALLOWED,
        "ben": Standing.ALLOWED,
        "gus": Standing.GUEST,
        "eve": Standing.EXTERNAL,
    }
    found = {
        name: await allow.of(UserId(box.slack.workspace.user(name).id), None) for name in expected
    }
    assert found == expected
    at_home = [await people.is_home(one) for one in (box.slack.team_id, TEAM_ID, HARBOR_ID)]
    assert at_home == [True] * 3
    assert not await people.is_home(OTHER_TEAM_ID)
    assert not await people.is_home("E0OTHER000")
    await box.slack.revoke(HARBOR_ID)
    await people.forget_workspaces()
    assert not await people.is_home(HARBOR_ID)


async def test_workspaces_that_were_asked_for_before_a_change_are_not_kept(
    box: Sandbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack's answer is under way while its event comes."""
    people, asked, answers = people_of(box, store), asyncio.Event(), asyncio.Event()

    async def listed(client: SlackClient) -> dict[str, str]:
        found = await workspaces_of(client)
        asked.set()
        await answers.wait()
        return found

    monkeypatch.setattr("bot.slack.people.workspaces_of", listed)
    asking = asyncio.create_task(people.is_home(HARBOR_ID))
    await asked.wait()
    await box.slack.revoke(HARBOR_ID)
    forgetting = asyncio.create_task(people.forget_workspaces())
    await asyncio.wait({forgetting}, timeout=0.2)
    answers.set()
    await asyncio.gather(forgetting, asking)
    assert not await people.is_home(HARBOR_ID)


async def test_a_public_channel_is_seen_by_its_workspaces(box: Sandbox, store: Store) -> None:
    """A member of one workspace does not see what only another one has."""
    people, channels = people_of(box, store), channels_of(web_client(box.slack), store)
    ben = await people.person(UserId(box.slack.workspace.user("ben").id))
    random = box.slack.workspace.channel("random")
    assert random.kind == "channel"
    random.members = [one for one in random.members if one != ben.id]
    seen = {
        name: await channels.includes(ben, box.slack.workspace.channel(name).id)
        for name in ("general", "harbor", "random")
    }
    assert seen == {"general": True, "harbor": True, "random": False}


async def test_groups_and_bots_are_found_in_any_workspace(box: Sandbox, store: Store) -> None:
    """The groups of all workspaces have names and members, and a bot has its name."""
    people = people_of(box, store)
    groups = {one.handle: one.id for one in box.slack.workspace.usergroups.values()}
    names = await people.names(frozenset(("usergroup", id_) for id_ in groups.values()))
    assert sorted(names.values()) == sorted(groups)
    assert await people.members(groups["dock"]) == {box.slack.workspace.user("ben").id}
    place = ThreadRef(team=box.slack.team_id, channel="C0GENERAL0", thread_ts="1764000000.000100")
    bot = Reply(
        thread=place, ts="1764000001.000100", author=UserId("B0BOLTCI00"), bots=("B0BOLTCI00",)
    )
    assert (await people.called(bot, frozenset())).author == "Bolt CI"
    asked = [one.params["team_id"] for one in box.slack.calls if one.method == "bots.info"]
    assert asked[0] == box.slack.team_id, "the organization may answer for all workspaces"


async def test_a_search_for_a_group_goes_on_where_it_stopped(box: Sandbox, store: Store) -> None:
    """So it comes to an end, however many workspaces there are to ask."""
    box.slack.fail_next(GROUP_MEMBERS, error="no_such_subteam")
    box.slack.fail_next(GROUP_MEMBERS, status=500, times=2)
    dock = box.slack.workspace.usergroups["dock"].id
    with pytest.raises(NotIdentified):
        await people_of(box, store).members(dock)
    assert await people_of(box, store).members(dock) == {box.slack.workspace.user("ben").id}
    asked = [one.params["team_id"] for one in box.slack.calls if one.method == GROUP_MEMBERS]
    assert asked == [TEAM_ID, HARBOR_ID, HARBOR_ID, HARBOR_ID]


def in_many(box: Sandbox, workspaces: int) -> str:
    """Let the organization have so many workspaces, the last of which has the group returned."""
    space = box.slack.workspace
    assert space.org is not None
    more = [f"T0MANY{number:04d}" for number in range(workspaces - len(space.org.teams))]
    space.org.teams.update({team: team.lower() for team in more})
    space.org.granted = [*space.org.granted, *more]
    space.usergroups["dock"].team_id = more[-1]
    return space.usergroups["dock"].id


@pytest.mark.parametrize("workspaces", [30, 100])
async def test_a_group_is_found_once_in_a_large_organization(
    box: Sandbox, store: Store, workspaces: int
) -> None:
    """Each workspace is asked once, as fast as Slack allows; from then on, only the group's own."""
    dock, ben = in_many(box, workspaces), box.slack.workspace.user("ben").id
    box.slack.limit_calls(GROUP_MEMBERS, 20, 60.0)
    minutes, found = 0, frozenset[UserId]()
    while not found and minutes < workspaces:
        minutes += 1
        box.slack.fail_no_more(GROUP_MEMBERS)
        await store.delete(calls_key(GROUP_MEMBERS))  # a minute is over
        with suppress(NotIdentified):
            found = await people_of(box, store).members(dock)
    assert found == {ben}
    assert minutes == -(-workspaces // 18)
    asked = [one.params["team_id"] for one in box.slack.calls if one.method == GROUP_MEMBERS]
    assert len(asked) == len(set(asked)) == workspaces
    await store.delete(known_key(GROUP_MEMBERS, f"{dock}@{asked[-1]}"))  # four minutes are over
    assert await people_of(box, store).members(dock) == {ben}
    again = [one.params["team_id"] for one in box.slack.calls if one.method == GROUP_MEMBERS]
    assert again[workspaces:] == asked[-1:]


@pytest.mark.parametrize("workspaces", [30, 100])
async def test_whoever_starts_while_a_group_is_looked_for_is_told_at_once(
    box: Sandbox, environ: dict[str, str], desk: Desk, workspaces: int
) -> None:
    """They were not missed: the relay couldn't check who they are. Soon it can."""
    dock = in_many(box, workspaces)
    box.slack.limit_calls(GROUP_MEMBERS, 20, 60.0)
    async with running(desk, environ, ALLOW_STARTERS=dock):
        await desk.mention("start Fix the login", user="ben")
        await desk.until_whispered(refusals.sorry(NotAllowed(Standing.UNKNOWN)), "ben")
        await desk.until_heard()
    assert not [one for one in desk.devin.sessions.values() if one.origin == "api"]


async def test_doctor_lists_the_workspaces(box: Sandbox, settings: Settings) -> None:
    """Without one, the app hears nothing, and Slack says so nowhere else."""
    dock = box.slack.workspace.usergroups["dock"].id
    settings = settings.model_copy(update={"allow_starters": frozenset({dock})})

    async def told() -> list[str]:
        found = [one async for one in findings(settings)]
        return [one.says for one in found if one.what in {"Slack workspaces", "Slack user groups"}]

    added = f"added to 2: Sandbox ({TEAM_ID}), Harbor ({HARBOR_ID})"
    assert await told() == [
        f"installed to the organization {box.slack.team_id}, and {added}",
        f"{dock} in ALLOW_STARTERS has 1 member",
    ]
    await box.slack.revoke(TEAM_ID, HARBOR_ID)
    nowhere, unread = await told()
    assert nowhere.endswith("but to none of its workspaces")
    assert unread.endswith("team_access_not_granted), so it allows nobody")
    box.slack.fail_next("auth.teams.list", status=503)
    (unlisted,) = await told()
    assert unlisted.startswith("can't be listed")


async def test_access_to_a_workspace_is_logged(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody else tells the operator which workspaces the app was added to."""
    caplog.set_level(logging.INFO)
    await desk.slack.revoke(HARBOR_ID)
    await wait_until(lambda: "workspace access revoked" in caplog.messages, "it is logged")
    await desk.slack.grant(HARBOR_ID)
    await wait_until(lambda: "workspace access granted" in caplog.messages, "it is logged")
    told = [vars(one)["teams"] for one in caplog.records if one.msg.startswith("workspace access")]
    assert told == [HARBOR_ID] * 2
