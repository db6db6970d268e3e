"""The audit trail: a line for each act of a person that sends something to Devin or changes a link.

The lines are part of the log, under one name. They hold ids and lengths, never words. Their events
and fields are a contract with whoever evaluates them: `docs/operations.md` has it, and a test
compares both.
"""

import logging
from enum import StrEnum

TRAIL = logging.getLogger("bot.audit")
"""The name is a literal: those who evaluate the log select by it."""


class Event(StrEnum):
    """An act of a person, as it is named in the trail."""

    ACCEPTED = "accepted"
    SENT_AGAIN = "sent again"
    EDITED = "edited"
    TURNED_AWAY = "turned away"
    LINKED = "linked"
    UNLINKED = "unlinked"
    MUTED = "muted"
    UNMUTED = "unmuted"
    FOLLOWED = "followed"
    STARTED = "session started"
    ANSWERED = "answered"
    APPROVED = "approved"
    ENDED = "session ended"
    ARCHIVED = "session archived"
    DEFAULT_SET = "default set"
    DEFAULT_CLEARED = "default cleared"


def audit(event: Event, by: str, /, **ids: object) -> None:
    """Put on record what `by` did, once it has taken effect; an empty id is left out."""
    TRAIL.info(event.value, extra={"by": by, **{key: one for key, one in ids.items() if one != ""}})
