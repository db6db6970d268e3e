"""The Slack app manifest: what the relay asks of a workspace, each scope with its reason.

The one source of `manifest.yaml` in the repository, of `python -m bot manifest` and of the scopes
that `python -m bot check` and each start look for. No `_metadata`: Slack then reads version 1 of
its schema, the only one with functions of a remote app.
"""

import json
from collections.abc import Collection

from bot.urls import check_web_address

BOT_NAME = "Devin Relay"
EVENTS_PATH = "/slack/events"

_SCOPES = {
    "app_mentions:read": "commands by mention: link, unlink, status, mute, default, help",
    "channels:history": "replies in public channels",
    "groups:history": "replies in private channels",
    "im:history": "replies in direct messages",
    "mpim:history": "replies in group direct messages",
    "channels:read": "names of public channels in what Devin reads, and that they are public",
    "groups:read": "names of private channels in what Devin reads, and who is in them",
    "files:read": "files of a reply, which go to Devin with it",
    "chat:write": "outcomes and answers in the thread",
    "commands": "/devin-say and the message shortcuts",
    "reactions:write": "the mark on a reply that tells its outcome",
    "usergroups:read": "names of user groups in what Devin reads",
    "users:read": "who may speak, and their names",
}

REQUIRED_SCOPES: tuple[str, ...] = tuple(_SCOPES)
"""Bot scopes without which something in the README does not work."""

DISPENSABLE = frozenset({"im:read", "mpim:read"})
"""Scopes that Slack misses in look-ups of direct messages, which the relay does without."""

REINSTALL = "install the app again with the manifest of `python -m bot manifest`"

_EVENTS = (
    *("app_mention", "message.channels", "message.groups", "message.im", "message.mpim"),
    *("app_home_opened", "channel_id_changed"),
)
_STEP_EVENT = "function_executed"

_HEAD = f"""\
# Made by `python -m bot manifest`. Slack takes it at Create New App, From a manifest; pasted into
# an app that exists, it replaces that app's settings.
display_information:
  name: {BOT_NAME}
  description: Replies in a thread reach the Devin session that the thread is linked to.
  long_description: >-
    Link a thread to a Devin session, and every reply in it reaches the session in order, once.
    A mark on the reply says that it arrived; whatever else Devin answers is told in the thread.
    People of other organizations, guests and other bots are not relayed unless allowed.
  background_color: "#1f2a44"
features:
  bot_user:
    display_name: {BOT_NAME}
    always_online: true
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: true # direct messages can be linked, too
    messages_tab_read_only_enabled: false
  shortcuts:
    - name: Send to Devin
      type: message
      callback_id: send_to_devin
      description: Sends this message to the Devin session that its thread is linked to
    - name: Link to a Devin session
      type: message
      callback_id: link_session
      description: Makes the replies in this message's thread reach a Devin session
  slash_commands:
    - command: /devin-say
      description: Say something to a Devin session, in a new linked thread
      usage_hint: "[session] message, help, or nothing for a form"
      should_escape: true # people and channels arrive as ids, which can be resolved
"""

_STEPS = """\
functions:
  send_message:
    title: Send a message to a Devin session
    description: Delivers a message to a Devin session and says how that ended
    input_parameters:
      session:
        type: string
        title: Session
        description: The session's id or its address at app.devin.ai
        is_required: true
      message:
        type: string
        title: Message
        description: What Devin reads
        is_required: true
      channel:
        type: slack#/types/channel_id
        title: Channel
        description: Where the outcome is told; nowhere if left out
        is_required: false
      thread_ts:
        type: string
        title: Thread
        description: Timestamp of a message in that thread, or its link; a new one if left out
        is_required: false
      user:
        type: slack#/types/user_id
        title: Person
        description: On whose behalf; must be allowed to steer Devin. Nobody's if left out
        is_required: false
    output_parameters:
      outcome:
        type: string
        title: Outcome
        description: delivered, suspended, refused, uncertain or given_up
        is_required: true
      detail:
        type: string
        title: Detail
        description: What Devin answered, or why it was not sent, if there is anything to say
        is_required: false
      thread:
        type: string
        title: Thread
        description: The timestamp of the thread that told the outcome; empty without a channel
        is_required: false
  link_thread:
    title: Link a thread to a Devin session
    description: Makes every reply in the thread reach the session
    input_parameters:
      session:
        type: string
        title: Session
        description: The session's id or its address at app.devin.ai
        is_required: true
      channel:
        type: slack#/types/channel_id
        title: Channel
        description: The channel of the thread
        is_required: true
      thread_ts:
        type: string
        title: Thread
        description: Timestamp of a message in that thread, or the link to it
        is_required: true
      user:
        type: slack#/types/user_id
        title: Person
        description: On whose behalf; must be allowed to steer Devin. Nobody's if left out
        is_required: false
    output_parameters:
      outcome:
        type: string
        title: Outcome
        description: always linked; whatever else ends the step as failed
        is_required: true
      detail:
        type: string
        title: Detail
        description: Whether the thread was linked before
        is_required: false
      thread:
        type: string
        title: Thread
        description: The timestamp of the thread
        is_required: false
"""


def lacking(missing: Collection[str]) -> str:
    """Name the `missing` scopes, what does not work without each, and the remedy."""
    known = [f"{scope} (needed for {why})" for scope, why in _SCOPES.items() if scope in missing]
    others = sorted(set(missing).difference(_SCOPES))
    return f"{'; '.join(known + others)}: {REINSTALL}"


def manifest_yaml(*, url: str | None = None, workflow_steps: bool = False) -> str:
    """The manifest for Socket Mode, or for HTTP at `url` (with or without /slack/events).

    `workflow_steps` adds the Workflow Builder steps, which need a paid Slack plan.

    Raises:
        ValueError: `url` is not an https address; the message says why without repeating it.
    """
    request_url = None if url is None else json.dumps(_events_url(url))
    return "".join(
        (
            _HEAD,
            f"      url: {request_url}\n" if request_url else "",
            _oauth(),
            _settings(request_url, workflow_steps=workflow_steps),
            _STEPS if workflow_steps else "",
        )
    )


def _events_url(url: str) -> str:
    if not url.lower().startswith("https://"):
        raise ValueError("is not an https address, and Slack sends to no other")
    return check_web_address(url).removesuffix(EVENTS_PATH) + EVENTS_PATH


def _oauth() -> str:
    scopes = "".join(f"      - {scope} # {reason}\n" for scope, reason in _SCOPES.items())
    return f"oauth_config:\n  scopes:\n    bot:\n{scopes}"


def _settings(request_url: str | None, *, workflow_steps: bool) -> str:
    at_url = f"    request_url: {request_url}\n" if request_url else ""
    events = (*_EVENTS, _STEP_EVENT) if workflow_steps else _EVENTS
    lines = [
        "settings:\n",
        f"  event_subscriptions:\n{at_url}    bot_events:\n",
        *(f"      - {event}\n" for event in events),
        f"  interactivity:\n    is_enabled: true\n{at_url}",
        f"  socket_mode_enabled: {'false' if request_url else 'true'}\n",
        "  token_rotation_enabled: false\n",
    ]
    if workflow_steps:
        lines.append("  org_deploy_enabled: true\n")
        lines.append("  hermes_app_type: remote\n  function_runtime: remote\n")
    return "".join(lines)
