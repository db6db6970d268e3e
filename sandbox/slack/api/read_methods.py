"""Web API methods that read: conversations, users, bots, user groups, team, files, auth.test."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from sandbox.slack.api.requests import (
    Method,
    Params,
    Refused,
    joined_channel,
    need_in,
    team_asked,
    visible_channel,
)
from sandbox.slack.world.payloads import message_json
from sandbox.slack.world.shapes import TEAM_URL, bot_profile, channel_json, file_json, user_json
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import HOME_DOMAIN, JSON, TEAM_ID, Channel, Message

_T = TypeVar("_T")

MAX_PAGE = 1000
DEFAULT_PAGE = 100


def auth_test(state: SlackState, _params: Params) -> JSON:
    """Implement auth.test for the bot token."""
    shown: JSON = {
        "url": TEAM_URL,
        "team": "Sandbox",
        "user": state.bot.name,
        "team_id": TEAM_ID,
        "user_id": state.bot.id,
        "bot_id": state.bot.bot_id,
        "is_enterprise_install": False,
    }
    org = state.workspace.org
    if org is None:
        return shown
    shown |= {"enterprise_id": org.id, "is_enterprise_install": org.is_installed}
    if org.is_installed:
        address = f"https://{HOME_DOMAIN}.enterprise.slack.invalid/"
        shown |= {"url": address, "team": org.name, "team_id": org.auth_team}
    return shown


def auth_teams(state: SlackState, params: Params) -> JSON:
    """Implement auth.teams.list: the workspaces to which an org-wide app was added."""
    wide = state.workspace.wide
    names = {TEAM_ID: HOME_DOMAIN} if wide is None else wide.teams
    granted = [TEAM_ID] if wide is None else wide.granted
    page, more = _page(params, [{"id": team, "name": names[team].title()} for team in granted])
    return {"teams": list(page), "response_metadata": more["response_metadata"]}


def api_test(_state: SlackState, params: Params) -> JSON:
    """Implement api.test: it returns the arguments; `error` makes it fail."""
    if params.text("error"):
        raise Refused(params.text("error"), args=params.raw)
    return {"args": params.raw}


def conversation_info(state: SlackState, params: Params) -> JSON:
    """Implement conversations.info: public channels are visible without the bot in them."""
    channel = visible_channel(state, params)
    need_in(state, channel, "read")
    shown = channel_json(state.workspace, channel)
    if params.flag("include_num_members"):
        shown["num_members"] = len(channel.members)
    return {"channel": shown}


def conversation_replies(state: SlackState, params: Params) -> JSON:
    """Implement conversations.replies: the root is on every page, then replies, oldest first."""
    channel = joined_channel(state, params)
    need_in(state, channel, "history")
    message = channel.messages.get(params.required("ts"))
    if message is None:
        raise Refused("thread_not_found")
    if message.is_reply:
        return {"messages": [_shown(state, params, message)], "has_more": False}
    replies = _between(params, [channel.messages[ts] for ts in message.reply_ts])
    page, more = _page(params, replies)
    return {"messages": [_shown(state, params, each) for each in (message, *page)]} | more


def conversation_history(state: SlackState, params: Params) -> JSON:
    """Implement conversations.history: top-level messages, newest first."""
    channel = joined_channel(state, params)
    need_in(state, channel, "history")
    top = [it for it in channel.messages.values() if _is_in_history(it)]
    page, more = _page(params, _between(params, top)[::-1])
    shown = [_shown(state, params, message) for message in page]
    return {"messages": shown, "pin_count": 0} | more


def conversation_members(state: SlackState, params: Params) -> JSON:
    """Implement conversations.members."""
    channel = visible_channel(state, params)
    need_in(state, channel, "read")
    page, more = _page(params, channel.members)
    return {"members": list(page)} | more


def open_conversation(state: SlackState, params: Params) -> JSON:
    """Implement conversations.open: a direct message, or an existing conversation."""
    if params.text("channel"):
        channel = visible_channel(state, params)
    else:
        users = params.required("users").split(",")
        if any(state.workspace.find_user(user) is None for user in users):
            raise Refused("user_not_found")
        channel = _direct(state, users)
    if params.flag("return_im"):
        shown = channel_json(state.workspace, channel)
        return {"no_op": True, "already_open": True, "channel": shown}
    return {"channel": {"id": channel.id}}


def user_info(state: SlackState, params: Params) -> JSON:
    """Implement users.info; the address needs a scope of its own."""
    user = state.workspace.find_user(params.required("user"))
    if user is None or user.posts_as == "legacy":
        raise Refused("user_not_found")
    shown = user_json(state.workspace, user)
    if user.email and "users:read.email" in state.scopes:
        shown["profile"]["email"] = user.email
        shown["is_email_confirmed"] = user.is_email_confirmed
    return {"user": shown}


def bot_info(state: SlackState, params: Params) -> JSON:
    """Implement bots.info."""
    team, bot = team_asked(state, params), state.workspace.find_bot(params.required("bot"))
    is_wide = state.workspace.wide is not None
    if bot is None or (is_wide and team not in {bot.team_id, *bot.teams}):
        raise Refused("bot_not_found")
    shown = {key: value for key, value in bot_profile(bot).items() if key != "team_id"}
    return {"bot": shown}


def usergroups_list(state: SlackState, params: Params) -> JSON:
    """Implement usergroups.list."""
    groups, team = [], team_asked(state, params)
    for group in state.workspace.usergroups.values():
        if group.team_id != team:
            continue
        shown: JSON = {
            "id": group.id,
            "team_id": group.team_id,
            "is_usergroup": True,
            "name": group.name,
            "handle": group.handle,
            "description": "",
            "is_external": False,
            "date_delete": 0,
            "user_count": len(group.users),
        }
        if params.flag("include_users"):
            shown["users"] = list(group.users)
        groups.append(shown)
    return {"usergroups": groups}


def usergroup_members(state: SlackState, params: Params) -> JSON:
    """Implement usergroups.users.list (docs.slack.dev/reference/methods/usergroups.users.list)."""
    wanted, team = params.required("usergroup"), team_asked(state, params)
    for group in state.workspace.usergroups.values():
        if (group.id, group.team_id) == (wanted, team):
            return {"users": list(group.users)}
    raise Refused("no_such_subteam")


def team_info(_state: SlackState, _params: Params) -> JSON:
    """Implement team.info."""
    return {
        "team": {
            "id": TEAM_ID,
            "name": "Sandbox",
            "domain": HOME_DOMAIN,
            "url": TEAM_URL,
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }


def file_info(state: SlackState, params: Params) -> JSON:
    """Implement files.info."""
    file = state.workspace.files.get(params.required("file"))
    if file is None:
        raise Refused("file_not_found")
    return {"file": file_json(state.workspace, file), "comments": []}


def _shown(state: SlackState, params: Params, message: Message) -> JSON:
    metadata = params.flag("include_all_metadata")
    return message_json(state.workspace, message, metadata=metadata)


def _is_in_history(message: Message) -> bool:
    return not message.is_reply or message.subtype == "thread_broadcast"


def _between(params: Params, messages: list[Message]) -> list[Message]:
    oldest, latest = _bound(params, "oldest"), _bound(params, "latest")
    is_inclusive = params.flag("inclusive")

    def fits(message: Message) -> bool:
        ts = float(message.ts)
        if is_inclusive and message.ts in {oldest, latest}:
            return True
        return (not oldest or ts > float(oldest)) and (not latest or ts < float(latest))

    return [message for message in messages if fits(message)]


def _bound(params: Params, name: str) -> str:
    bound = params.text(name)
    if bound and not bound.replace(".", "", 1).isdigit():
        raise Refused(f"invalid_ts_{name}")
    return bound


def _page(params: Params, items: Sequence[_T]) -> tuple[Sequence[_T], JSON]:
    limit = params.number("limit", DEFAULT_PAGE, MAX_PAGE)
    start = _cursor(params.text("cursor"))
    end = start + limit
    has_more = end < len(items)
    cursor = base64.b64encode(f"offset:{end}".encode()).decode() if has_more else ""
    return items[start:end], {
        "has_more": has_more,
        "response_metadata": {"next_cursor": cursor},
    }


def _cursor(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        kind, _, offset = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused("invalid_cursor") from None
    if kind != "offset" or not offset.isdigit():
        raise Refused("invalid_cursor")
    return int(offset)


def _direct(state: SlackState, users: list[str]) -> Channel:
    if len(users) == 1:
        return state.workspace.direct_message(users[0], state.bot.id)
    members = {*users, state.bot.id}
    for channel in state.workspace.channels.values():
        if channel.kind == "mpim" and set(channel.members) == members:
            return channel
    name = f"mpdm-{len(state.workspace.channels)}"
    return state.workspace.add_channel(Channel(name, "mpim", sorted(members)))


METHODS = {
    "auth.test": Method(auth_test),
    "auth.teams.list": Method(auth_teams),
    "api.test": Method(api_test, tokens=()),
    "conversations.info": Method(conversation_info),
    "conversations.replies": Method(conversation_replies),
    "conversations.history": Method(conversation_history),
    "conversations.members": Method(conversation_members),
    "conversations.open": Method(open_conversation, "im:write"),
    "users.info": Method(user_info, "users:read"),
    "bots.info": Method(bot_info, "users:read"),
    "usergroups.list": Method(usergroups_list, "usergroups:read"),
    "usergroups.users.list": Method(usergroup_members, "usergroups:read"),
    "team.info": Method(team_info, "team:read"),
    "files.info": Method(file_info, "files:read"),
}
