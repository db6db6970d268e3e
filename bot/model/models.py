"""The relay's values: frozen, without I/O, and the JSON forms that Redis keeps.

A record's `v` is its schema version; a reader refuses a version it does not know, so that an old
process never half-understands a newer one's mail.
"""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Literal, NewType, Self

from pydantic import JsonValue

from bot.model.files import MOST_FORWARDED, Attached, Brought, Forwarded
from bot.model.record import Record

SessionId = NewType("SessionId", str)
"""Canonical `devin-<hex>`; only `sessions.parse_session` makes one from outside text."""

UserId = NewType("UserId", str)
WORKFLOW: UserId = UserId("workflow")
"""Who acts where a workflow's step does, and names nobody; no id of Slack's is lower-case."""

LONGEST_ID = 32
"""Slack's ids have about a dozen characters."""

ReplyId = NewType("ReplyId", str)
"""`team:channel:ts`, one per Slack message: what makes a redelivered event change nothing."""


def is_id(text: str) -> bool:
    """Whether `text` may be one of Slack's ids, of a user, a channel or a team."""
    return text.isascii() and text.isalnum() and len(text) <= LONGEST_ID


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as Devin lists it; the title may be empty, and is somebody's words."""

    session: SessionId
    title: str


class ThreadRef(Record):
    """A thread of one Slack channel, named by its first message's `ts`."""

    team: str
    channel: str
    thread_ts: str

    @classmethod
    def nowhere(cls, team: str, name: str, ts: str) -> Self:
        """The place of a message that stands in no thread: nothing is said or marked there."""
        return cls(team=team, channel=f"-{name}", thread_ts=ts)

    @property
    def is_nowhere(self) -> bool:
        """Whether it is no thread of Slack's; the id of a channel never begins so."""
        return self.channel.startswith("-")


class Link(Record):
    """What ties a thread to a session: by whom, when (Unix seconds), and whether it is muted.

    `since` is when it was made, or unmuted, in Unix milliseconds of Slack's clock: what was written
    before that is not for Devin. A link of an older version has none.
    """

    v: Literal[1] = 1
    session: SessionId
    by: UserId
    at: int
    muted: bool = False
    since: int = 0

    @property
    def hears_from(self) -> int:
        """Since when the thread's replies are for Devin, in Unix microseconds."""
        return self.since * 1000 or (self.at + 1) * 1_000_000


class Reply(Record):
    """A person's message in a linked thread, as Slack sent it.

    `author` is a user id, or the bot id of a bot that writes without a user; `bots` holds every id
    under which a bot's message may be allowed, and is empty for a person; `home` is that bot's
    workspace or organization, where Slack says it. `sent_by` is who sent somebody's message to
    Devin by a shortcut; `step` is the execution id of a workflow's step that waits for the outcome.
    `is_correction`: it says anew what an earlier message said.
    `forwarded` has the messages that the author forwards with it; a record of an older version has
    none.
    """

    v: Literal[1] = 1
    thread: ThreadRef
    ts: str
    author: UserId
    bots: tuple[str, ...] = ()
    home: str = ""
    text: str = ""
    blocks: tuple[dict[str, JsonValue], ...] = ()
    files: tuple[Attached, ...] = ()
    forwarded: tuple[Forwarded, ...] = ()
    sent_by: UserId | None = None
    step: str = ""
    is_correction: bool = False

    @property
    def id(self) -> ReplyId:
        """The reply's own key."""
        return reply_id(self.thread.team, self.thread.channel, self.ts)

    @property
    def all_files(self) -> tuple[Attached, ...]:
        """Its own files, then those of what it forwards, each of these once."""
        quoted = self.forwarded[:MOST_FORWARDED]
        others = dict.fromkeys(file for one in quoted for file in one.files)
        return (*self.files, *(file for file in others if file not in self.files))


def reply_id(team: str, channel: str, ts: str) -> ReplyId:
    """The key of the Slack message `ts` in that channel."""
    return ReplyId(f"{team}:{channel}:{ts}")


def millis_after(micros: int) -> int:
    """The first whole millisecond that is not before a time in microseconds."""
    return -(-micros // 1_000)


def micros_ts(micros: int) -> str:
    """The Slack `ts` of a time in microseconds."""
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def ts_micros(ts: str) -> int:
    """A Slack `ts` ("1764000000.000100") as whole microseconds; exact also as a Redis score.

    Raises:
        ValueError: `ts` is not such a string.
    """
    seconds, _, micros = ts.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 10):  # noqa: PLR2004  (until the year 2286)
        raise ValueError("not a Slack ts")
    if micros and not (micros.isascii() and micros.isdigit() and len(micros) <= 6):  # noqa: PLR2004  (microseconds)
        raise ValueError("not a Slack ts")
    return int(seconds) * 1_000_000 + int(micros.ljust(6, "0") or "0")


class OutcomeKind(StrEnum):
    """How a delivery ended; each has its own row in the README's table."""

    DELIVERED = "delivered"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    GIVEN_UP = "given_up"


SENDABLE_AGAIN = frozenset({OutcomeKind.SUSPENDED, OutcomeKind.UNCERTAIN, OutcomeKind.GIVEN_UP})
"""The outcomes whose report carries *Send again*; their text is kept for it."""


class Refusal(StrEnum):
    """Why Devin refused."""

    INVALID = "invalid"
    KEY_REJECTED = "key_rejected"
    FORBIDDEN = "forbidden"
    NO_SESSION = "no_session"
    OTHER = "other"


class Problem(Record):
    """One entry of a 422: where in the request, what is wrong, and Devin's type for it."""

    where: str
    what: str
    type: str


class Outcome(Record):
    """How a delivery ended, with what Devin said about it, and the files that went as links."""

    v: Literal[1] = 1
    kind: OutcomeKind
    refusal: Refusal | None = None
    detail: str = ""
    status: int | None = None
    problems: tuple[Problem, ...] = ()
    left_out: tuple[Brought, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether a mark says it all: delivered, with all of its files."""
        return self.kind is OutcomeKind.DELIVERED and not self.left_out

    @property
    def is_unread(self) -> bool:
        """Whether it only counts as refused: an answer of success that says nothing we know."""
        is_success = self.status in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
        return self.kind is OutcomeKind.REFUSED and is_success


@dataclass(frozen=True, slots=True)
class Wait:
    """Devin did not take the message and did not refuse it: it can be sent again safely.

    `retry_after` is in seconds, from Devin's `Retry-After`.
    """

    reason: str
    retry_after: float | None = None


class Standing(StrEnum):
    """Whether a person may steer Devin, and if not, why."""

    ALLOWED = "allowed"
    GUEST = "guest"
    EXTERNAL = "external"
    BOT = "bot"
    NOT_LISTED = "not_listed"
    CHANNEL = "channel"
    UNKNOWN = "unknown"


class Flaw(StrEnum):
    """What is wrong with a workflow's step."""

    UNKNOWN = "unknown"
    SESSION = "session"
    MESSAGE = "message"
    CHANNEL = "channel"
    THREAD = "thread"
    THREAD_ALONE = "thread_alone"
    NO_THREAD = "no_thread"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes in Slack, as `users.info` or `bots.info` describes them.

    `unsaid` holds the fields that Slack left out and that could tell a guest, or somebody from
    elsewhere; without its home a person counts as external.
    """

    id: UserId
    name: str
    is_guest: bool = False
    is_external: bool = False
    is_bot: bool = False
    is_known: bool = True
    unsaid: frozenset[str] = frozenset()

    @property
    def is_full_member(self) -> bool:
        """Whether Slack says that they are of this workspace, with all rights of its members."""
        is_described = self.is_known and not self.unsaid
        return is_described and not (self.is_guest or self.is_external or self.is_bot)

    @classmethod
    def unknown(cls, user: UserId) -> Self:
        """Somebody whom Slack does not describe: named by id, allowed nothing."""
        return cls(id=user, name=user, is_known=False)


class Voucher(StrEnum):
    """What says that a message is for Devin, and as it is."""

    EVENT = "event"
    """Slack brought it, perhaps a day late: it may have been changed or deleted since."""

    OLD_EVENT = "old event"
    """The same, by a later retry: what became of it may have been refused as it was."""

    THREAD = "thread"
    """It stands in its thread now."""

    PERSON = "person"
    """Somebody sends it, whatever became of it before."""


class Change(StrEnum):
    """What accepting a reply did."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    UNLINKED = "unlinked"
    MUTED = "muted"

    EARLIER = "earlier"
    """Nothing: it was written before the link was made, or while the thread was muted."""

    LATE = "late"
    """Nothing: it was not in its thread when that was read, or came in since; look there."""
