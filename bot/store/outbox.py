"""The outbox keeps what must be posted or done in Slack, until Slack accepts or finally refuses it.

An entry is written in the step that causes it, so a crash at any point delays but never loses it.
Each entry is about a subject, a record in Redis, whose fields mean something only to its kind.

A try holds its entry under a lease with a fencing token, and whatever ends the try acts only if it
still does. So a process that was frozen changes nothing of a try that was begun meanwhile.
"""

import logging
import secrets
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import ClassVar, Protocol, TypeAlias

from bot.model.errors import SlackRefused
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Millis, Ts
from bot.redis.connection import Store, millis, retried, seconds
from bot.redis.keep import ENTRY_LEASE, TRIED
from bot.redis.keys import subject_key
from bot.store.lua import scripts

log = logging.getLogger(__name__)


class OwedKind(StrEnum):
    """The kinds of entries that the core owes. They are kept in Redis, and in the log's `kind`.

    A thread must be told the `OUTCOME` of a reply, or the `DELAY` while it waits; one person, or a
    thread, must get a `NOTICE`. `WORDS` are what a session says, for a thread, `FILES` those that
    come with it, and by a `CLOSING` the buttons of a question give way. Its `CARD` must be posted
    or edited. A session must be started (`START`), or a person's words posted in their name
    (`POST`), and sent or begun with.
    """

    OUTCOME = "outcome"
    DELAY = "delay"
    NOTICE = "notice"
    WORDS = "words"
    FILES = "files"
    CLOSING = "closing"
    CARD = "card"
    START = "start"
    POST = "post"

    CHANGE = "change"
    """An author must be told what came of an edit or a deletion that met a reply being sent."""


ABOUT_REPLIES = frozenset({OwedKind.OUTCOME, OwedKind.DELAY})
"""The kinds whose subject is a reply's id."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An outbox entry: what it is about, a number, and what is to be done about it.

    Of a reply, `subject` is its id and `number` its round; of all else, the number is 1.
    """

    subject: str
    number: int
    kind: str

    def __str__(self) -> str:
        return f"{self.subject}|{self.number}|{self.kind}"

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields by which the log names the entry: `reply_id` if it is about a reply."""
        about = "reply_id" if self.kind in ABOUT_REPLIES else "subject"
        return {about: self.subject, "kind": str(self.kind)}


def parse_owed(text: str) -> Owed:
    """Parse an entry that `str` wrote."""
    subject, number, kind = text.split("|")
    return Owed(subject, int(number), kind)


def post_owed(team: str, key: str) -> Owed:
    """Return the entry of what is said in a person's name under `key`."""
    return Owed(f"{team}:post:{key}", 1, OwedKind.POST)


def answer_key(session: SessionId, asked: str) -> str:
    """Return the key of the answer, by a button, to what a session `asked`: the first counts."""
    return f"answer:{session}:{asked}"


def thread_of(subject: str) -> ThreadRef:
    """Return the thread of a subject of a card, or of a thread's words."""
    team, _, channel, thread_ts, *_ = subject.split(":")
    return ThreadRef(team=team, channel=channel, thread_ts=thread_ts)


class Schedule(Protocol):
    """Begins work in this process, now or later, if there is capacity (`schedule.py`).

    The work is due in Redis, where every process polls for it. So what exceeds the capacity
    here, or is lost with this process, is done a little later, here or elsewhere.
    """

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Deliver the session's mail in `after` seconds."""

    async def tell(self, owed: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Post an outbox entry in `after` seconds."""


class Owing(IntEnum):
    """What has come of an entry that was to be added; true while it is still to be done."""

    DONE = 0
    OPEN = 1
    NEW = 2
    """It was added just now; another request for its subject changes nothing."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A try at an entry, and by what it holds it (`held`).

    It is a try `again` if Slack may have accepted it before. `record` has the fields of the
    subject; a missing one is empty.
    """

    owed: Owed
    held: str
    again: bool
    record: Mapping[str, str]

    @property
    def at(self) -> Millis:
        """When it was begun."""
        return Millis(self.held.partition("|")[0]) - millis(ENTRY_LEASE)


Due: TypeAlias = tuple[Owed, float]
"""An entry, and in how many seconds it is due."""


class Outbox:
    """The entries, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def owe(
        self, owed: Owed, content: str, keep: timedelta, due: Millis = Millis(0)
    ) -> Owing:
        """Add an entry, with the `content` of its subject as JSON, once within `keep`.

        Before it is `due`, no poll finds it.
        """
        return Owing(
            await scripts.owe(
                self._store,
                subject=owed.subject,
                owed=str(owed),
                content=content,
                keep=seconds(keep),
                due_ms=due,
            )
        )

    async def content(self, subject: str) -> str | None:
        """Return what was to be done about `subject`, as long as that is kept."""
        return await self._store.field(subject_key(subject), "content")

    async def begin(self, owed: Owed) -> Begun | None:
        """Begin a try, and read the subject; None without an entry or its lease."""
        token, lease = secrets.token_hex(8), millis(ENTRY_LEASE)
        answer = await retried(
            lambda: scripts.begin_entry(self._store, owed=str(owed), token=token, lease_ms=lease)
        )
        if not answer:
            return None
        held, again, found = answer
        record = defaultdict(str, zip(found[::2], found[1::2], strict=True))
        return Begun(owed, held, bool(again), record)

    async def settle(self, begun: Begun, fate: "Fate") -> Sequence[Due]:
        """Let this be the fate of an entry; return what is due then, and in how many seconds."""
        return await fate.settle(self._store, begun)


class Fate(Protocol):
    """What becomes of an entry after a try, unless the try has lost it: a value to be settled."""

    @property
    def told(self) -> bool | None:
        """Whether something was told; None if this try was only one look of several."""

    async def settle(self, store: Store, begun: Begun) -> Sequence[Due]:
        """Note it in Redis; a repeat changes nothing. Return what is due then."""


class RefusedAs(SlackRefused):
    """Slack refused an entry, which has another `fate` than the refused ones of its kind."""

    def __init__(self, error: SlackRefused, fate: Fate) -> None:
        super().__init__(error.method, error.reason)
        self.fate = fate


class Leaves(StrEnum):
    """What Redis keeps of the subject of an entry that ends."""

    ALL = "all"
    FACT = "fact"
    """That it was owed, without its content."""

    NOTHING = "nothing"
    """It may be owed again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The entry ends.

    A delay that was told in the thread `delay_told_in` is due again at once if its reply no longer
    waits.
    """

    leaves: Leaves = Leaves.ALL
    told: bool = True
    delay_told_in: Ts = ""

    async def settle(self, store: Store, begun: Begun) -> Sequence[Due]:
        """End it."""
        await scripts.end_entry(
            store,
            owed=str(begun.owed),
            held=begun.held,
            leaves=self.leaves,
            delay_told_in=self.delay_told_in,
        )
        return ()


MOOT = Ended(told=False)
"""There is nothing, or no longer anything, to tell."""


class Teller(ABC):
    """Tells the entries of one kind, in Slack or to Devin."""

    __slots__ = ()
    kind: ClassVar[str]
    lanes: ClassVar[int] = 4
    """The entries told at once here: Slack accepts 1 message per second and channel."""

    is_decorative: ClassVar[bool] = False
    """Nothing that people or Devin said is lost without it."""

    is_found_by_polls: ClassVar[bool] = False
    """A poll begins its entries in the ordinary course, so the log calls none late."""

    is_later_work: ClassVar[bool] = False
    """Its entries stand for the relay's own later work, so they are not counted as waiting."""

    @property
    def refused(self) -> Fate:
        """What becomes of an entry that Slack refuses."""
        return Ended()

    @abstractmethod
    async def tell(self, begun: Begun) -> Fate:
        """Tell an entry, if there still is something to tell; return what becomes of it.

        Raises:
            SlackAway, DevinAway: the entry must be tried again. `SlackAway.maybe_done` says whether
                the next try must look for what this one posted (`having_posted`).
            SlackRefused: Slack does not take it.
        """


MANY = 16
"""The lanes of kinds that take their time, or often take little: outcomes may be only a ✅."""


@dataclass(frozen=True, slots=True)
class DueAgain:
    """Another try is due in `after` seconds, since this one `may_be_done` or for another look.

    Without a process, the entry is kept for at least `keep`.
    """

    after: float
    may_be_done: bool
    keep: timedelta = TRIED

    @property
    def told(self) -> None:
        """Nothing yet."""

    async def settle(self, store: Store, begun: Begun) -> Sequence[Due]:
        """Make it due again."""
        await scripts.pause_entry(
            store,
            owed=str(begun.owed),
            held=begun.held,
            may_be_done=self.may_be_done,
            after_ms=int(self.after * 1000),
            keep=seconds(self.keep),
        )
        return ((begun.owed, self.after),)
