"""The commands of the control API, one model for each POST."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Command(BaseModel):
    """The body of one POST; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Upload(Command):
    """A file attached to a message, with its content in base64."""

    name: str = Field(min_length=1, max_length=255)
    content: str = ""
    mimetype: str = "application/octet-stream"


class Say(Command):
    """Write a message as someone; `thread` is the root's ts."""

    text: str
    files: list[Upload] = []
    user: str = "ada"
    channel: str = "general"
    thread: str | None = None
    subtype: str | None = None
    broadcast: bool = False
    blocks: list[dict[str, Any]] | None = None


class Forward(Command):
    """Forward a message as someone, to a channel or into a thread of it (the root's ts)."""

    channel: str
    ts: str
    to: str
    thread: str | None = None
    user: str = "ada"
    comment: str = ""


class Slash(Command):
    """Use a slash command or Slack's own `/invite`, which Slack offers outside threads only."""

    command: str = Field(pattern=r"^/\S+$")
    text: str = ""
    user: str = "ada"
    channel: str = "general"


class Press(Command):
    """Press a button of a message or choose from its menu; the message may be ephemeral."""

    action_id: str
    channel: str
    message_ts: str
    user: str = "ada"
    value: str | None = None
    block_id: str | None = None
    ephemeral: bool = False


class RunShortcut(Command):
    """Run a shortcut on a message, or a global one."""

    callback_id: str
    channel: str = ""
    message_ts: str | None = None
    user: str = "ada"


class PressView(Command):
    """Press a button of a modal or of App Home, or choose from a menu there."""

    action_id: str
    view_id: str
    user: str = "ada"
    value: str | None = None
    block_id: str | None = None
    values: dict[str, Any] | None = None


class SubmitView(Command):
    """Submit a modal with Slack's `state.values`, or the short form: action id -> value."""

    view_id: str
    values: dict[str, Any]
    user: str = "ada"


class CloseView(Command):
    """Close a modal without submitting it."""

    view_id: str
    user: str = "ada"


class Suggest(Command):
    """Type into an external menu of a modal; the answer has the app's options."""

    action_id: str
    view_id: str
    typed: str = ""
    user: str = "ada"


class Stop(Command):
    """Press Slack's Stop button in the thread (the root's ts) of an agent session."""

    channel: str
    thread: str
    user: str = "ada"


class OpenHome(Command):
    """Open a tab of the app: Home, or its direct message."""

    user: str = "ada"
    tab: Literal["home", "messages"] = "home"


class RunStep(Command):
    """Start a Workflow Builder step."""

    callback_id: str
    inputs: dict[str, Any]


class Edit(Command):
    """Change the text of a message."""

    channel: str
    ts: str
    text: str


class Delete(Command):
    """Delete a message."""

    channel: str
    ts: str


class React(Command):
    """Add a person's reaction to a message, or take it back."""

    channel: str
    ts: str
    name: str = Field(pattern=r"^[a-z0-9_+:-]+$")
    user: str = "ada"
    remove: bool = False


class Behave(Command):
    """Set a session's answers; see `DevinSandbox.behave`."""

    session_id: str
    state: str
    detail: Any = None
    status: int | None = Field(default=None, ge=200, le=599)
    body: Any = None
    retry_after: float | str | None = None
    delay: float | None = Field(default=None, ge=0, le=600)
    takes: bool | None = None
    times: int | None = Field(default=None, ge=1)


class AddSession(Command):
    """Make a session known to the local Devin, or reset it."""

    session_id: str
    state: str = "running"
    title: str = ""


class DevinSay(Command):
    """Say something as Devin, in a session."""

    session_id: str
    text: str = Field(min_length=1)


class PullRequest(Command):
    """Let Devin open a pull request, or change one: the same address again. Without one, a new."""

    session_id: str
    url: str | None = Field(default=None, pattern=r"^https://\S+$")
    state: Literal["open", "draft", "merged", "closed"] = "open"


class Fail(Command):
    """Make the next calls of a Slack Web API method fail; see `SlackSandbox.fail_next`."""

    method: str
    status: int = Field(default=200, ge=200, le=599)
    error: str | None = None
    retry_after: int | None = None
    times: int = Field(default=1, ge=1)
    drop: bool = False
    drop_after: bool = False
    delay: float = Field(default=0.0, ge=0, le=600)


class Disconnect(Command):
    """Make Slack close the Socket Mode connections."""

    reason: Literal["warning", "refresh_requested", "link_disabled"] = "refresh_requested"
