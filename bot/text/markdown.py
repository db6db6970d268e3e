"""How the Markdown that Devin reads is written: names, links, code and nested emphasis.

Plain text stays as it was typed: its reader is an agent, and a backslash before every underscore
would change what the person wrote. Only what stands inside a link is made safe for its place.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from urllib.parse import quote

_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"})
_LIKE_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")

BOLD, ITALIC, STRIKE = "bold", "italic", "strike"
MARKS: Mapping[str, str] = {STRIKE: "~~", BOLD: "**", ITALIC: "*"}

_TICKS = re.compile("`+")
_NOT_IN_ADDRESS = re.compile(r"[\s<>]")
_LABEL = str.maketrans({char: "\\" + char for char in "\\[]"})
_DESTINATION = str.maketrans({"(": "%28", ")": "%29"})


@dataclass(frozen=True)
class Names:
    """What people call Slack's users, channels and user groups, by id; an unknown one is its id."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    def user(self, user_id: str) -> str:
        """Return `@Name`, or nothing for an empty id."""
        return _called("@", user_id, self.users)

    def channel(self, channel_id: str) -> str:
        """Return `#name`, or nothing for an empty id."""
        return _called("#", channel_id, self.channels)

    def group(self, group_id: str) -> str:
        """Return `@handle`, or nothing for an empty id."""
        return _called("@", group_id, self.groups)

    def over(self, labels: "Names") -> "Names":
        """Return these names, with `labels` where they have none."""
        if labels == NO_NAMES:
            return self
        return Names(
            users=_laid_over(self.users, labels.users),
            channels=_laid_over(self.channels, labels.channels),
            groups=_laid_over(self.groups, labels.groups),
        )


NO_NAMES = Names()


def _called(sign: str, ident: str, names: Mapping[str, str]) -> str:
    name = " ".join(names.get(ident, "").split()).removeprefix(sign) or ident
    return sign + name if name else ""


def _laid_over(names: Mapping[str, str], labels: Mapping[str, str]) -> Mapping[str, str]:
    return {**labels, **{ident: name for ident, name in names.items() if name.strip()}}


def link(url: str, label: str = "", *, code: bool = False) -> str:
    """Return `[label](url)`, or the bare address when the label says nothing more."""
    label = " ".join(label.split())
    address = _NOT_IN_ADDRESS.sub(lambda char: quote(char.group()), url.strip())
    if not label or label == address or not address:
        shown = address or label
        return code_span(shown) if code and shown else shown
    shown = code_span(label) if code else label.translate(_LABEL)
    return f"[{shown}]({address.translate(_DESTINATION)})"


def plain_link(url: str, label: str = "") -> str:
    """Return a link as it is read inside code, where no Markdown works."""
    if not label or not url:
        return url or label
    return label if label in url else f"{label} ({url})"


def code_span(content: str) -> str:
    """Return one line as inline code; a longer run of backticks holds those in the content."""
    runs = {len(run) for run in _TICKS.findall(content)}
    ticks = "`" * (max(runs, default=0) + 1)
    pad = " " if "`" in (content[:1], content[-1:]) else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def block_quote(text: str) -> str:
    """Return Markdown as a block quote: every line of it, whatever separates them."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def is_readable(text: str) -> bool:
    """Whether there is a character in `text` that a reader would see."""
    return any(
        unicodedata.category(char) not in _UNSEEN and char not in _LIKE_BLANKS for char in text
    )


def one_line(name: str) -> str:
    """Return a name, which its bearer chose, so that it cannot start a line of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]


def fence(content: str) -> str:
    """Return code as a fenced block without a language, verbatim but for newlines at its ends."""
    longest = max((len(run) for run in _TICKS.findall(content)), default=0)
    ticks = "`" * max(3, longest + 1)
    body = content.removeprefix("\n").removesuffix("\n")
    return f"{ticks}\n{body}\n{ticks}"


def instant(timestamp: str) -> str:
    """Return Unix seconds as ISO 8601 in UTC, or as they came when they are no time."""
    try:
        when = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return timestamp
    return when.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Run:
    """A piece of Markdown and the emphasis it has; blank ones take none of their own."""

    text: str
    styles: frozenset[str] = frozenset()


def emphasised(runs: Sequence[Run]) -> str:
    """Write runs with nested markers: never across a newline, never with blanks just inside."""
    runs = [run for run in runs if run.text]
    if not any(run.styles for run in runs):
        return "".join(run.text for run in runs)
    after, lasts = _look_ahead(runs)
    out: list[str] = []
    opened: list[str] = []
    for at, run in enumerate(runs):
        blank = run.text.isspace()
        wanted = after[at] if blank else run.styles
        kept = sum(1 for _ in takewhile(wanted.__contains__, opened))
        out += [MARKS[style] for style in reversed(opened[kept:])]
        del opened[kept:]
        if not blank:
            new = [style for style in MARKS if style in wanted and style not in opened]
            new.sort(key=lasts[at].__getitem__)
            out += [MARKS[style] for style in new]
            opened += new
        out.append(run.text)
    return "".join(out) + "".join(MARKS[style] for style in reversed(opened))


def _look_ahead(runs: Sequence[Run]) -> tuple[list[frozenset[str]], list[dict[str, int]]]:
    """For each run: the styles that go on after it if it is blank, and how long its own last.

    The lengths are negative, so that the style that lasts longest sorts first and is outermost.
    """
    after: list[frozenset[str]] = [frozenset()] * len(runs)
    lasts: list[dict[str, int]] = [{}] * len(runs)
    styles: frozenset[str] = frozenset()
    lengths: dict[str, int] = {}
    for at in range(len(runs) - 1, -1, -1):
        run = runs[at]
        if "\n" in run.text:
            styles = frozenset()
        elif not run.text.isspace():
            styles = run.styles
        after[at] = styles
        lengths = {style: lengths.get(style, 0) - 1 for style in styles}
        lasts[at] = lengths
    return after, lasts
