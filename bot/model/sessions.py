"""Devin's sessions: their states, and their ids and web addresses in what people write."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

SessionId = NewType("SessionId", str)
"""Canonical `devin-<hex>`; only `sessions.parse_session` makes one from external text."""


SHORT = len("devin-01234567")
"""The length of a short ID: the beginning by which people see a session's ID."""

WHOLE = len("devin-") + 32
"""The length of a whole ID."""


class Unclear(StrEnum):
    """Why a short ID does not stand for a session: none or several fit, or Devin listed none."""

    NONE = "none"
    SEVERAL = "several"
    UNREAD = "unread"


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


RESTING = frozenset(SessionState) - {SessionState.WORKING, SessionState.UNKNOWN}
"""The states in which Devin's turn is over."""

WAITING = frozenset({SessionState.WAITING, SessionState.APPROVAL})
"""The states in which a session waits for a person."""

OVER = frozenset({SessionState.FINISHED, SessionState.ENDED})
"""The states in which nothing more is expected of a session."""


class Trouble(StrEnum):
    """The reason why a session stands still that nobody chose.

    With `LIMIT`, credits, a quota, a payment or a number of sessions is used up; with `ERROR`,
    Devin failed.
    """

    LIMIT = "limit"
    ERROR = "error"


class Closing(StrEnum):
    """The ways in which people end a session for good."""

    END = "end"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request that a session opened.

    `url` is http(s), printable ASCII, of at most 2,000 characters. `state` is as Devin tells it, as
    in "open", "merged" or "closed", and empty if Devin gives none.
    """

    url: str
    state: str = ""

    @property
    def word(self) -> str:
        """The state in lower case, to compare it."""
        return self.state.lower()

    @property
    def is_open(self) -> bool:
        """True if Devin gives a state, and it is not one of the two in which it is over."""
        return self.word not in {"", *PULL_REQUEST_OVER}


PULL_REQUEST_OVER = frozenset({"merged", "closed"})


@dataclass(frozen=True, slots=True)
class Review:
    """A Devin Review of a pull request at a `commit`; Devin tells its state, and no words of it.

    The states are `pending`, `running`, `completed` and `errored`, and perhaps others.
    """

    commit: str
    status: str

    @property
    def is_over(self) -> bool:
        """True if it will not change any more."""
        return self.status in {"completed", "errored"}


@dataclass(frozen=True, slots=True)
class NamedSession:
    """A session's id, with its title (untrusted text) and its web address, empty if unknown."""

    session: SessionId
    title: str = ""
    url: str = ""


SESSION_ADDRESS = "/sessions/"
"""A substring of every text in which `find_session` finds a session."""

# Devin's ids are `devin-` and hex; its web addresses carry the hex alone or with the prefix (facts:
# docs.devin.ai, API reference of sessions), and perhaps the organization. A dedicated deployment
# has a host of its own. Bare hex must be as long as Devin's: else it is a commit's hash, or a word.
# ASCII, because IGNORECASE alone would accept a dotless i for an i.
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}(?:devin\.ai|devinenterprise\.com)"
_PLACE = rf"{_HOST}(?:/org/[a-zA-Z0-9][a-zA-Z0-9_-]{{0,99}})?{SESSION_ADDRESS}"
_ADDRESS = rf"https://{_PLACE}((?:devin-)?[0-9a-fA-F]{{1,64}})"

_SESSION = re.compile(r"devin-[0-9a-f]{1,64}|[0-9a-f]{32}", re.IGNORECASE | re.ASCII)
_SESSION_URL = re.compile(rf"{_ADDRESS}/?", re.IGNORECASE | re.ASCII)
_URL_WITHIN = re.compile(rf"{_ADDRESS}(?![0-9a-zA-Z_-])")
_ATTEMPT = re.compile(rf"devin-|https?://(?:app\.devin\.ai|{_PLACE})", re.IGNORECASE | re.ASCII)
_SLACK_LINK = re.compile(r"<([^<>|]*)(?:\|[^<>]*)?>")

_PULL_REQUEST = re.compile(
    r"(https?://[\w.-]+(?::[0-9]{1,5})?/[\w.~%+@/-]{1,500}?"
    r"/(?:pull|merge_requests|pull-requests|pullrequest)/[0-9]{1,9})"
    r"(?:[/?#]\S*)?",
    re.IGNORECASE | re.ASCII,
)

_AROUND = " \n\t.,;:!?()`*_'\"\u200b"
"""What may stand around an address, and is no part of it."""


def parse_session(text: str) -> SessionId | None:
    """Parse a session id or web address, as typed or as Slack wraps it; None for anything else."""
    wrapped = _SLACK_LINK.fullmatch(text.strip())
    bare = wrapped.group(1) if wrapped else text.strip().strip("`")
    if url := _SESSION_URL.fullmatch(bare):
        bare = url.group(1)
    elif not _SESSION.fullmatch(bare):
        return None
    return SessionId("devin-" + bare.lower().removeprefix("devin-"))


def parse_pull_request(text: str) -> str | None:
    """Parse the address of a pull or merge request, or of one of its pages; None for others.

    It may be as typed, also in quotes or before a full stop, or as Slack wraps it.
    """
    bare = text.strip(_AROUND)
    wrapped = _SLACK_LINK.fullmatch(bare)
    found = _PULL_REQUEST.fullmatch(wrapped.group(1) if wrapped else bare)
    return found.group(1) if found else None


def find_session(text: str) -> SessionId | None:
    """Return the first session whose web address appears in `text`; None if there is none."""
    found = _URL_WITHIN.search(text)
    return parse_session(found[0]) if found else None


def looks_like_session(word: str) -> bool:
    """Return True if `word` begins like a session's id or web address, perhaps a malformed one."""
    return _ATTEMPT.match(word.lstrip("<`")) is not None
