"""The Web API method that shows a status line under a thread."""

from typing import Any

from sandbox.slack.api.requests import Method, Params, Refused, visible_channel
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON

MAX_LOADING_MESSAGES = 10


def set_status(state: SlackState, params: Params) -> JSON:
    """Implement assistant.threads.setStatus: an empty status removes the one that is shown."""
    channel = visible_channel(state, params, "channel_id")
    if not state.sees(channel):
        raise Refused("channel_not_found")
    if params.raw.get("status") is None:
        raise Refused("invalid_arguments", "[ERROR] missing required field: status")
    root = channel.messages.get(params.required("thread_ts"))
    if root is None or root.is_reply:
        raise Refused("invalid_thread_ts")
    loading: Any = params.raw.get("loading_messages") or []
    if not isinstance(loading, list) or len(loading) > MAX_LOADING_MESSAGES:
        raise Refused("invalid_arguments", "[ERROR] no more than 10 items: loading_messages")
    state.statuses.put(channel.id, root.ts, params.text("status"), tuple(map(str, loading)))
    state.agents.hide(root.ts)
    state.notify("status", channel=channel.id, thread=root.ts, status=params.text("status"))
    return {}


METHODS = {"assistant.threads.setStatus": Method(set_status, "chat:write")}
