"""Devin's sessions: their states, and their ids and web addresses in what people write."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

SessionId = NewType("SessionId", str)
"""Canonical `devin-<hex>`; only `sessions.parse_session` makes one from outside text."""


class SessionState(StrEnum):
    """What a session is doing.

    `WAITING` and `APPROVAL` are for a person's answer and consent. A suspended session may be
    resumed, a finished one is done with its task, and an ended one takes no more messages.
    """

    WORKING = "working"
    WAITING = "waiting"
    APPROVAL = "approval"
    FINISHED = "finished"
    SUSPENDED = "suspended"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Listed:
    """A session to choose from; the title may be empty, and is somebody's words."""

    session: SessionId
    title: str


# Devin's ids are `devin-` and hex; its web addresses carry the hex alone or with the prefix
# (facts: docs.devin.ai, API reference of sessions). Bare hex must be long enough to be no word.
# ASCII, since ignoring case alone would take a dotless i for an i.
_SESSION = re.compile(r"devin-[0-9a-f]{1,64}|[0-9a-f]{12,64}", re.IGNORECASE | re.ASCII)
_SESSION_URL = re.compile(
    r"https://app\.devin\.ai/sessions/((?:devin-)?[0-9a-f]{1,64})/?", re.IGNORECASE | re.ASCII
)
_SLACK_LINK = re.compile(r"<([^<>|]*)(?:\|[^<>]*)?>")

SESSION_ADDRESS = "app.devin.ai/sessions/"
"""What every text has in it that `find_session` finds something in."""

_ADDRESS_WITHIN = re.compile(
    r"https://app\.devin\.ai/sessions/(?:devin-)?[0-9a-fA-F]{1,64}(?![0-9a-zA-Z_-])"
)


def parse_session(text: str) -> SessionId | None:
    """Read a session id or a session's web address, as typed or as Slack wraps it; else None."""
    wrapped = _SLACK_LINK.fullmatch(text.strip())
    bare = wrapped.group(1) if wrapped else text.strip().strip("`")
    if url := _SESSION_URL.fullmatch(bare):
        bare = url.group(1)
    elif not _SESSION.fullmatch(bare):
        return None
    return SessionId("devin-" + bare.lower().removeprefix("devin-"))


def find_session(text: str) -> SessionId | None:
    """The first session whose web address stands somewhere in `text`; else None."""
    found = _ADDRESS_WITHIN.search(text)
    return parse_session(found[0]) if found else None
