"""The ledger of what Devin says: its messages, and what the threads of its sessions show of them.

Each message consists of numbered pieces, since the relay may join, split or file what it posts.
What Slack shows is the truth. `hearing.py` decides what is right and wrong.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bot.model.sessions import Follow
from chaos.sentences import LINKS_FILE, says

PIECE = re.compile(r"said (\d{6})\.(\d{3})")
FILE = re.compile(r"\bsaid-(\d{6})\.txt")


class Why(StrEnum):
    """The reason for which a thread must not show a message, as the sin is called if it does."""

    ECHO = "said: echoed"
    BEFORE = "said: from before the link"
    UNFOLLOWED = "said: in a thread that does not follow"
    SHARED = "said: in a shared channel"
    MOVED = "said: in a channel with another id"
    PERHAPS = "said: perhaps"
    """It may be shown, once, or not: the thread follows turns."""


class Place(NamedTuple):
    """A thread of a channel, by the channel's name and the root's `ts`."""

    channel: str
    root: str


@dataclass(slots=True)
class Ear:
    """A thread of a session: whether it hears what Devin says now, and what its card must show.

    `why` is the reason for which it does not hear, and `expects` the sentences of a right card,
    none if there must not be one. Slack's own state is to be one of `statuses`, or any without.
    With `has_turns`, it follows turns for a while; `follow` is what it was last told.
    """

    place: Place
    session: str
    why: Why | None = None
    expects: Sequence[str] = ()
    statuses: Collection[str] = ()
    is_muted: bool = False
    follow: Follow = Follow.ALL
    has_turns: bool = False


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message of Devin's, with the threads of its session as they were when it was said.

    `heard` has None for a thread that must show it, once, or the reason why it must not.
    """

    number: int
    session: str
    pieces: int
    has_file: bool
    heard: Mapping[Place, Why | None]

    @property
    def text(self) -> str:
        """Its text; each piece is a paragraph."""
        if self.pieces == 1:
            return piece(self.number, 0)
        paragraphs = (f"{piece(self.number, at)} {FILLING}" for at in range(self.pieces))
        return "\n\n".join(paragraphs)

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"said-{self.number:06d}.txt"


FILLING = "and then it goes on, as a long answer does. " * 18


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of the relay's in a thread.

    `words` are what it shows as Devin's, `files` the names and contents that came with it, and
    `whole` is everything that it consists of. `is_card`: it is the card of a link.
    """

    words: str = ""
    files: Sequence[tuple[str, bytes]] = ()
    whole: str = ""
    is_card: bool = False


@dataclass(slots=True)
class Heard:
    """What a thread shows of Devin's messages.

    `posted` counts the pieces in posts and `filed` those in files, `order` is that of the posts.
    `brought` counts the files of messages that are there, and `linked` those that are linked.
    """

    posted: Counter[tuple[int, int]] = field(default_factory=Counter)
    filed: Counter[tuple[int, int]] = field(default_factory=Counter)
    brought: Counter[int] = field(default_factory=Counter)
    linked: Counter[int] = field(default_factory=Counter)
    order: list[tuple[int, int]] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)

    def has(self, one: Spoken) -> bool:
        """Return True if the whole message is there."""
        pieces = ((one.number, at) for at in range(one.pieces))
        is_said = all(self.posted[it] or self.filed[it] for it in pieces)
        return is_said and (not one.has_file or self._files(one) > 0)

    def has_any(self, one: Spoken) -> bool:
        """Return True if a part of the message is there."""
        pieces = ((one.number, at) for at in range(one.pieces))
        return any(self.posted[it] or self.filed[it] for it in pieces) or self._files(one) > 0

    def has_twice(self, one: Spoken) -> bool:
        """Return True if a part of the message is there more than once.

        The file of a long message has all of it, and the posts its beginning.
        """
        pieces = [(one.number, at) for at in range(one.pieces)]
        return (
            any(self.posted[it] > 1 or self.filed[it] > 1 for it in pieces) or self._files(one) > 1
        )

    def _files(self, one: Spoken) -> int:
        return self.brought[one.number] + self.linked[one.number]


class Speech:
    """All that Devin says in a run, the threads, and what they showed when last read."""

    def __init__(self) -> None:
        self.spoken: list[Spoken] = []
        self.ears: dict[Place, Ear] = {}
        self.heard: dict[Place, Heard] = {}
        self.statuses: Mapping[str, str] = {}
        """Slack's own states of the threads, by their roots."""
        self.pending: set[str] = set()
        """The sessions that have not said everything yet."""
        self.refused = 0
        """Files that Devin has refused for good; any other refusal passes."""
        self.odd = 0
        """How often all was heard in a state that the relay doesn't know."""

    def listen(self, ear: Ear) -> Ear:
        """Add a thread."""
        self.ears[ear.place] = ear
        self.heard[ear.place] = Heard()
        return ear

    def say(
        self, session: str, *, pieces: int = 1, has_file: bool = False, why: Why | None = None
    ) -> Spoken:
        """Add a message that Devin is about to say; `why` holds for all threads, if given."""
        heard = {ear.place: why or ear.why for ear in self.ears.values() if ear.session == session}
        one = Spoken(len(self.spoken), session, pieces, has_file, heard)
        self.spoken.append(one)
        return one

    def read(self, threads: Mapping[Place, Sequence[Shown]]) -> None:
        """Replace what was read: the relay's messages in each thread, in order."""
        self.heard = {place: heard_in(shown) for place, shown in threads.items()}

    @property
    def is_over(self) -> bool:
        """True if every thread shows what it must, and every card is right."""
        return all(map(self.is_right, self.threads)) and not self.pending

    @property
    def threads(self) -> Sequence[Ear]:
        """All threads."""
        return list(self.ears.values())

    def is_right(self, ear: Ear) -> bool:
        """Return True if a thread shows all that it must, also by its card and Slack's state."""
        return self.has_heard(ear) and is_card_right(self, ear) and is_status_right(self, ear)

    def has_heard(self, ear: Ear) -> bool:
        """Return True if a thread shows all that it must."""
        there = self.heard[ear.place]
        wanted = (one for one in self.spoken if one.heard.get(ear.place, Why.UNFOLLOWED) is None)
        return all(there.has(one) for one in wanted)


def is_card_right(speech: Speech, ear: Ear) -> bool:
    """Return True if a thread has one card, with all that it must show; or none, if it must not."""
    cards = speech.heard[ear.place].cards
    if not ear.expects:
        return not cards
    return len(cards) == 1 and all(says(cards[0], one) for one in ear.expects)


def is_status_right(speech: Speech, ear: Ear) -> bool:
    """Return True if Slack's own state of a thread is right, as far as one is expected."""
    return not ear.statuses or speech.statuses.get(ear.place.root, "") in ear.statuses


def piece(number: int, at: int) -> str:
    """Return the words by which a piece of a message is recognized."""
    return f"said {number:06d}.{at:03d}"


def pieces_in(text: str) -> Sequence[tuple[int, int]]:
    """Return the pieces in a text, in order."""
    return [(int(number), int(at)) for number, at in PIECE.findall(text)]


def heard_in(shown: Sequence[Shown]) -> Heard:
    """Return what the messages of a thread show of Devin's."""
    heard = Heard()
    for one in shown:
        found = pieces_in(one.words)
        heard.posted.update(found)
        heard.order += found
        if says(one.whole, LINKS_FILE):
            heard.linked.update(int(number) for number in FILE.findall(one.whole)[-1:])
        if one.is_card:
            heard.cards.append(one.whole)
        for name, content in one.files:
            _read_file(heard, name, content)
    return heard


def _read_file(heard: Heard, name: str, content: bytes) -> None:
    """Read a file: one that Devin sent, or a long message."""
    text = content.decode(errors="replace")
    found = pieces_in(text)
    if name.startswith("said-"):
        heard.brought.update(number for number, _ in found)
    else:
        heard.filed.update(found)
