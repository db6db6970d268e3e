"""What is known of a watched session, and what of it is to be posted in the threads that follow.

Times are Unix milliseconds by Redis's clock, which all processes share, unless a field says
otherwise.
"""

from collections.abc import Sequence
from enum import StrEnum

from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import RESTING, WAITING, PullRequest, SessionId, SessionState, Trouble


class Follow(StrEnum):
    """How much of a session a thread follows: each message, the last of each turn, or nothing."""

    ALL = "all"
    TURNS = "turns"
    OFF = "off"


class SaidKind(StrEnum):
    """The kinds of items that a thread is shown; the values are kept in Redis.

    `QUESTION`: the session waits for an answer to its last message; `options` become buttons, which
    give way once that is `ANSWERED`, or the session `MOVED_ON`. `TROUBLE`: it has stopped and needs
    somebody to act. `TOO_LONG`: its messages can't be read. A `PULL_REQUEST` was opened, and then
    perhaps `MERGED` or `CLOSED`.
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

NEARLY_ALL = 0.98
"""The part of a cap that a session has used if it is the cap that stops it: no document says which
limit that is in Devin's words, and the total may be a little behind.
"""

STEP = 0.1
"""The part of a cap, but at least one ACU, by which a session may exceed it before it stops."""


class Said(Record):
    """One item for a thread: a message of Devin's, or an event of its session.

    `id` is the message's id, or that of what is `asked`. `text` is Devin's, or the address of a
    pull request. `at` is when Devin wrote it, or, of what is closed, when it was asked. `acus` are
    what the session has used of its `cap`.
    """

    kind: SaidKind = SaidKind.MESSAGE
    session: SessionId = SessionId("")
    id: str = ""
    at: int = 0
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

    `cap` is the ACUs that the session may use, and `chosen` the words of its options. `as_user` is
    the person's own account in Devin, if it was started as them.
    """

    by: UserId = UserId("")
    channel: str = ""
    thread: str = ""
    cap: int | None = None
    chosen: str = ""
    as_user: str = ""


class Child(Record):
    """A session that another one has started, as it was last surveyed; the title is untrusted.

    `is_missing`: Devin was asked for it again, and did not show it.
    """

    session: SessionId
    title: str = ""
    url: str = ""
    state: SessionState = SessionState.UNKNOWN
    acus: float = 0.0
    is_missing: bool = False


class Watched(Record):
    """A session as it was last read.

    `cursor` begins with the generation of Devin's API that gave it, and a blank. `since` is when
    the session entered its state, `read_at` when its messages were last read, and `spoke_at` when
    anybody last said something. `updated` is Devin's own time of its last change, and `skew` how
    far Devin's clock is ahead. `parent` started it, if a session did. `last` is Devin's last
    message, and `is_turn_shown` says that threads which follow turns have been shown it. `question`
    is the id of the message that last asked something, at `question_at`. After the cursor was lost,
    `reread_since` is when the session had been read before, until all of it is read again, and
    while Devin hides the messages of a session, when it was first read without them, unless a
    thread follows it from the first word; `is_too_long` says that it can't be, since its messages
    are too long. `cap` is that of the session's start, and `cap_told` the last event of it that
    people were told.

    `asked` is the id of the open question or approval, `asked_in` the state in which it was asked,
    and `options` are the answers that its buttons offer, of which an approval has one. It stays
    open until somebody replies, Devin asks something else, or the session enters another state than
    that one; a session that falls asleep still waits. `asked_at` is when people were told of it,
    or, if nothing is open, that the session has finished or stopped: only a reply that is sent
    later is an answer to that.
    """

    cursor: str = ""
    title: str = ""
    url: str = ""
    state: SessionState = SessionState.UNKNOWN
    since: int = 0
    trouble: Trouble | None = None
    pull_requests: tuple[PullRequest, ...] = ()
    children: tuple[Child, ...] = ()
    parent: SessionId | None = None
    acus: float | None = None
    updated: int = 0
    skew: int = 0
    read_at: int = 0
    spoke_at: int = 0
    has_more: bool = False
    reread_since: int = 0
    is_too_long: bool = False
    last: Said | None = None
    is_turn_shown: bool = True
    asked: str = ""
    asked_in: SessionState = SessionState.UNKNOWN
    asked_at: int = 0
    options: tuple[str, ...] = ()
    question: str = ""
    question_at: int = 0
    cap: int | None = None
    cap_told: SaidKind | None = None

    @property
    def is_new(self) -> bool:
        """True if the session's messages were never read."""
        return not self.read_at

    @property
    def waits(self) -> bool:
        """True if the session waits for a person, perhaps asleep."""
        return self.state in WAITING or bool(self.asked)

    def has_open(self, state: SessionState) -> bool:
        """Return True if what was asked in that state is open."""
        return bool(self.asked) and self.asked_in is state

    @property
    def is_at_rest(self) -> bool:
        """True if Devin's turn is over."""
        return self.state in RESTING

    @property
    def used(self) -> float:
        """The part of its cap that the session has used; 0 if it has none, or that is unknown."""
        return self.acus / self.cap if self.acus and self.cap else 0.0

    @property
    def is_at_cap(self) -> bool:
        """True if the session has used up its cap, or Devin has stopped it for that.

        One that goes on above its cap, by more than a step, has another one in Devin by now.
        """
        if self.trouble is Trouble.LIMIT and self.state is SessionState.SUSPENDED:
            return self.used >= NEARLY_ALL
        return 1 <= self.used <= 1 + max(1 / (self.cap or 1), STEP)
