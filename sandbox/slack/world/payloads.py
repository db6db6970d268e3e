"""Slack's JSON for messages, and the events that report them.

Shapes from docs.slack.dev/reference/events. Each call builds a new object, so a test may change it.
"""

from collections.abc import Sequence
from typing import Any

from sandbox.ids import new_id
from sandbox.slack.world.cast import APP_ID, RELAY
from sandbox.slack.world.org import wrapped
from sandbox.slack.world.shapes import bot_profile, file_json
from sandbox.slack.world.workspace import JSON, TEAM_ID, Channel, Message, SlackFile, Workspace

VERIFICATION_TOKEN = "sandbox-verification-token"  # noqa: S105 - made up, and Slack's is deprecated
_MENTIONING_SUBTYPES = {None, "file_share", "thread_broadcast", "bot_message"}


def message_json(workspace: Workspace, message: Message, *, metadata: bool = True) -> JSON:
    """Return the message as history shows it, with its thread's count and its reactions."""
    shown = {**_author(workspace, message), "type": "message", "ts": message.ts}
    shown["text"] = message.text
    optional = {
        "subtype": message.subtype,
        "client_msg_id": message.client_msg_id,
        "thread_ts": message.thread_ts,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "files": shown_files(workspace, message.files, workspace.channel(message.channel)),
        "edited": message.edited,
        "username": message.username,
        "icons": message.icons,
        "inviter": message.inviter,
        "metadata": message.metadata if metadata else None,
        "reactions": [
            {"name": name, "users": list(users), "count": len(users)}
            for name, users in message.reactions.items()
        ],
    }
    shown |= {key: value for key, value in optional.items() if value}
    if message.subtype == "file_share":
        shown |= {"upload": False, "display_as_bot": False}
    return shown | _thread_facts(workspace, message)


def message_event(workspace: Workspace, message: Message) -> JSON:
    """Return the `message` event of a new message."""
    channel = workspace.channel(message.channel)
    event = message_json(workspace, message)
    event |= {"channel": channel.id, "event_ts": message.ts, "channel_type": channel.kind}
    if message.subtype == "thread_broadcast":
        event["root"] = message_json(workspace, workspace.message(channel.id, message.root_ts))
    if message.user and workspace.user(message.user).is_external:
        author = workspace.user(message.user)
        event |= {
            "user_team": author.team_id,
            "source_team": author.team_id,
            "user_profile": {
                "name": author.name,
                "real_name": author.real_name,
                "display_name": author.display_name,
                "team": author.team_id,
                "is_restricted": False,
                "is_ultra_restricted": False,
            },
        }
    elif message.user and workspace.org is not None and len(channel.teams) > 1:
        event |= {"user_team": workspace.org.id, "source_team": workspace.org.id}
    return event


def mention_event(workspace: Workspace, message: Message) -> JSON | None:
    """Return the accompanying `app_mention` event, if the message mentions the app's bot.

    It lacks `channel_type`, and there is none in direct messages or for the bot's own posts. Others
    saw it without the message's files, too (ColeMurray/background-agents#1087).
    """
    bot = workspace.user(RELAY)
    channel = workspace.channel(message.channel)
    is_ours = message.user == bot.id or message.bot_id == bot.bot_id
    if channel.kind == "im" or is_ours or message.subtype not in _MENTIONING_SUBTYPES:
        return None
    if f"<@{bot.id}>" not in message.text and f"<@{bot.id}|" not in message.text:
        return None
    event = message_event(workspace, message)
    for left_out in ("channel_type", "subtype", "root", "files"):
        event.pop(left_out, None)
    return {**event, "type": "app_mention"}


def changed_event(workspace: Workspace, message: Message, previous: JSON | None) -> JSON:
    """Return `message_changed`: an edit if the message has `edited`, else e.g. an unfurl."""
    channel = workspace.channel(message.channel)
    ts = workspace.clock.next_ts()
    event: JSON = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": message_json(workspace, message),
        "channel": channel.id,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.kind,
    }
    return event if previous is None else {**event, "previous_message": previous}


def deleted_event(workspace: Workspace, message: Message) -> JSON:
    """Return `message_deleted` for a deleted message."""
    ts = workspace.clock.next_ts()
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "deleted_ts": message.ts,
        "previous_message": message_json(workspace, message),
        "channel": message.channel,
        "ts": ts,
        "event_ts": ts,
        "channel_type": workspace.channel(message.channel).kind,
    }


def event_callback(workspace: Workspace, event: JSON, event_id: str, outer: JSON) -> JSON:
    """Wrap an inner event as Slack sends it; `outer` replaces or adds fields of the wrapper."""
    channel_id = event.get("channel")
    channel = workspace.find_channel(channel_id) if isinstance(channel_id, str) else None
    wrapper = {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(workspace.clock.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": workspace.user(RELAY).id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": channel is not None and channel.is_ext_shared,
        "event_context": new_id("4-", 40),
    }
    return wrapped(workspace, wrapper) | outer


def shown_files(workspace: Workspace, files: Sequence[SlackFile], place: Channel) -> list[JSON]:
    """Return the files; Slack Connect needs `files.info` (docs.slack.dev/apis/slack-connect)."""
    if place.is_ext_shared:
        return [
            {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}
            for file in files
        ]
    return [file_json(workspace, file) for file in files]


def _author(workspace: Workspace, message: Message) -> JSON:
    author: JSON = {}
    if message.user:
        author |= {"user": message.user, "team": workspace.user(message.user).team_id}
    if message.bot_id:
        author["bot_id"] = message.bot_id
    if message.app_id:
        author["app_id"] = message.app_id
        bot = workspace.find_bot(message.bot_id)
        if bot is not None:
            author["bot_profile"] = bot_profile(bot)
    return author


def _thread_facts(workspace: Workspace, message: Message) -> dict[str, Any]:
    messages = workspace.channel(message.channel).messages
    if message.is_reply:
        root = messages.get(message.root_ts)
        return {"parent_user_id": root.user} if root is not None and root.user else {}
    if not message.reply_ts:
        return {}
    writers = [messages[ts].user or messages[ts].bot_id for ts in message.reply_ts]
    return {
        "reply_count": len(message.reply_ts),
        "reply_users_count": len(set(writers)),
        "reply_users": list(dict.fromkeys(writers)),
        "latest_reply": message.reply_ts[-1],
        "is_locked": False,
        "subscribed": False,
    }
