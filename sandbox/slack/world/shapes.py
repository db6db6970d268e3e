"""Slack's JSON for users, bots, conversations and files.

Shapes from docs.slack.dev/reference/objects. Each call builds a new object.
"""

from sandbox.slack.world.cast import RELAY
from sandbox.slack.world.org import enterprise_user, sharing
from sandbox.slack.world.workspace import (
    HOME_DOMAIN,
    JSON,
    TEAM_ID,
    Channel,
    Message,
    SlackFile,
    User,
    Workspace,
)

AVATAR = "https://avatars.slack.invalid/{}_{}.png"
TEAM_URL = f"https://{HOME_DOMAIN}.slack.invalid/"


def user_json(workspace: Workspace, user: User) -> JSON:
    """Return the user as `users.info` does; an external user's roles are not shown."""
    profile = {
        "real_name": user.real_name,
        "display_name": user.display_name,
        "real_name_normalized": user.real_name,
        "display_name_normalized": user.display_name,
        "avatar_hash": user.id.lower(),
        "image_48": AVATAR.format(user.id, 48),
        "image_72": AVATAR.format(user.id, 72),
        "team": user.team_id,
    }
    if user.bot_id:
        profile |= {"bot_id": user.bot_id, "api_app_id": user.app_id}
    shown = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "tz": user.zone,
        "profile": profile,
        "is_bot": user.is_bot and user.id != "USLACKBOT",  # as Slack describes it
        "is_app_user": False,
        "is_workflow_bot": user.posts_as == "workflow",
        "updated": 1_700_000_000,
    }
    if user.is_external:
        return {**shown, "is_stranger": user.is_stranger}
    flags = dict.fromkeys(("is_admin", "is_owner", "is_primary_owner"), False)
    guest = {
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
    }
    if workspace.org is not None and user.teams:
        shown["enterprise_user"] = enterprise_user(workspace.org, user)
        if user.hides_team:
            del shown["team_id"]
    return {**shown, **flags, **guest}


def bot_profile(user: User) -> JSON:
    """Return the `bot_profile` that an app's posts carry."""
    return {
        "id": user.bot_id,
        "deleted": user.deleted,
        "name": user.real_name,
        "updated": 1_700_000_000,
        "app_id": user.app_id,
        "user_id": user.id,
        "icons": {"image_48": AVATAR.format(user.bot_id, 48)},
        "team_id": user.team_id,
    }


def channel_json(workspace: Workspace, channel: Channel) -> JSON:
    """Return the conversation as `conversations.info` gives it to the app's bot."""
    bot = workspace.user(RELAY).id
    shown: JSON = {
        "id": channel.id,
        "created": 1_700_000_000,
        "is_archived": channel.is_archived,
        "is_im": channel.kind == "im",
        "is_org_shared": False,
        "context_team_id": TEAM_ID,
    }
    if channel.kind == "im":
        other = next((member for member in channel.members if member != bot), bot)
        return {**shown, "user": other, "is_user_deleted": False, "priority": 0}
    shown |= {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_general": channel.name == "general",
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": channel.is_pending_ext_shared,
        "is_member": bot in channel.members,
        "creator": workspace.user("ada").id,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }
    return shown if workspace.org is None else shown | sharing(workspace.org, channel)


def permalink(message: Message) -> str:
    """Return the address of a message, as `chat.getPermalink` and forwards give it."""
    link = f"{TEAM_URL}archives/{message.channel}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={message.channel}"
    return f"{link}{thread}" if message.is_reply else link


def file_json(workspace: Workspace, file: SlackFile) -> JSON:
    """Return the file as `files.info` and events outside Slack Connect show it."""
    private = f"{workspace.files_url}{TEAM_ID}-{file.id}/"
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2],
        "pretty_type": "Plain Text",
        "user": file.user,
        "user_team": workspace.user(file.user).team_id,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "is_public": True,
        "file_access": "visible",
        "url_private": f"{private}{file.name}",
        "url_private_download": f"{private}download/{file.name}",
        "permalink": f"{TEAM_URL}files/{file.user}/{file.id}/{file.name}",
    }
