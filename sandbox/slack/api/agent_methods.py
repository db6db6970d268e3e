"""The Web API methods of an agent app: the state of its sessions, and suggested prompts.

An app that is no agent, or whose bot is not in the channel, is `not_authorized`. Which errors the
checks of arguments give is not documented beyond `session_not_found`; those here are Slack's usual.
"""

from typing import Any

from sandbox.slack.api.requests import Method, Params, Refused, need, visible_channel
from sandbox.slack.world.agent_sessions import STATUSES, Prompts
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON, Channel, Message

MAX_TITLE = 200
MAX_PROMPTS = 4
STOPPED = "agent_session_stopped"
_CUSTOM = ("username", "icon_emoji", "icon_url")


def set_status(state: SlackState, params: Params) -> JSON:
    """Implement agents.sessions.setStatus, which makes the thread's session if it has none."""
    status = params.required("status")
    if status not in STATUSES:
        raise Refused("invalid_arguments", f"[ERROR] must be one of {STATUSES}: status")
    if any(params.text(name) for name in _CUSTOM):
        need(state, "chat:write.customize")
    channel, root = _thread(state, params)
    title = _title(params)
    initiator = params.text("initiator_user_id")
    is_new = state.agents.find(root.ts) is None
    if is_new and initiator and initiator not in channel.members:
        raise Refused("invalid_arguments", "[ERROR] not a member: initiator_user_id")
    session = state.agents.put(channel.id, root.ts, status, title)
    state.statuses.drop(root.ts)
    state.notify("status", channel=channel.id, thread=root.ts, status=status)
    answer = {"status": status} | ({"title": session.title} if state.agents.tells_title else {})
    if STOPPED not in state.bot_events:
        answer["warning"] = "missing_agent_session_stopped_event_subscription"
    return answer


def rename(state: SlackState, params: Params) -> JSON:
    """Implement agents.sessions.rename."""
    channel, root = _thread(state, params)
    params.required("title")
    session = state.agents.find(root.ts)
    if session is None:
        raise Refused("session_not_found")
    state.agents.rename(session, _title(params))
    state.notify("status", channel=channel.id, thread=root.ts, status=session.status)
    return {"title": session.title}


def set_suggested_prompts(state: SlackState, params: Params) -> JSON:
    """Implement assistant.threads.setSuggestedPrompts for the top of a direct message.

    For an agent, a call with `thread_ts` has no effect, without an error
    (docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts).
    """
    channel = visible_channel(state, params, "channel_id")
    if channel.kind != "im" or not state.agents.is_declared:
        raise Refused("channel_not_found")
    given: Any = params.raw.get("prompts")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_PROMPTS:
        raise Refused("invalid_arguments", "[ERROR] must have 1 to 4 items: prompts")
    if not all(isinstance(one, dict) and one.get("title") and one.get("message") for one in given):
        raise Refused("invalid_arguments", "[ERROR] needs title and message: prompts")
    if params.text("thread_ts"):
        return {}
    prompts = tuple((str(one["title"]), str(one["message"])) for one in given)
    state.agents.suggest(Prompts(channel.id, params.text("title"), prompts))
    state.notify("prompts", channel=channel.id)
    return {}


def _thread(state: SlackState, params: Params) -> tuple[Channel, Message]:
    """Return the thread of a call, if this app may have a session in it."""
    channel = visible_channel(state, params, "channel_id")
    if not state.agents.is_declared or not state.sees(channel):
        raise Refused("not_authorized")
    root = channel.messages.get(params.required("thread_ts"))
    if root is None or root.is_reply:
        raise Refused("invalid_thread_ts")
    return channel, root


def _title(params: Params) -> str:
    title = params.text("title")
    if len(title) > MAX_TITLE:
        raise Refused("invalid_arguments", f"[ERROR] over {MAX_TITLE} characters: title")
    return title


METHODS = {
    "agents.sessions.setStatus": Method(set_status, "chat:write", ("bot",)),
    "agents.sessions.rename": Method(rename, "chat:write", ("bot",)),
    "assistant.threads.setSuggestedPrompts": Method(
        set_suggested_prompts, "assistant:write", ("bot",)
    ),
}
