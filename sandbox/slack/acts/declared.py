"""The app's manifest as Slack's client offers it: commands, shortcuts, steps and prompts.

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
    """A shortcut in the menu of every message, or a global one."""

    callback_id: str
    name: str
    is_global: bool = False


@dataclass(frozen=True, slots=True)
class StepKind:
    """A Workflow Builder step; `inputs` maps each name to whether it is required."""

    callback_id: str
    title: str
    inputs: dict[str, bool]


COMMANDS = (
    SlashCommand(
        "/devin-say",
        "[session or new] [message]",
        "Message a Devin session from this channel, or start one",
    ),
)
SHORTCUTS = (
    Shortcut("send_to_devin", "Send to Devin"),
    Shortcut("link_session", "Link to a Devin session"),
    Shortcut("start_session", "Start a Devin session", is_global=True),
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
    StepKind(
        "start_session",
        "Start a Devin session",
        {
            "prompt": True,
            "channel": True,
            "user": False,
            **dict.fromkeys(("repository", "mode", "playbook", "max_acus", "tags"), False),
        },
    ),
)
PROMPTS = (
    ("Start a session", "start"),
    ("List linked threads", "sessions"),
    ("Show all commands", "help"),
)
"""The prompts that an agent's messages suggest while it has set no others: titles and messages."""
