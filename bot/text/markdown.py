"""Writes the Markdown that Devin reads: names, links, code and nested emphasis.

Plain text stays as it was typed: its reader is an agent, and a backslash before every underscore
would change what the person wrote. Only text inside a link is escaped for its place.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


Mention = tuple[str, str]
"""The kind (a key of `SIGNS`) and the id of a user, a channel or a user group."""

Names = Mapping[Mention, str]
"""The names of what is mentioned; without one, the id is shown."""

NO_NAMES: Names = {}
SIGNS: Mapping[str, str] = {"user": "@", "channel": "#", "usergroup": "@"}


def called(mention: Mention, names: Names) -> str:
    """Return `@Name`, `#name` or `@handle`, or nothing for an empty id."""
    sign = SIGNS[mention[0]]
    name = " ".join(names.get(mention, "").split()).removeprefix(sign) or mention[1]
    return sign + name if name else ""


def laid_over(names: Names, labels: Names) -> Names:
    """Return `names`, with `labels` filling in for missing ones."""
    if not labels:
        return names
    return {**labels, **{of: name for of, name in names.items() if name.strip()}}


def link(url: str, label: str = "", *, code: bool = False) -> str:
    """Return `[label](url)`, or the bare address if the label adds nothing."""
    label = " ".join(label.split())
    address = _NOT_IN_ADDRESS.sub(lambda char: quote(char.group()), url.strip())
    if not label or label == address or not address:
        shown = address or label
        return code_span(shown) if code and shown else shown
    shown = code_span(label) if code else label.translate(_LABEL)
    return f"[{shown}]({address.translate(_DESTINATION)})"


def plain_link(url: str, label: str = "") -> str:
    """Return a link for use inside code, where Markdown is not rendered."""
    if not label or not url:
        return url or label
    return label if label in url else f"{label} ({url})"


def code_span(content: str) -> str:
    """Return one line as inline code, in a longer run of backticks than any in the content."""
    ticks = longer_ticks(content)
    pad = " " if "`" in (content[:1], content[-1:]) else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def longer_ticks(content: str, least: int = 1) -> str:
    """Return a run of backticks that is longer than any in the content."""
    return "`" * max(least, max(map(len, _TICKS.findall(content)), default=0) + 1)


def block_quote(text: str) -> str:
    """Return Markdown as a block quote; every kind of line break starts a new quoted line."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def is_readable(text: str) -> bool:
    """True if `text` has a character that a reader would see."""
    return any(
        unicodedata.category(char) not in _UNSEEN and char not in _LIKE_BLANKS for char in text
    )


def one_line(name: str) -> str:
    """Return a name, which its owner chose, as a single line of at most 80 printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]


def fence(content: str) -> str:
    """Return code as a fenced block without a language, verbatim except newlines at its ends."""
    ticks = longer_ticks(content, 3)
    return f"{ticks}\n{content.removeprefix(chr(10)).removesuffix(chr(10))}\n{ticks}"


def instant(timestamp: str) -> str:
    """Return Unix seconds as ISO 8601 in UTC, or the text itself if it is not a timestamp."""
    try:
        when = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return timestamp
    return when.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Run:
    """A piece of Markdown with its emphasis; a blank run has no emphasis of its own."""

    text: str
    styles: frozenset[str] = frozenset()


def emphasised(runs: Sequence[Run]) -> str:
    """Write runs with nested markers; none spans a newline or has a blank just inside it."""
    runs = [run for run in runs if run.text]
    if not any(run.styles for run in runs):
        return "".join(run.text for run in runs)
    out: list[str] = []
    opened: list[str] = []
    for run, (after, lasts) in zip(runs, _look_ahead(runs), strict=True):
        blank = run.text.isspace()
        wanted = after if blank else run.styles
        kept = sum(1 for _ in takewhile(wanted.__contains__, opened))
        out += [MARKS[style] for style in reversed(opened[kept:])]
        del opened[kept:]
        if not blank:
            new = [style for style in MARKS if style in wanted and style not in opened]
            new.sort(key=lasts.__getitem__)
            out += [MARKS[style] for style in new]
            opened += new
        out.append(run.text)
    return "".join(out) + "".join(MARKS[style] for style in reversed(opened))


def _look_ahead(runs: Sequence[Run]) -> list[tuple[frozenset[str], dict[str, int]]]:
    """Return, for each run, the styles that continue after a blank, and how long its own last.

    The lengths are negative, so that the longest-lasting style sorts first and becomes the
    outermost.
    """
    found = []
    styles: frozenset[str] = frozenset()
    lengths: dict[str, int] = {}
    for run in reversed(runs):
        if "\n" in run.text:
            styles = frozenset()
        elif not run.text.isspace():
            styles = run.styles
        lengths = {style: lengths.get(style, 0) - 1 for style in styles}
        found.append((styles, lengths))
    return found[::-1]
