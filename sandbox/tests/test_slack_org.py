"""The local Slack as an organization of two workspaces, to all of which the app is installed."""

from collections.abc import AsyncIterator

import pytest

from sandbox.slack.server import SlackSandbox
from sandbox.slack.transport.http_events import encode
from sandbox.slack.world.workspace import HARBOR_ID, OTHER_TEAM_ID, TEAM_ID
from tests.support.slack_apps import BUTTONS, JSON, MODAL, refusal, web_client

ORG = "E0SANDBOX"


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(transport="http", retry_delays=(), org=True) as slack:
        yield slack


async def payload_of(slack: SlackSandbox, kind: str) -> JSON:
    """Return the newest payload of a kind; nobody takes them here."""
    found = [one for one in slack.deliveries if one.kind == kind]
    return (await found[-1].settled()).payload


async def test_the_token_is_the_organizations(slack: SlackSandbox) -> None:
    """`auth.test` names the enterprise and no workspace; `auth.teams.list` has the workspaces."""
    client = web_client(slack)
    answer = await client.auth_test()
    told = [answer[name] for name in ("enterprise_id", "is_enterprise_install", "team_id")]
    assert told == [ORG, True, None]
    assert slack.team_id == ORG
    first = await client.auth_teams_list(limit=1)
    more = first["response_metadata"]["next_cursor"]
    rest = await client.auth_teams_list(cursor=more)
    teams = [*first["teams"], *rest["teams"]]
    assert teams == [{"id": TEAM_ID, "name": "Sandbox"}, {"id": HARBOR_ID, "name": "Harbor"}]


async def test_some_methods_must_be_told_the_workspace(slack: SlackSandbox) -> None:
    """Each answers for one workspace, and for none that the app was not added to."""
    client = web_client(slack)
    (dock,) = (await client.usergroups_list(team_id=HARBOR_ID))["usergroups"]
    asked = {
        "usergroups.list": {},
        "usergroups.users.list": {"usergroup": dock["id"]},
        "bots.info": {"bot": slack.bot_id},
    }
    for method, params in asked.items():
        assert await refusal(client.api_call(method, params=params)) == "missing_argument"
        call = client.api_call(method, params=params | {"team_id": HARBOR_ID})
        assert (await call)["ok"]
        elsewhere = client.api_call(method, params=params | {"team_id": OTHER_TEAM_ID})
        assert await refusal(elsewhere) == "team_access_not_granted"
    members = client.usergroups_users_list(usergroup=dock["id"], team_id=TEAM_ID)
    assert await refusal(members) == "no_such_subteam"
    foreign = client.bots_info(bot="B0BOLTCI00", team_id=HARBOR_ID)
    assert await refusal(foreign) == "bot_not_found"


async def test_people_and_channels_are_of_the_organization(slack: SlackSandbox) -> None:
    """A channel of two workspaces is shared with nobody outside, and outsiders have no teams."""
    client, workspace = web_client(slack), slack.workspace
    ben = (await client.users_info(user=workspace.user("ben").id))["user"]
    assert "team_id" not in ben
    assert ben["enterprise_user"]["enterprise_id"] == ORG
    assert ben["enterprise_user"]["teams"] == [HARBOR_ID]
    eve = (await client.users_info(user=workspace.user("eve").id))["user"]
    assert (eve["team_id"], "enterprise_user" in eve) == (OTHER_TEAM_ID, False)
    facts = "is_shared", "is_org_shared", "is_ext_shared", "internal_team_ids"
    told = {
        "general": [True, True, False, [TEAM_ID, HARBOR_ID]],
        "harbor": [False, False, False, []],
        "shared": [True, False, True, []],
    }
    for name, expected in told.items():
        channel = workspace.channel(name).id
        shown = (await client.conversations_info(channel=channel))["channel"]
        assert [shown[fact] for fact in facts] == expected


async def test_an_event_names_the_workspace_of_its_person(slack: SlackSandbox) -> None:
    """It is for the whole organization, whichever workspace a person is signed in to."""
    for user, team in (("ada", TEAM_ID), ("ben", HARBOR_ID)):
        await slack.say("Hello", user=user)
        body = await payload_of(slack, "events_api")
        assert (body["team_id"], body["enterprise_id"]) == (team, ORG)
        assert (body["event"]["team"], body["event"]["user_team"]) == (team, ORG)
        (authorized,) = body["authorizations"]
        assert (authorized["team_id"], authorized["is_enterprise_install"]) == (None, True)
    slack.switch("ada", HARBOR_ID)
    await slack.open_home("ada")
    assert (await payload_of(slack, "events_api"))["team_id"] == HARBOR_ID
    with pytest.raises(ValueError, match="isn't in the workspace"):
        slack.switch("ben", TEAM_ID)


async def test_an_interaction_names_no_workspace(slack: SlackSandbox) -> None:
    """Buttons, shortcuts and forms name the enterprise alone; a command has texts, as forms do."""
    client, general = web_client(slack), slack.workspace.channel("general").id
    ts = (await client.chat_postMessage(channel=general, text="x", blocks=BUTTONS))["ts"]
    await slack.press("resend", channel="general", message_ts=ts, user="ben")
    pressed = await payload_of(slack, "interactive")
    assert (pressed["team"], pressed["is_enterprise_install"]) == (None, True)
    assert (pressed["enterprise"]["id"], pressed["user"]["team_id"]) == (ORG, HARBOR_ID)
    await client.views_open(trigger_id=pressed["trigger_id"], view=MODAL)
    (view,) = slack.open_views("ben")
    assert (view["team_id"], view["app_installed_team_id"]) == (TEAM_ID, ORG)
    await slack.slash("/devin-say", "x", user="ben")
    command = next(one for one in slack.deliveries if one.kind == "slash_commands")
    sent = command.payload
    assert (sent["team_id"], sent["team_domain"]) == (HARBOR_ID, "harbor")
    assert (sent["enterprise_id"], sent["enterprise_name"]) == (ORG, "Sandbox Group")
    assert b"is_enterprise_install=true" in encode(command)[0]


async def test_access_to_a_workspace_is_revoked_and_granted(slack: SlackSandbox) -> None:
    """The events are of no workspace; meanwhile its channels are out of reach, and silent."""
    client, harbor = web_client(slack), slack.workspace.channel("harbor").id
    await slack.revoke(HARBOR_ID)
    body = await payload_of(slack, "events_api")
    assert body["event"]["type"] == "team_access_revoked"
    assert body["event"]["team_ids"] == [HARBOR_ID]
    assert (body["enterprise_id"], "team_id" in body, "authorizations" in body) == (
        ORG,
        False,
        False,
    )
    posting = client.chat_postMessage(channel=harbor, text="x")
    assert await refusal(posting) == "team_access_not_granted"
    assert len((await client.auth_teams_list())["teams"]) == 1
    with pytest.raises(ValueError, match="isn't in Ben"):
        await slack.slash("/devin-say", "x", user="ben")
    await slack.say("Unheard", channel="harbor")
    assert (await payload_of(slack, "events_api"))["event"]["type"] == "team_access_revoked"
    with pytest.raises(ValueError, match="no workspace"):
        await slack.grant(OTHER_TEAM_ID)
    await slack.grant(HARBOR_ID)
    assert (await client.chat_postMessage(channel=harbor, text="x"))["ok"]


async def test_on_grid_an_app_may_be_installed_to_one_workspace(slack: SlackSandbox) -> None:
    """Then everything names this workspace, and the enterprise beside it."""
    assert slack.workspace.org is not None
    slack.workspace.org.is_installed = False
    client = web_client(slack)
    answer = await client.auth_test()
    told = [answer[name] for name in ("enterprise_id", "is_enterprise_install", "team_id")]
    assert told == [ORG, False, TEAM_ID]
    assert (await client.usergroups_list())["ok"]
    await slack.say("Hello", user="ben")
    body = await payload_of(slack, "events_api")
    assert (body["team_id"], body["authorizations"][0]["team_id"]) == (TEAM_ID, TEAM_ID)
    await slack.global_shortcut("start_session")
    interaction = await payload_of(slack, "interactive")
    assert (interaction["team"]["id"], interaction["team"]["enterprise_id"]) == (TEAM_ID, ORG)
