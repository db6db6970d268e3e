"""The payloads of people's interactions: commands, buttons, shortcuts and modals.

Shapes from docs.slack.dev/reference/interaction-payloads. A command has no `thread_ts`; a button in
an ephemeral message comes without that message.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.slack.api.blocks import options_of
from sandbox.slack.world.cast import APP_ID
from sandbox.slack.world.payloads import VERIFICATION_TOKEN, message_json
from sandbox.slack.world.workspace import (
    HOME_DOMAIN,
    JSON,
    TEAM_ID,
    Channel,
    Message,
    User,
    Workspace,
)


@dataclass(frozen=True, slots=True)
class Handles:
    """The handles that every interaction gives the app for its answer, and its time (a `ts`)."""

    trigger_id: str
    ts: str
    response_url: str = ""


def command_payload(
    user: User, channel: Channel, command: str, text: str, handles: Handles
) -> JSON:
    """Return a slash command's fields."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "team_domain": HOME_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": handles.response_url,
        "trigger_id": handles.trigger_id,
    }


def button_payload(
    workspace: Workspace, user: User, message: Message, action: JSON, handles: Handles
) -> JSON:
    """Return `block_actions` for an element of a message."""
    is_ephemeral = message.ephemeral_to is not None
    channel = workspace.channel(message.channel)
    container: JSON = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": is_ephemeral,
    }
    if message.thread_ts is not None:
        container["thread_ts"] = message.thread_ts
    payload = _common("block_actions", user, handles.trigger_id) | {
        "container": container,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": {}},
        "response_url": handles.response_url,
        "actions": [action | {"action_ts": handles.ts}],
    }
    if not is_ephemeral:
        payload["message"] = message_json(workspace, message)
    return payload


def view_button_payload(user: User, view: JSON, action: JSON, handles: Handles) -> JSON:
    """Return `block_actions` for an element of a modal or of App Home."""
    return _common("block_actions", user, handles.trigger_id) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action | {"action_ts": handles.ts}],
    }


def action_of(element: JSON, block_id: str, value: str | None) -> JSON:
    """Return the used element as an entry of `actions`.

    `value` replaces a button's own; for a menu it is the value of the chosen option. The address
    of a button that opens one comes with it (Bolt for JavaScript, `ButtonAction`).
    """
    kept: JSON = {
        key: element[key] for key in ("action_id", "type", "text", "style", "url") if key in element
    }
    action = {**kept, "block_id": block_id}
    if element["type"] in _MENUS:
        return {**action, "selected_option": option_of(element, value)}
    shown = element.get("value") if value is None else value
    return action if shown is None else {**action, "value": shown}


def option_of(element: JSON, value: str | None) -> JSON | None:
    """Return the option with that value; if the menu has none, make one."""
    if value is None:
        return None
    made = {"text": {"type": "plain_text", "text": value, "emoji": True}, "value": value}
    return next((each for each in options_of(element) if each["value"] == value), made)


_MENUS = {"static_select", "external_select", "overflow", "radio_buttons"}


def shortcut_payload(
    workspace: Workspace, user: User, message: Message, callback_id: str, handles: Handles
) -> JSON:
    """Return `message_action`, a message shortcut."""
    channel = workspace.channel(message.channel)
    return _common("message_action", user, handles.trigger_id) | {
        "action_ts": handles.ts,
        "callback_id": callback_id,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "message_ts": message.ts,
        "message": message_json(workspace, message),
        "response_url": handles.response_url,
    }


def global_shortcut_payload(user: User, callback_id: str, handles: Handles) -> JSON:
    """Return `shortcut`, a global one: it names no channel, and has no `response_url`."""
    return _common("shortcut", user, handles.trigger_id) | {
        "action_ts": handles.ts,
        "callback_id": callback_id,
    }


def submission_payload(user: User, view: JSON, trigger_id: str) -> JSON:
    """Return `view_submission`, which contains no channel or thread."""
    return _common("view_submission", user, trigger_id) | {"view": view, "response_urls": []}


def closed_payload(user: User, view: JSON, *, is_cleared: bool) -> JSON:
    """Return `view_closed`, for a view with `notify_on_close`."""
    payload = _common("view_closed", user, "") | {"view": view, "is_cleared": is_cleared}
    del payload["trigger_id"]
    return payload


def suggestion_payload(user: User, view: JSON, element: JSON, block_id: str, typed: str) -> JSON:
    """Return `block_suggestion`: the text typed into an external menu of a view."""
    payload = _common("block_suggestion", user, "") | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "action_id": element["action_id"],
        "block_id": block_id,
        "value": typed,
    }
    del payload["trigger_id"]
    return payload


def step_event(
    callback_id: str, inputs: dict[str, Any], execution_id: str, token: str, ts: str
) -> JSON:
    """Return the `function_executed` event of a Workflow Builder step."""
    parameters = [
        {"name": name, "title": name, "type": "string", "is_required": True} for name in inputs
    ]
    return {
        "type": "function_executed",
        "function": {
            "id": f"Fn0{callback_id.upper()[:8]}",
            "callback_id": callback_id,
            "title": callback_id.replace("_", " "),
            "description": "",
            "type": "app",
            "input_parameters": parameters,
            "output_parameters": [],
            "app_id": APP_ID,
            "date_created": 1_700_000_000,
            "date_updated": 1_700_000_000,
            "date_deleted": 0,
        },
        "inputs": inputs,
        "function_execution_id": execution_id,
        "workflow_execution_id": f"Wx{execution_id[2:]}",
        "event_ts": ts,
        "bot_access_token": token,
    }


def _common(kind: str, user: User, trigger_id: str) -> JSON:
    return {
        "type": kind,
        "token": VERIFICATION_TOKEN,
        "api_app_id": APP_ID,
        "team": {"id": TEAM_ID, "domain": HOME_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "trigger_id": trigger_id,
    }


def _channel_name(channel: Channel) -> str:
    """Return the channel's name; Slack hides the names of those that are not public."""
    return {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)
