"""A Web API request as the methods see it: parameters, refusals, and the bot's access."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.ids import is_ts
from sandbox.slack.api.blocks import block_problems
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON, TEAM_ID, Channel, Message

TokenKind = Literal["bot", "app", "step"]
_STRUCTURED = {
    "attachments", "blocks", "files", "icons", "loading_messages", "metadata", "outputs", "prompts",
    "view",
}  # fmt: skip


class Refused(Exception):
    """Slack's `{"ok": false, "error": …}`; `messages` give details, as `response_metadata` does."""

    def __init__(self, error: str, *messages: str, **facts: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller: the kind of its token, and the token."""

    kind: TokenKind
    token: str


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method: its code, the scope it needs, and the tokens it accepts."""

    run: Callable[[SlackState, "Params"], JSON]
    scope: str = ""
    tokens: tuple[TokenKind, ...] = ("bot", "step")


class Params:
    """The parameters of one call, from query, form or JSON alike."""

    def __init__(self, raw: JSON) -> None:
        self.raw = {key: _structured(key, value) for key, value in raw.items()}

    def text(self, name: str, default: str = "") -> str:
        """Return a string; the default if it is absent."""
        value = self.raw.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """Return a required string."""
        value = self.text(name)
        if not value:
            raise Refused("invalid_arguments", f"[ERROR] missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean: `true` and `1` in forms."""
        return self.raw.get(name) in (True, "true", "1", 1)

    def number(self, name: str, default: int, highest: int) -> int:
        """Return a positive number up to `highest`."""
        try:
            value = int(self.raw.get(name) or default)
        except (TypeError, ValueError):
            raise Refused(f"invalid_{name}") from None
        if not 0 < value <= highest:
            raise Refused(f"invalid_{name}")
        return value

    def blocks(self) -> list[JSON] | None:
        """Return checked blocks, or None if the call has none."""
        given = self.raw.get("blocks")
        if given is None:
            return None
        if isinstance(given, str):
            raise Refused("invalid_blocks_format")
        problems = block_problems(given)
        if problems:
            raise Refused("invalid_blocks", *problems)
        return list(given)


def need(state: SlackState, scope: str) -> None:
    """Refuse with `missing_scope` unless the app has the scope."""
    if scope and scope not in state.scopes:
        raise Refused("missing_scope", needed=scope, provided=",".join(state.scopes))


def need_in(state: SlackState, channel: Channel, right: str) -> None:
    """Check a scope that depends on the kind of conversation, such as `im:history`."""
    family = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
    need(state, f"{family[channel.kind]}:{right}")


def visible_channel(state: SlackState, params: Params, name: str = "channel") -> Channel:
    """Return the conversation; a private one without the bot does not exist for it."""
    channel = state.workspace.find_channel(params.required(name))
    if channel is None or (channel.kind != "channel" and state.bot.id not in channel.members):
        raise Refused("channel_not_found")
    if not state.workspace.reaches(channel):
        raise Refused("team_access_not_granted")
    return channel


def team_asked(state: SlackState, params: Params) -> str:
    """Return the workspace that a call is about, which an org-wide token has to name.

    `missing_argument` is what others were answered (slack-cleaner#101, lyft/omnibot#44), and
    `team_access_not_granted` for a workspace without the app (bolt-js#998).
    """
    if state.workspace.wide is None:
        return TEAM_ID
    team = params.text("team_id")
    if not team:
        raise Refused("missing_argument", "[ERROR] missing required field: team_id")
    if team not in state.workspace.wide.granted:
        raise Refused("team_access_not_granted")
    return team


def joined_channel(state: SlackState, params: Params) -> Channel:
    """Return a conversation that the bot is in."""
    channel = visible_channel(state, params)
    need_joined(state, channel)
    return channel


def need_joined(state: SlackState, channel: Channel) -> None:
    """Refuse with `not_in_channel` unless the bot is in the conversation."""
    if not state.sees(channel):
        raise Refused("not_in_channel")


def writable_channel(state: SlackState, params: Params) -> Channel:
    """Return a conversation that the bot may post to; a user id stands for the direct message.

    A channel may also be named by its name (docs.slack.dev/reference/methods/chat.postMessage),
    but not with an org-wide token.
    """
    named = params.required("channel")
    user = state.workspace.find_user(named)
    if user is not None:
        return state.workspace.direct_message(user.id, state.bot.id)
    is_wide = state.workspace.wide is not None
    by_name = None if is_wide else state.workspace.channels.get(named.removeprefix("#"))
    channel = by_name if by_name and state.sees(by_name) else visible_channel(state, params)
    if not state.sees(channel) and "chat:write.public" not in state.scopes:
        raise Refused("not_in_channel")
    if channel.is_archived:
        raise Refused("is_archived")
    return channel


def message_at(channel: Channel, ts: str, error: str = "message_not_found") -> Message:
    """Return the message of that channel at `ts`."""
    message = channel.messages.get(ts)
    if message is None or message.subtype == "tombstone":
        raise Refused(error)
    return message


def thread_root(channel: Channel, params: Params) -> str | None:
    """Return the checked `thread_ts` of a post: a message that is not itself a reply."""
    thread_ts = params.raw.get("thread_ts")
    if not thread_ts:
        return None
    if not is_ts(thread_ts):
        raise Refused("invalid_thread_ts", f"[ERROR] {thread_ts} is not a valid thread_ts")
    root = channel.messages.get(thread_ts)
    if root is None:
        raise Refused("thread_not_found")
    if root.is_reply:
        raise Refused("cannot_reply_to_message")
    return str(thread_ts)


def _structured(name: str, value: Any) -> Any:
    """Parse a structure that a form carries as JSON; other text stays, and is refused later."""
    if name not in _STRUCTURED or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
