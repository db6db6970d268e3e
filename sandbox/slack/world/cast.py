"""The people, bots and channels of the local Slack, one of every kind the relay distinguishes."""

from sandbox.slack.world.workspace import (
    HARBOR_ID,
    OTHER_TEAM_ID,
    TEAM_ID,
    Channel,
    Org,
    User,
    UserGroup,
    Workspace,
)

APP_ID = "A0RELAY000"
RELAY = "devin-relay"
"""The short name of the app's own bot user."""


def known_workspace() -> Workspace:
    """Return a workspace with the whole cast and no messages."""
    workspace = Workspace()
    for user in _people() + _bots():
        workspace.add_user(user)
    for channel in _channels():
        workspace.add_channel(channel)
    workspace.add_usergroup(UserGroup("oncall", "On-call engineers", ["ada", "ben"]))
    return workspace


def make_lifelike(workspace: Workspace) -> None:
    """Change what tests need to what people expect: full names, and a private channel's name."""
    for user in workspace.users.values():
        user.display_name = ""
    private = workspace.channels.pop("secrets")
    private.name = "release-team"
    workspace.add_channel(private)


def make_org(workspace: Workspace) -> None:
    """Put the workspace into an organization with a second one, in which Ben is and Ada may be.

    #general is in both, #harbor in the second one only. Of Ben, Slack doesn't tell the workspace
    (looker/lookerbot#184).
    """
    workspace.org = Org()
    for name in ("ada", "gus", "una", RELAY):
        workspace.user(name).teams = [TEAM_ID]
    for name in ("ada", RELAY):
        workspace.user(name).teams.append(HARBOR_ID)
    ben = workspace.user("ben")
    ben.team_id, ben.teams, ben.hides_team = HARBOR_ID, [HARBOR_ID], True
    workspace.channel("general").teams.append(HARBOR_ID)
    workspace.add_channel(Channel("harbor", members=["ada", "ben", RELAY], teams=[HARBOR_ID]))
    workspace.add_usergroup(UserGroup("dock", "Dock workers", ["ben"], team_id=HARBOR_ID))


def _people() -> list[User]:
    return [
        User("ada", real_name="Ada Lovelace", display_name="ada"),
        User("ben", real_name="Ben Franklin"),
        User("gus", real_name="Gus Guest", display_name="gus", is_restricted=True),
        User(
            "una",
            real_name="Una Single-Channel",
            display_name="una",
            is_restricted=True,
            is_ultra_restricted=True,
        ),
        User("eve", real_name="Eve External", display_name="eve", team_id=OTHER_TEAM_ID),
    ]


def _bots() -> list[User]:
    return [
        User("slackbot", id="USLACKBOT", posts_as="app"),
        User(RELAY, real_name="Devin Relay", posts_as="app", bot_id="B0RELAY000", app_id=APP_ID),
        User(
            "bolt-ci", real_name="Bolt CI", posts_as="app", bot_id="B0BOLTCI00", app_id="A0BOLTCI00"
        ),
        User(  # another organization's installation of the same app
            "partner-ci",
            real_name="Partner CI",
            team_id=OTHER_TEAM_ID,
            posts_as="app",
            bot_id="B0PARTNER0",
            app_id="A0BOLTCI00",
        ),
        User("legacy", real_name="Legacy Webhook", posts_as="legacy", bot_id="B0LEGACY00"),
        User(
            "workflow",
            real_name="Standup Workflow",
            posts_as="workflow",
            bot_id="B0WORKFLOW",
            app_id="A0WORKFLOW",
        ),
    ]


def _channels() -> list[Channel]:
    everyone = ["ada", "ben", "gus", "una", "bolt-ci", RELAY]
    return [
        Channel("general", members=everyone),
        Channel("random", members=["ada", "ben", "gus", "bolt-ci"]),
        Channel("secrets", "group", ["ada", "ben", "gus", "bolt-ci", RELAY]),
        Channel(
            "shared",
            members=["ada", "ben", "gus", "eve", "bolt-ci", "partner-ci", RELAY],
            is_ext_shared=True,
        ),
        Channel("dm", "im", ["ada", RELAY], id="D0ADADM000"),
        Channel("group-dm", "mpim", ["ada", "ben", RELAY]),
    ]
