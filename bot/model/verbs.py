"""The verbs of commands by mention, what may stand behind them, and a command."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bot.model.people import Act, UserId
from bot.model.threads import ThreadRef


class Takes(Enum):
    """What may stand behind a verb, besides fixed words and what has a parser of its own."""

    NOTHING = auto()
    TEXT = auto()
    SESSION = auto()
    ADDRESS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What may stand behind a verb, and what follows from that; with anything else, it is talk.

    Alone or with one of its `words`, it is a command, and with what it `takes`, or `parse` reads.
    It asks for `act`. If it sets something for a channel, `ends` is the word that ends that, as is
    another verb's; to set it asks for `Act.START`, and `/devin-say` doesn't take it for a message.
    If it `is_private`, its author alone is told what comes of it, also if it fails.

    Without a mention, in a thread of the direct message, it goes to Devin if it may be talk. If it
    was missed and `silences`, what was written after it must not reach Devin.
    """

    words: Sequence[str] = ()
    ends: str = ""
    takes: Takes = Takes.NOTHING
    parse: Callable[[str], object] | None = None
    act: Act = Act.MESSAGE
    may_be_talk: bool
    silences: bool = False
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command by mention: `verb`, and its argument, if any; `app` is as in a `Reply`."""

    verb: str
    argument: str
    thread: ThreadRef
    by: UserId
    ts: str
    app: str
