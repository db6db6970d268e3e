"""The app's manifest as Slack's client offers it: commands, shortcuts and steps.

The page shows these. A test compares them with the manifest that the bot prints.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A slash command with the hints that the composer shows."""

    command: str
    usage_hint: str
    description: str


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A message shortcut, in the menu of every message."""

    callback_id: str
    name: str


@dataclass(frozen=True, slots=True)
class StepKind:
    """A Workflow Builder step; `inputs` maps each name to whether it is required."""

    callback_id: str
    title: str
    inputs: dict[str, bool]


COMMANDS = (
    SlashCommand(
        "/devin-say",
        "[session] message, help, or nothing for a form",
        "Say something to a Devin session, in a new linked thread",
    ),
)
SHORTCUTS = (
    Shortcut("send_to_devin", "Send to Devin"),
    Shortcut("link_session", "Link to a Devin session"),
)
STEPS = (
    StepKind(
        "send_message",
        "Send a message to a Devin session",
        {"session": True, "message": True, "channel": False, "thread_ts": False, "user": False},
    ),
    StepKind(
        "link_thread",
        "Link a thread to a Devin session",
        {"session": True, "channel": True, "thread_ts": True, "user": False},
    ),
)
