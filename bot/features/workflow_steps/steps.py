"""Workflow Builder steps, as Slack starts them."""

from enum import StrEnum

from bot.model.errors import PersonError
from bot.model.record import Record
from bot.model.times import Ts

SEND = "send_message"
LINK = "link_thread"
START = "start_session"


class Flaw(StrEnum):
    """The problems that a workflow step can have."""

    UNKNOWN = "unknown"
    SESSION = "session"
    PROMPT = "prompt"
    CHANNEL = "channel"
    THREAD = "thread"
    NO_THREAD = "no_thread"
    USER = "user"


class BadStep(PersonError):
    """A workflow step cannot be run as its author filled it in; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


class StepAsked(Record):
    """A step that Slack has started, as its author filled it in; an unreadable input is a `flaw`.

    `at` is the event's `ts`, or "", and `user` the person on whose behalf the step acts, if it
    names one. `options` are those of a start as words, perhaps wrong ones.
    """

    execution: str
    callback: str
    at: Ts
    session: str = ""
    text: str = ""
    channel: str = ""
    thread_ts: str = ""
    user: str = ""
    options: str = ""
    flaw: Flaw | None = None
