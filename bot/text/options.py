"""Reads the options at the beginning of a prompt: `repo:acme/api mode:fast Fix the login`.

They end at the first word that is none, with which the prompt begins; it is kept to the letter.
The text is Slack markup. `Options.written` is the inverse.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from bot.model.options import (
    FIELDS,
    MODES,
    MOST_PREFACE,
    MOST_TAGS,
    ORIGINS,
    PREFACE,
    BadOptions,
    OptionFlaw,
    OptionProblem,
    Options,
    one_line,
)
from bot.model.spelling import distance
from bot.text.mrkdwn import unescape

KEYS = ("repo", "mode", "playbook", "max", "tag", "title")

MOST_DIGITS = 6

_NONE = "none"

_SEVERAL = frozenset({"repo", "tag", "origin"})
"""The keys that may have several values."""

_PLURALS = {"repos": "repo", "tags": "tag"}

# fmt: off
_QUOTES = {
    '"': '"”', "“": "”", "”": '”"', "„": "“”", "'": "'’", "‘": "’'", "’": "’'",  # noqa: RUF001
    "‚": "‘’", "«": "»", "»": "«»", "`": "`",  # noqa: RUF001
}
# fmt: on
"""The marks that begin a quoted value, and those that end it.

Behind a colon, a keyboard with typographic quotation marks may type the one that closes."""

# Who copies an option from one of the bot's messages has it as code.
_KEY = re.compile(r"(?:[`*](?=[A-Za-z]+[:=][^\s`*]))?([A-Za-z]{2,10})[:=]")
_MACRO = re.compile(r"![A-Za-z][\w-]*(?=\s|$)", re.ASCII)
_MENTION = re.compile(r"<[@#!]")
_VALUE = re.compile(r"(?:<[^<>]*>|[^\s<]|<)*")
_MORE = re.compile(r"\s+(?=,)")
_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_SCHEME = re.compile(r"https?://|mailto:")

_MODE = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_PLAYBOOK = re.compile(r"![A-Za-z][\w-]{0,99}|playbook[-_][\w-]{1,99}", re.ASCII)
_REPO = re.compile(r"[\w.-]+(?:/[\w.-]+)+", re.ASCII)
_HOSTED = re.compile(
    r"(?:https?://|ssh://)?(?:[^@/\s]+@)?(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org)"
    r"[/:]([\w.-]+(?:/[\w.-]+)+)",
    re.ASCII,
)
_ADDRESS = re.compile(r"(?:https?|ssh)://[^\s\"“”,]+/[^\s\"“”,]+|git@[\w.-]+:[^\s\"“”,]+", re.ASCII)
# What stands behind a repository's name in addresses of its pages.
_PAGES = re.compile(r"/(?:-/|tree/|blob/|src/|pulls?\b|issues\b|commits?\b).*")


def parse_options(text: str) -> tuple[Options, str]:
    """Return the options at the beginning of `text`, and the prompt; raises `BadOptions`."""
    reading = Reading(text)
    rest = reading.run()
    if reading.problems:
        raise BadOptions(reading.problems)
    return reading.options(), rest


class Reading:
    """One pass over a text: the values `found` by key, and all `problems`.

    With `PREFACE` among its `keys`, it reads a profile's options.
    """

    def __init__(self, text: str, keys: Sequence[str] = KEYS) -> None:
        self.found: dict[str, list[str]] = {}
        self.problems: list[OptionProblem] = []
        self._text = text
        self._keys = keys
        self._at = 0

    def options(self) -> Options:
        """Return what was found, as the options of a start."""
        chosen = {
            FIELDS.get(key, key): tuple(dict.fromkeys(values)) if key in _SEVERAL else values[-1]
            for key, values in self.found.items()
            if values
        }
        return Options.model_validate(chosen)

    def run(self) -> str:
        """Read the options; return what stands behind them."""
        begin = self._at
        while self._read_one():
            begin = self._at
        if len(set(self.found.get("tag", ()))) > MOST_TAGS:
            self.problems.append(OptionProblem(OptionFlaw.TOO_MANY, "tag", str(MOST_TAGS)))
        return self._text[begin:].lstrip() if begin else self._text

    def _read_one(self) -> bool:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        if macro := _MACRO.match(self._text, self._at):
            self._at = macro.end()
            is_mode = macro[0][1:].lower() in MODES
            self._take("mode" if is_mode else "playbook", macro[0][1:] if is_mode else macro[0])
            return True
        named = _KEY.match(self._text, self._at)
        if named is None:
            return False
        key, self._at = _key(named[1]), named.end()
        if key in self._keys:
            self._read_values(key)
            return True
        meant = _meant(named[1].lower(), self._keys, shown(self._rest_of_word()))
        if meant is not None:
            self.problems.append(OptionProblem(OptionFlaw.NEAR, meant, named[1]))
        return meant is not None

    def _read_values(self, key: str) -> None:
        closers = _QUOTES.get(self._text[self._at : self._at + 1], "")
        end = closers and re.compile(f"[{closers}](?=\\s|$)").search(self._text, self._at + 1)
        inside = self._text[self._at + 1 : end.start()] if end else ""
        if any(mark in inside for mark in (*closers, self._text[self._at : self._at + 1])):
            end = None  # a mark is missing, or one begins a quotation in the prompt
        if end:
            self._take(key, inside)
            self._at = end.end()
        elif closers:
            written = shown(self._rest_of_word())
            self.problems.append(OptionProblem(OptionFlaw.WRONG, key, written))
        else:
            written = self._rest_of_word()
            for one in written.split(",") if key in _SEVERAL else [written]:
                self._take(key, one)
        if key in _SEVERAL and (more := _MORE.match(self._text, self._at)):
            self._at = more.end()
            written = shown(self._rest_of_word())
            self.problems.append(OptionProblem(OptionFlaw.WRONG, key, written))

    def _rest_of_word(self) -> str:
        found = _VALUE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found[0].strip("`*") if found else ""

    def _take(self, key: str, written: str) -> None:
        value = written.strip() if key == PREFACE else shown(written)
        read = _READERS[key](value) if key in _READERS else value
        is_none = PREFACE in self._keys and value.lower() == _NONE
        if is_none and key not in self.found:
            self.found[key] = []
        elif not value:
            self.problems.append(OptionProblem(OptionFlaw.EMPTY, key))
        elif key in self.found and (is_none or key not in _SEVERAL or not self.found[key]):
            self.problems.append(OptionProblem(OptionFlaw.TWICE, key, value))
        elif read is None or (key != PREFACE and _MENTION.search(written)):
            self.problems.append(OptionProblem(OptionFlaw.WRONG, key, value))
        elif len(value) > MOST_PREFACE:
            self.problems.append(OptionProblem(OptionFlaw.TOO_LONG, key, str(MOST_PREFACE)))
        else:
            self.found.setdefault(key, []).append(read)


def _key(word: str) -> str:
    return _PLURALS.get(word.lower(), word.lower())


def shown(written: str) -> str:
    """Return a value as people see it, on one line, without Slack's markup."""
    return one_line(unescape(_LINK.sub(_address, written)))


def _address(link: re.Match[str]) -> str:
    """Return what was typed where Slack made a link of it, or else the link's address."""
    address, label = link[1], link[2] or ""
    is_typed = _SCHEME.sub("", address).rstrip("/") == label.rstrip("/")
    return label if is_typed else address


def _meant(word: str, keys: Sequence[str], value: str) -> str | None:
    """Return the key that `word` nearly is, if that takes the value; of modes, only known ones."""
    near = next((key for key in (*keys, *_PLURALS) if distance(word, key) == 1), "")
    key = _PLURALS.get(near, near)
    is_taken = value.lower() in MODES if key == "mode" else bool(_READERS.get(key, str)(value))
    return key if key and is_taken else None


def _mode(value: str) -> str | None:
    found = _MODE.fullmatch(value.lower().removeprefix("!"))
    return found[0] if found and found[0] != "none" else None


def _origin(value: str) -> str | None:
    return value.lower() if value.lower() in ORIGINS else None


def _cap(value: str) -> str | None:
    is_number = value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
    return str(int(value)) if is_number and int(value) else None


def _repo(value: str) -> str | None:
    """Return a repository as Devin takes it; an address on an unknown host stays one."""
    bare = value.partition("?")[0].partition("#")[0].rstrip("/")
    if hosted := _HOSTED.fullmatch(bare):
        bare = _PAGES.sub("", hosted[1])
    elif not _REPO.fullmatch(bare):
        return value if _ADDRESS.fullmatch(value) else None
    bare = bare.removesuffix(".git").rstrip("/")
    return bare if "/" in bare else None


_READERS: Mapping[str, Callable[[str], str | None]] = {
    "repo": _repo,
    "mode": _mode,
    "playbook": lambda value: value if _PLAYBOOK.fullmatch(value) else None,
    "max": _cap,
    "origin": _origin,
}
"""The readers of values; any other option takes what is written."""
