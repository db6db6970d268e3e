"""Everything that the sandbox's page shows, as one JSON-able dict: workspace and sessions."""

from dataclasses import asdict
from typing import Any

from sandbox.devin.answers import STATES
from sandbox.devin.server import DevinSandbox
from sandbox.page.files import PICTURES
from sandbox.page.markdown import tree
from sandbox.page.org import org_shown
from sandbox.page.sessions import session_shown
from sandbox.slack.acts.declared import COMMANDS, PROMPTS, SHORTCUTS, STEPS
from sandbox.slack.server import SlackSandbox
from sandbox.slack.world.workspace import Channel, Message, User

Shown = dict[str, Any]

MOST_MESSAGES = 1000


async def snapshot(slack: SlackSandbox, devin: DevinSandbox) -> Shown:
    """Return the whole state; of long channels and busy sessions, only the newest entries."""
    workspace = slack.workspace
    return {
        "app": {
            "user_id": slack.bot_user_id,
            "bot_id": slack.bot_id,
            "app_id": slack.app_id,
            "is_agent": slack.agent,
        },
        "is_connected": await _is_connected(slack),
        "users": [_user(user, slack.app_id) for user in workspace.users.values()],
        "org": org_shown(slack),
        "usergroups": [
            {"id": group.id, "handle": group.handle} for group in workspace.usergroups.values()
        ],
        "channels": [_channel(channel, slack) for channel in workspace.channels.values()],
        "devin_api": devin.api,
        "sessions": [session_shown(one, devin) for one in devin.sessions.values()],
        "states": {name: answer.by(devin.api).meaning for name, answer in STATES.items()},
        "commands": [asdict(each) for each in COMMANDS],
        "shortcuts": [asdict(each) for each in SHORTCUTS],
        "step_kinds": [asdict(each) for each in STEPS],
        "views": {user.id: slack.open_views(user.id) for user in workspace.users.values()},
        "homes": {user.id: slack.home_view(user.id) for user in workspace.users.values()},
        "step_results": slack.step_results,
    }


async def _is_connected(slack: SlackSandbox) -> bool | None:
    """Return True if the app holds a Socket Mode connection now; None if events go by HTTP."""
    if slack.request_url is not None:
        return None
    try:
        await slack.wait_connected(timeout=0)
    except TimeoutError:
        return False
    return True


def _user(user: User, app_id: str) -> Shown:
    kind = "member"
    if user.is_bot and user.app_id == app_id:
        kind = "app"
    elif user.is_bot:
        kind = "external bot" if user.is_external else "bot"
    elif user.is_external:
        kind = "external"
    elif user.is_restricted:
        kind = "guest"
    return {
        "id": user.id,
        "bot_id": user.bot_id,
        "name": user.name,
        "real_name": user.real_name,
        "shown": user.display_name or user.real_name,
        "kind": kind,
        "team": user.team_id,
        "teams": user.teams,
    }


def _channel(channel: Channel, slack: SlackSandbox) -> Shown:
    messages = list(channel.messages.values())[-MOST_MESSAGES:]
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "is_shared": channel.is_ext_shared,
        "teams": channel.teams,
        "members": channel.members,
        "messages": [message_shown(message) for message in messages],
        "ephemerals": [message_shown(message) for message in slack.ephemerals(channel.id)],
        "statuses": _statuses(messages, slack),
        "agent_sessions": _agent_sessions(messages, slack),
        "prompts": _prompts(channel, slack),
    }


def _statuses(messages: list[Message], slack: SlackSandbox) -> dict[str, str]:
    """Return the app's status in each thread that has one now, by the root's ts."""
    roots = [message for message in messages if not message.is_reply]
    return {root.ts: words for root in roots if (words := slack.status(root.channel, root.ts))}


def _agent_sessions(messages: list[Message], slack: SlackSandbox) -> dict[str, Shown]:
    """Return what Slack shows of each thread's agent session, by the root's ts."""
    shown = {}
    for root in messages:
        session = None if root.is_reply else slack.agent_session(root.channel, root.ts)
        if session is not None:
            shown[root.ts] = {
                "status": slack.agent_status(root.channel, root.ts),
                "title": session.title,
                "can_stop": slack.can_stop(root.channel, root.ts),
            }
    return shown


def _prompts(channel: Channel, slack: SlackSandbox) -> Shown | None:
    """Return the prompts at the top of the app's direct message with somebody."""
    if channel.kind != "im" or not slack.agent:
        return None
    own = slack.prompts_in(channel.id)
    title, prompts = ("", PROMPTS) if own is None else (own.title, own.prompts)
    return {"title": title, "prompts": [{"title": one, "message": text} for one, text in prompts]}


def message_shown(message: Message) -> Shown:
    """Return one message in the form that the page needs."""
    return {
        "ts": message.ts,
        "user": message.user,
        "bot_id": message.bot_id,
        "username": message.username,
        "text": _text(message),
        "thread_ts": message.thread_ts,
        "subtype": message.subtype,
        "blocks": with_trees(message.blocks),
        "files": [
            {
                "id": file.id,
                "name": file.name,
                "mimetype": file.mimetype,
                "size": len(file.content),
                "is_picture": file.mimetype in PICTURES,
            }
            for file in message.files
        ],
        "forwarded": [_forwarded(each) for each in message.attachments if each.get("is_share")],
        "reactions": message.reactions,
        "edited": message.edited is not None and not (message.bot_id and message.blocks),
        "ephemeral_to": message.ephemeral_to,
        "key": (message.metadata or {}).get("event_payload", {}).get("key"),
    }


def _text(message: Message) -> str:
    """Return the text, of which Slack's client makes its own where somebody was added."""
    if not message.inviter:
        return message.text
    return f"was added to <#{message.channel}> by <@{message.inviter}>."


def with_trees(blocks: list[Shown]) -> list[Shown]:
    """Return the blocks with, in each `markdown` block, the `tree` of its text."""
    return [
        block | {"tree": tree(str(block.get("text", "")))}
        if block.get("type") == "markdown"
        else block
        for block in blocks
    ]


def _forwarded(share: Shown) -> Shown:
    parts = [
        part | {"message": part["message"] | {"blocks": with_trees(part["message"]["blocks"])}}
        for part in share.get("message_blocks") or []
    ]
    return share | {"message_blocks": parts}
