"""Makes names that people chose harmless, before Devin reads them among somebody else's words.

Whoever is mentioned or quoted has chosen a name, and may change it at any time. So a name is words
of letters, of at most 40 characters: without Markdown, brackets, marks that nobody sees, and words
that could be an ID. Slack's own ID stands beside it.
"""

import re
import unicodedata

from bot.model.people import WORKFLOW

LONGEST = 40
"""Most characters of a name in a prompt."""

_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"})
LIKE_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_KEPT = frozenset("'\u2019.,-_/")
_LIKE_AN_ID = re.compile(r"[^\W\d].*\d")
_HANDLE = re.compile(r"[\w.-]{1,80}")


def is_readable(text: str) -> bool:
    """True if `text` has a character that a reader would see."""
    return any(
        unicodedata.category(char) not in _UNSEEN and char not in LIKE_BLANKS for char in text
    )


def one_line(name: str) -> str:
    """Return a name, which its owner chose, as a single line of at most 80 printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]


def plain(name: str) -> str:
    """Return the words of a name as Devin may read them; nothing if none are left."""
    shown = ["", *_seen(name)]
    kept = (char if char.isalnum() or char in _KEPT or _is_mark(char) else " " for char in shown)
    words = [word.strip("_") for word in "".join(kept).split()]
    words = [one for one in words if any(map(str.isalpha, one)) and not _LIKE_AN_ID.search(one)]
    return " ".join(words)[:LONGEST].strip(" ',-./_") if is_readable("".join(words)) else ""


def speaker(name: str, id_: str) -> str:
    """Return a person's or a bot's name with their ID, on one line; a workflow's has none."""
    if id_ == WORKFLOW:
        return name
    return ", ".join(filter(None, (plain(name), id_)))


def called(kind: str, name: str, id_: str) -> str:
    """Return a person with their ID, a channel's name, or a group's handle; else the ID alone."""
    if kind == "user":
        shown = plain(name)
        return f"{shown} ({id_})" if shown and id_ else id_
    name = "".join(_seen(name.strip().removeprefix("#").removeprefix("@")))
    bare = "".join(char for char in name if not _is_mark(char))
    return name if _HANDLE.fullmatch(bare) and is_readable(bare) else id_


def _seen(name: str) -> list[str]:
    """Return the characters without those that are unseen, or that don't belong to their letter."""
    found: list[str] = []
    for char in unicodedata.normalize("NFKC", name):
        category, last = unicodedata.category(char), found[-1] if found else ""
        if category in {"Cc", "Zl", "Zp", "Zs"} or char in LIKE_BLANKS:
            found.append(" ")
        elif category[0] == "M" and _script(char) != _script(last):
            continue
        elif category != "Cf":
            found.append(char)
    return found


def _is_mark(char: str) -> bool:
    return unicodedata.category(char or " ")[0] == "M"


def _script(char: str) -> str:
    """Return the first word of a character's name, which is the script of a letter."""
    return unicodedata.name(char, "").partition(" ")[0] if char else ""
