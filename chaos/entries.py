"""A message of a person's for Devin, whatever way it takes.

Its number is in its text, by which it is found everywhere.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

UNHEARD_SECONDS = 15.0
"""Time after which nothing more comes of a request to a process that died."""

NUMBERED = re.compile(r"reply (\d{6})(?:, edit (\d))?")


class Kind(StrEnum):
    """The way by which a message goes to Devin."""

    REPLY = "reply"
    FILE = "reply with a file"
    EDITED = "edited reply"
    DELETED = "deleted reply"
    FORWARDED = "Send to Devin"
    SAID = "/devin-say"
    STEP = "step"
    POSTED = "step in a channel"
    GIVEN_UP = "given up by Slack"
    NEWCOMER = "newcomer's reply"
    NAMES = "many names"
    HOURS = "hours late"
    PRIVATE = "between people"
    ORDER = "order"


THREADED = frozenset(
    {
        *(Kind.REPLY, Kind.FILE, Kind.EDITED, Kind.DELETED),
        *(Kind.GIVEN_UP, Kind.NEWCOMER, Kind.NAMES, Kind.HOURS),
    }
)
"""Messages in a linked thread, which must be taken in order.

Slack redelivers them until one is acknowledged; only those it has `GIVEN_UP` must be backfilled.
"""

ASKED = frozenset({Kind.FORWARDED, Kind.SAID})
"""Requested by a person, who sees a failure, and delivered once."""

STEPS = frozenset({Kind.STEP, Kind.POSTED})


def text_of(number: int, edit: int = 0) -> str:
    """Return the text of a message, after its first, second … edit."""
    return f"reply {number:06d}" + (f", edit {edit}" if edit else "")


def number_in(text: str) -> int | None:
    """Return the number of the message whose text is in `text`."""
    found = NUMBERED.search(text)
    return int(found.group(1)) if found else None


def file_of(number: int) -> str:
    """Return the name of a message's file."""
    return f"notes-{number:06d}.txt"


def content_of(name: str) -> bytes:
    """Return the content that the local Slack gives a file that has only a name."""
    return f"The content of {name}\n".encode()


@dataclass(slots=True)
class Entry:
    """A message: when it was acknowledged and taken, and what was reported about it.

    Times are Unix seconds, 0 for never. Numbers grow in the order of writing. `pressed` is when
    somebody first pressed *Send again*. `edits` has when each edit was
    acknowledged, `deleted` the same for a deletion; `took` has which edit's text Devin took each
    time. `posts` are the messages that the relay posted for it, `corrects` those that correct it;
    `is_kept`: Redis knows it as a reply, `accepted` and, the last time, `sending` since then.
    `given_up` is when Slack stopped delivering it. It is `late_told` if its thread was not told in
    time, and `kept_out` if Redis did not know it as long as strangers were there. `can_be_found`:
    the answer to it was lost while its session could be read. `is_repeated`: sent again although
    Devin might have it. `accounts` counts how often Devin took it as a member's own words;
    `is_misnamed`: with neither the member's account nor the author's name, or with both.
    """

    number: int
    session: str
    kind: Kind = Kind.REPLY
    acked: float | None = None
    settled: float | None = None
    edits: list[float | None] = field(default_factory=list)
    deleted: float | None = None
    given_up: float | None = None
    late_told: bool = False
    kept_out: bool = False
    can_be_found: bool = False
    pressed: float = 0.0
    must_fail: bool = False
    execution: str = ""

    taken: list[float] = field(default_factory=list)
    took: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    corrections: list[float] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    corrects: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    has_file: bool = False
    has_link: bool = False
    is_left_out: bool = False
    is_answered: bool = False
    is_kept: bool = False
    accepted: float | None = None
    sending: float | None = None
    is_repeated: bool = False
    accounts: int = 0
    is_misnamed: bool = False
    result: tuple[str, Any] | None = None

    @property
    def outcome(self) -> str:
        """The outcome that a step's workflow was told."""
        if self.result is None or self.result[0] != "success":
            return ""
        return str(self.result[1].get("outcome", ""))

    @property
    def is_uncertain(self) -> bool:
        """True if its thread, or its workflow, was told that the outcome is uncertain."""
        return "uncertain" in self.told or self.outcome == "uncertain"

    @property
    def is_seen(self) -> bool:
        """True if it had a visible effect."""
        return bool(self.taken or self.told)

    def left_at(self, place: int) -> float:
        """Return the time from which no event could change what Devin took that time."""
        taken = self.taken[place]
        return min(taken, self.sending or taken)

    @property
    def known_as(self) -> Sequence[str]:
        """The `ts` of every message that may be its reply."""
        return [*self.ids, *self.posts]

    @property
    def is_over(self) -> bool:
        """True if it has ended, or nothing more can come of it."""
        if self.kind in STEPS:
            return self.acked is not None and self.result is not None
        if self.kind in ASKED:
            if self.settled is None:
                return False
            is_late = time.time() - self.settled > UNHEARD_SECONDS
            return self.is_seen or self.is_answered or is_late
        if self.kind is Kind.ORDER:
            return self.is_answered
        if self.heard is None or self.kind is Kind.PRIVATE:
            return self.heard is not None
        return self.is_seen or self.deleted is not None

    @property
    def heard(self) -> float | None:
        """The time of its acknowledgement, or of being recorded as missing."""
        return self.acked if self.acked is not None else self.given_up

    def clear(self) -> None:
        """Forget what was read, before it is read again."""
        for found in (self.taken, self.took, self.told, self.corrections, self.posts):
            found.clear()
        self.corrects.clear()
