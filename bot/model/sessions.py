"""Devin's sessions: their states, and their ids and web addresses in what people write."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

SessionId = NewType("SessionId", str)
"""Canonical `devin-<hex>`; only `sessions.parse_session` makes one from external text."""


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
    """A session to choose from; the title may be empty, and is untrusted text."""

    session: SessionId
    title: str


# Devin's ids are `devin-` and hex; its web addresses carry the hex alone or with the prefix (facts:
# docs.devin.ai, API reference of sessions). Bare hex must be long enough not to be a word. ASCII,
# because IGNORECASE alone would accept a dotless i for an i.
_SESSION = re.compile(r"devin-[0-9a-f]{1,64}|[0-9a-f]{12,64}", re.IGNORECASE | re.ASCII)
_SESSION_URL = re.compile(
    r"https://app\.devin\.ai/sessions/((?:devin-)?[0-9a-f]{1,64})/?", re.IGNORECASE | re.ASCII
)
_SLACK_LINK = re.compile(r"<([^<>|]*)(?:\|[^<>]*)?>")

SESSION_ADDRESS = "app.devin.ai/sessions/"
"""A substring of every text in which `find_session` finds a session."""

_ADDRESS_WITHIN = re.compile(
    r"https://app\.devin\.ai/sessions/(?:devin-)?[0-9a-fA-F]{1,64}(?![0-9a-zA-Z_-])"
)


def parse_session(text: str) -> SessionId | None:
    """Parse a session id or web address, as typed or as Slack wraps it; None for anything else."""
    wrapped = _SLACK_LINK.fullmatch(text.strip())
    bare = wrapped.group(1) if wrapped else text.strip().strip("`")
    if url := _SESSION_URL.fullmatch(bare):
        bare = url.group(1)
    elif not _SESSION.fullmatch(bare):
        return None
    return SessionId("devin-" + bare.lower().removeprefix("devin-"))


def find_session(text: str) -> SessionId | None:
    """Return the first session whose web address appears in `text`; None if there is none."""
    found = _ADDRESS_WITHIN.search(text)
    return parse_session(found[0]) if found else None
