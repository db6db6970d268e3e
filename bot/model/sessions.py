"""Devin's sessions: their states, their ids and addresses, and what is known of watched ones.

What of that is to be posted in the threads that follow is `Said`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from bot.model.generation import Generation
from bot.model.people import UserId
from bot.model.record import Record
from bot.model.times import DevinMillis, Micros, Millis

SessionId = NewType("SessionId", str)
"""Canonical `devin-<hex>`; only `sessions.parse_session` makes one from external text."""

SHORT = len("devin-01234567")
"""The length of a short ID: the beginning by which people see a session's ID."""

WHOLE = len("devin-") + 32
"""The length of a whole ID."""


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
    """Why a session stands still, if nobody chose that: a limit is used up, or Devin failed."""

    LIMIT = "limit"
    ERROR = "error"


class Closing(StrEnum):
    """The ways in which people end a session for good."""

    END = "end"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request that a session opened; `state` is Devin's word in lower case, or empty."""

    url: str
    state: str = ""

    def is_clear(self, before: "PullRequest | None") -> bool:
        """Return True unless it was over `before`, and Devin gives no state that is known here."""
        is_known = self.state in {"open", "reopened", "draft", "merged", "closed"}
        return is_known or before is None or (bool(self.state) and before.is_open)

    @property
    def is_open(self) -> bool:
        """True unless Devin says that it is over; it may give no state."""
        return self.state not in {"merged", "closed"}


@dataclass(frozen=True, slots=True)
class Review:
    """A Devin Review of a pull request at a `commit`; Devin tells its state, and no words of it."""

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
_SESSION_URL = re.compile(rf"{_ADDRESS}/?(?:[?#][!-~]*)?", re.IGNORECASE | re.ASCII)
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
    """Parse the address of a pull or merge request, or of a page of it, as typed or wrapped."""
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


class Follow(StrEnum):
    """How much of a session a thread follows: each message, the last of each turn, or nothing."""

    ALL = "all"
    TURNS = "turns"
    OFF = "off"


class SaidKind(StrEnum):
    """The kinds of items that a thread is shown; the values are kept in Redis.

    `QUESTION`: the session waits for an answer to its last message; `options` become buttons, which
    give way once that is `ANSWERED`, or the session `MOVED_ON`. `TROUBLE`: it has stopped, or no
    reply wakes it, and somebody needs to act. `TOO_LONG`: its messages can't be read, or `UNREAD`,
    not now. `PULL_REQUEST`: one was opened.
    """

    MESSAGE = "message"
    QUESTION = "question"
    APPROVAL = "approval"
    PULL_REQUEST = "pull_request"
    MERGED = "merged"
    CLOSED = "closed"
    FINISHED = "finished"
    ENDED = "ended"
    TROUBLE = "trouble"
    TOO_LONG = "too_long"
    UNREAD = "unread"
    CAP_NEAR = "cap_near"
    CAP_REACHED = "cap_reached"
    ANSWERED = "answered"
    MOVED_ON = "moved_on"


CLOSINGS = frozenset({SaidKind.ANSWERED, SaidKind.MOVED_ON})

NEEDS_PERSON = frozenset(
    {
        SaidKind.QUESTION,
        SaidKind.APPROVAL,
        SaidKind.FINISHED,
        SaidKind.ENDED,
        SaidKind.TROUBLE,
        SaidKind.CAP_REACHED,
    }
)
"""The items for which one person is mentioned."""

CAPS = frozenset({SaidKind.CAP_NEAR, SaidKind.CAP_REACHED})
"""The items that are told in each thread of a session, whatever it follows."""

NEAR = 0.8
"""The part of a cap whose use is told."""

OWN_LIMITS = frozenset({"usage_limit_exceeded", "total_session_limit_exceeded"})
"""The limits, in Devin's words, that may be a session's own; no document says which its cap is."""


def overrun(cap: int) -> float:
    """Return the ACUs by which a session may exceed a cap before it stops, or its total lag."""
    return max(1.0, cap / 10)


class Said(Record):
    """One item for a thread: a message of Devin's, or an event of its session.

    `id` is the message's id, or that of what is `asked`. `text` is Devin's, or the address of a
    pull request. `at` is when Devin wrote it, or, of what is closed, when it was asked. `acus` are
    what the session has used of its `cap`. An end has that if it is told with `CAP_REACHED`.
    """

    kind: SaidKind = SaidKind.MESSAGE
    session: SessionId = SessionId("")
    id: str = ""
    at: Millis = Millis(0)
    text: str = ""
    options: tuple[str, ...] = ()
    trouble: Trouble | None = None
    acus: float = 0.0
    cap: int = 0


def still_asked(items: Sequence[Said]) -> tuple[Sequence[Said], Sequence[Said]]:
    """Part what is to be posted from what is closed; what both hold is over before it is posted."""
    closed = [one for one in items if one.kind in CLOSINGS]
    over = {one.id for one in closed}
    asked = {SaidKind.QUESTION, SaidKind.APPROVAL}
    posted = [one for one in items if one.kind not in CLOSINGS]
    posted = [one for one in posted if one.kind not in asked or one.id not in over]
    return posted, closed


class Started(Record):
    """The start of a session by the relay: who asked for it, in which thread, and what applied.

    `cap` is the ACUs that the session may use, `chosen` its options as written, and `standing_by`
    who set the standing words of its prompt. `as_user` is the person's own account in Devin, if it
    was started as them. `asked` is when it was last asked for, and `until` its prompt's end.
    """

    by: UserId = UserId("")
    channel: str = ""
    thread: str = ""
    cap: int | None = None
    chosen: str = ""
    standing_by: UserId = UserId("")
    as_user: str = ""
    asked: Micros = Micros(0)
    until: Micros = Micros(0)


class Child(Record):
    """A session that another one has started, as it was last surveyed; the title is untrusted.

    `is_old`: it was there when its parent was first surveyed, and has not been surveyed yet.
    """

    session: SessionId
    title: str = ""
    url: str = ""
    state: SessionState = SessionState.UNKNOWN
    acus: float = 0.0
    is_old: bool = False


class Progress(Record):
    """How far a session has been read.

    `cursor` begins with the generation of Devin's API that gave it, and a blank. `skew` is how far
    Devin's clock is ahead (ms), and `spoke_at` when anybody last said something. After the cursor
    was lost, `reread_since` is when the session had been read before, until all of it is read
    again, and while Devin hides the messages of a session, when it was first read without them,
    unless a thread follows it from the first word. `is_too_long`: its messages can't be read.
    `unread_since` is when a read of new ones failed first, 0 if the last one succeeded;
    `is_unread_told`: threads know that. `is_unlinked`: no thread is linked to the session any more,
    but it was started here, and goes on.
    """

    cursor: str = ""
    skew: int = 0
    read_at: Millis = Millis(0)
    spoke_at: Millis = Millis(0)
    has_more: bool = False
    reread_since: Millis = Millis(0)
    is_too_long: bool = False
    unread_since: Millis = Millis(0)
    is_unread_told: bool = False
    is_unlinked: bool = False

    @property
    def is_new(self) -> bool:
        """True if the session's messages were never read."""
        return not self.read_at


class Seen(Record):
    """What Devin says of a session.

    `since` is when it entered its state, and `updated` when Devin last changed it. `limit` is
    Devin's word for the limit at which it is suspended, and `cap` that of its start.
    `is_missing`: Devin doesn't find it.
    """

    title: str = ""
    url: str = ""
    state: SessionState = SessionState.UNKNOWN
    since: Millis = Millis(0)
    trouble: Trouble | None = None
    limit: str = ""
    pull_requests: tuple[PullRequest, ...] = ()
    children: tuple[Child, ...] = ()
    parent: SessionId | None = None
    acus: float | None = None
    updated: DevinMillis = DevinMillis(0)
    is_missing: bool = False
    cap: int | None = None

    @property
    def is_at_rest(self) -> bool:
        """True if Devin's turn is over."""
        return self.state in RESTING

    @property
    def used(self) -> float:
        """The part of its cap that the session has used; 0 if it has none, or that is unknown."""
        return self.acus / self.cap if self.acus and self.cap else 0.0

    @property
    def is_stopped_at_cap(self) -> bool:
        """True if a limit of the session's own stops it, near its cap or anywhere above it."""
        return self.limit in OWN_LIMITS and self.used >= NEAR

    @property
    def is_at_cap(self) -> bool:
        """True if the session stands still with its cap used up, or at a limit of its own.

        One that exceeds its cap by more than an `overrun` without that has a higher one in Devin.
        """
        is_used_up = 1 <= self.used <= 1 + overrun(self.cap or 1) / (self.cap or 1)
        return self.is_stopped_at_cap or (is_used_up and self.state is not SessionState.WORKING)


class Asked(Record):
    """What a session waits for from people.

    `asked` is the id of the open question or approval, `asked_in` the state in which it was asked,
    and `options` are the answers that its buttons offer, of which an approval has one. It stays
    open until somebody replies, Devin asks something else, or the session enters another state than
    that one; a session that falls asleep still waits, and may when it wakes. `answerable_since` is
    when the poll was recorded that owed people this, or, if nothing is open, that the session has
    finished or stopped: only a reply that is sent later is an answer to that. `question` is the id
    of the message that last asked something.
    """

    asked: str = ""
    asked_in: SessionState = SessionState.UNKNOWN
    answerable_since: Millis = Millis(0)
    options: tuple[str, ...] = ()
    question: str = ""
    question_at: Millis = Millis(0)

    def has_open(self, state: SessionState) -> bool:
        """Return True if what was asked in that state is open."""
        return bool(self.asked) and self.asked_in is state


class Told(Record):
    """What people were told of a session.

    `last` is Devin's last message, and `is_turn_shown` says that threads which follow turns have
    been shown it. `cap_said` is the last event of the session's cap that people were told.
    """

    last: Said | None = None
    is_turn_shown: bool = True
    cap_said: SaidKind | None = None


class Watched(Progress, Seen, Asked, Told):
    """All that is known of a session since it was last read, kept as one JSON object."""

    @property
    def is_known(self) -> bool:
        """True if the session was read, or Devin doesn't find it."""
        return self.is_missing or not self.is_new

    @property
    def open_pulls(self) -> Sequence[PullRequest]:
        """Those whose state may change; version 1 tells none of any."""
        is_told = not self.cursor.startswith(Generation.V1)
        return [one for one in self.pull_requests if is_told and one.is_open]

    @property
    def waits(self) -> bool:
        """True if the session waits for a person, perhaps asleep."""
        return self.state in WAITING or bool(self.asked)

    @property
    def needs_someone(self) -> bool:
        """True if the session waits for a person, or has stopped without being over."""
        is_stopped = self.is_at_cap or self.trouble is not None
        return self.waits or (is_stopped and self.state not in {*OVER, SessionState.WORKING})
