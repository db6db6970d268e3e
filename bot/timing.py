"""The relay's times, in one value: pauses, and deadlines past which it goes on without an answer.

A deadline decides what people see. So tests give all of them patience, and a slow machine changes
nothing; a test of one deadline sets that one alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of one process. Those that end in `_seconds` are deadlines."""

    notice_after: timedelta = timedelta(seconds=30)
    """The wait after which a thread is told that its reply still waits."""

    look_after: Sequence[float] = (1.0, 3.0)
    """The pauses before each look for a message whose answer was lost, in seconds."""

    redis_seconds: float = 2.0
    """A command of Redis: below Slack's 3 s, so that an event can be refused if Redis hangs."""

    look_up_seconds: float = 1.0
    """One try of a look-up at Slack; two fit into Slack's 3 s for an acknowledgement."""

    names_seconds: float = 2.0
    """All names in one text."""

    root_seconds: float = 1.0
    """The first message of a thread, for a form."""

    session_name_seconds: float = 0.9
    """A session's title at Devin."""

    list_seconds: float = 0.8
    """Devin's list of sessions, or the titles of some: people can do without them."""

    first_look_seconds: float = 0.9
    """The first look at a session, for which a person waits. What it reads is old."""

    modal_seconds: float = 1.0
    """The contents of a modal, before one opens that says to wait."""

    form_seconds: float = 2.5
    """The work of a submitted form, before its person is asked to try again."""

    soon_seconds: float = 1.0
    """What a command or a press asks for, before it is acknowledged: a share of Slack's 3 s."""

    claim_seconds: float = 2.0
    """Another process that is doing the same."""

    def with_patience(self, factor: float) -> "Timing":
        """Return a value whose deadlines are `factor` times as long."""
        deadlines = [one.name for one in fields(self) if one.name.endswith("_seconds")]
        return replace(self, **{name: getattr(self, name) * factor for name in deadlines})


TIMING = Timing()
"""What production uses."""
