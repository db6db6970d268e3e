"""The organization on the page: the workspace that a person is in, and the app's access to each."""

from typing import Any

from aiohttp import web

from sandbox.page.commands import Command
from sandbox.page.posts import Reply, post
from sandbox.slack.server import SlackSandbox


class Switch(Command):
    """Go on in another workspace, as someone."""

    user: str
    team: str


class Access(Command):
    """Add the app to a workspace, or remove it from there, as an administrator."""

    team: str
    granted: bool


def org_routes(slack: SlackSandbox) -> list[web.RouteDef]:
    """Return the routes for acts in an organization."""

    async def on_switch(command: Switch) -> Reply:
        slack.switch(command.user, command.team)
        return {}

    async def on_access(command: Access) -> Reply:
        await (slack.grant if command.granted else slack.revoke)(command.team)
        return {}

    return [
        post("/control/switch", Switch, on_switch),
        post("/control/access", Access, on_access),
    ]


def org_shown(slack: SlackSandbox) -> dict[str, Any] | None:
    """Return the organization's name and workspaces, or None without one."""
    org = slack.workspace.org
    if org is None:
        return None
    teams = [
        {"id": team, "name": domain.title(), "granted": team in org.granted}
        for team, domain in org.teams.items()
    ]
    return {"name": org.name, "teams": teams}
