"""The options of a start: what a person chose for a session beside its prompt.

Their one form on every way is words before the prompt: `Options.written` writes them, and
`text/options.py` reads them back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict

from bot.model.errors import PersonError
from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import SessionId

MODES = ("normal", "fast", "lite", "ultra", "fusion")
"""Devin's modes, as far as they are documented; it may have others."""

ORIGINS = (
    *("webapp", "slack", "teams", "api", "linear", "jira", "automation", "cli", "desktop"),
    *("code_scan", "other"),
)
"""What starts sessions (docs.devin.ai, "List sessions"); Devin refuses a list of another."""

MOST_TAGS = 49
"""A session has 50 at most (docs.devin.ai, "Create session"), and one is the relay's own."""

_QUOTES = str.maketrans("“”„‟", '""""')
_BARE = re.compile(r"""[^\s,"'“\u2018\u2019\u201a«»`*](?:[^\s,"“”]*[^\s,"“”`*])?""")


def one_line(text: str) -> str:
    """Return `text` with single blanks, and with straight quotation marks."""
    return " ".join(text.translate(_QUOTES).split())


Line = Annotated[str, AfterValidator(one_line)]


class Options(Record):
    """What was chosen; an empty field was not.

    A repository is `owner/name`, or an address that is not known to mean one. A playbook is an ID
    or a macro, such as `!deploy`. `max_acu` is the cap: the ACUs that the session may use.
    """

    repos: tuple[str, ...] = ()
    mode: str = ""
    playbook: str = ""
    max_acu: int | None = None
    tags: tuple[Line, ...] = ()
    title: Line = ""

    def over(self, other: "Options") -> "Options":
        """Return these options, with `other` for what they leave open; tags add up."""
        chosen = {name: value for name, value in self if value}
        tags = tuple(dict.fromkeys((*self.tags, *other.tags)))
        return other.model_copy(update={**chosen, "tags": tags})

    def written(self) -> str:
        """Return the options as they are written, as plain text; empty if nothing was chosen."""
        return " ".join(self.each())

    def each(self) -> Sequence[str]:
        """Return each option as it is written."""
        chosen = {key: getattr(self, name) for key, name in FIELDS.items()} | {"title": self.title}
        return [
            f"{key}:{quoted(str(one))}"
            for key, value in chosen.items()
            for one in (value if isinstance(value, tuple) else [value])
            if one
        ]


def quoted(value: str) -> str:
    """Return an option's value as it is written: with quotation marks, if it needs them."""
    if _BARE.fullmatch(value):
        return value
    return f"“{value}”" if '"' in value else f'"{value}"'


class Profile(Record):
    """What the starts of a channel use, its default session, and parts of features.

    `preface` precedes each prompt, and is Slack markup. `by` is who last changed the options or
    that, `preface_by` who set that, and `session_by` who chose the session.
    """

    model_config = ConfigDict(extra="allow")

    options: Options = Options()
    preface: str = ""
    session: SessionId | None = None
    by: UserId = UserId("")
    preface_by: UserId = UserId("")
    session_by: UserId = UserId("")

    def part(self, name: str) -> object:
        """Return the JSON value that a feature keeps for the channel by that name, or None."""
        return (self.model_extra or {}).get(name)

    @property
    def is_empty(self) -> bool:
        """True if nothing has been chosen for the channel."""
        return not any(self.model_dump(exclude_defaults=True).values())


@dataclass(frozen=True, slots=True)
class Playbook:
    """A playbook of the organization, with people's title, and perhaps a macro, as `!deploy`."""

    id: str
    title: str
    macro: str = ""

    @property
    def called(self) -> str:
        """The value of the option `playbook` that stands for it: its macro, or else its ID."""
        return self.macro or self.id


FIELDS: Mapping[str, str] = {
    "repo": "repos",
    "mode": "mode",
    "playbook": "playbook",
    "max": "max_acu",
    "tag": "tags",
}
"""The options that a profile may have, by their keys; a title is for one session."""

PREFACE = "words"
"""The key of the standing words, a profile's `preface`."""

MOST_PREFACE = 2_000
"""The longest ones, in characters of Slack markup."""


class OptionFlaw(StrEnum):
    """The problems that an option can have."""

    EMPTY = "empty"
    WRONG = "wrong"
    TWICE = "twice"
    """There is another value that excludes this one, such as `none`."""

    NEAR = "near"
    TOO_MANY = "too many"
    LACKING = "lacking"
    """This generation of Devin's API has no such option."""

    ABOVE = "above"
    """The cap is above the ceiling, which is the `value`."""

    NO_PLAYBOOK = "no playbook"
    NO_DEFAULT = "no default"
    """It is for one session, and not for all of a channel."""

    TOO_LONG = "too long"
    MORE = "more"
    """The `value` stands behind the options of a profile, and is none."""

    UNREAD = "unread"
    """Devin doesn't tell which playbook a macro stands for."""


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """What is wrong with the option `key`: its `value` as it was written, or for `NEAR` the key."""

    flaw: OptionFlaw
    key: str
    value: str = ""


class BadOptions(PersonError):
    """The options can't be used as they were written; `problems` are all that were found."""

    def __init__(self, problems: Sequence[OptionProblem]) -> None:
        super().__init__(", ".join(f"{one.key}: {one.flaw}" for one in problems))
        self.problems = tuple(problems)


class BadDefaults(BadOptions):
    """They can't be a channel's defaults."""
