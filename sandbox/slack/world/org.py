"""What differs in Slack's payloads where the workspaces are in an Enterprise organization.

An installation to all of it is known by the enterprise's id, and no payload tells its workspace
reliably. Sources: docs.slack.dev/enterprise/developing-for-enterprise-orgs; events as in
bolt-python, `test_events_org_apps.py`; interactions as in deno-slack-sdk#267; the fields of a
command as in slack-go, `slash_test.go`, where `is_enterprise_install` is a text.
"""

from sandbox.slack.world.workspace import HOME_DOMAIN, JSON, TEAM_ID, Channel, Org, User, Workspace

ORG_EVENTS = ("team_access_granted", "team_access_revoked")
"""Events that are of no workspace."""


def installed_id(workspace: Workspace) -> str:
    """Return the id of what the app is installed to: the organization or the workspace."""
    return TEAM_ID if workspace.wide is None else workspace.wide.id


def wrapped(workspace: Workspace, wrapper: JSON) -> JSON:
    """Return an event's wrapper as it is in the organization, if there is one."""
    org, event = workspace.org, wrapper["event"]
    if org is None:
        return wrapper
    if event["type"] in ORG_EVENTS:
        left_out = {"team_id", "context_team_id", "context_enterprise_id", "authorizations"}
        kept = {name: value for name, value in wrapper.items() if name not in left_out}
        return {**kept, "enterprise_id": org.id}
    team = _actor_team(workspace, event) if org.is_installed else TEAM_ID
    authorized = {
        "enterprise_id": org.id,
        "team_id": None if org.is_installed else TEAM_ID,
        "is_enterprise_install": org.is_installed,
    }
    return {
        **wrapper,
        "team_id": team,
        "enterprise_id": org.id,
        "context_team_id": team,
        "context_enterprise_id": org.id,
        "authorizations": [one | authorized for one in wrapper["authorizations"]],
    }


def interacted(workspace: Workspace, user: User, payload: JSON) -> JSON:
    """Return an interaction's payload as it is in the organization, if there is one."""
    org = workspace.org
    if org is None:
        return payload
    if "command" in payload:
        return payload | {
            "team_id": user.team_id,
            "team_domain": org.teams[user.team_id],
            "enterprise_id": org.id,
            "enterprise_name": org.name,
            "is_enterprise_install": str(org.is_installed).lower(),
        }
    grid = {"enterprise_id": org.id, "enterprise_name": org.name}
    team = {"id": TEAM_ID, "domain": HOME_DOMAIN, **grid}
    return payload | {
        "team": None if org.is_installed else team,
        "enterprise": {"id": org.id, "name": org.name},
        "is_enterprise_install": org.is_installed,
    }


def enterprise_user(org: Org, user: User) -> JSON:
    """Return the part of a user object that tells of the organization."""
    return {
        "id": user.id,
        "enterprise_id": org.id,
        "enterprise_name": org.name,
        "is_admin": False,
        "is_owner": False,
        "teams": list(user.teams),
    }


def sharing(org: Org, channel: Channel) -> JSON:
    """Return the part of a channel object that tells with which workspaces it is shared."""
    is_org_shared = len(channel.teams) > 1
    return {
        "is_org_shared": is_org_shared,
        "is_shared": is_org_shared or channel.is_ext_shared,
        "context_team_id": org.id if is_org_shared else channel.teams[0],
        "shared_team_ids": list(channel.teams),
        "internal_team_ids": list(channel.teams) if is_org_shared else [],
    }


def _actor_team(workspace: Workspace, event: JSON) -> str:
    """Return the workspace in which the person acts; it may not be the channel's only one."""
    user = event.get("user") or (event.get("message") or {}).get("user")
    actor = workspace.find_user(user) if isinstance(user, str) else None
    return TEAM_ID if actor is None or actor.is_external else actor.team_id
