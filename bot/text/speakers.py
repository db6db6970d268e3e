"""Says who speaks in a prompt, and marks what a person typed that looks like that.

Whoever is mentioned or quoted has chosen a name, and may change it at any time. So a name is words
of letters, of at most 40 characters: without Markdown, brackets, marks that nobody sees, and words
that could be an ID. Slack's own ID stands beside it.

The line that says who speaks ends in `Ada Lovelace, U0ADA (in Slack):`. Such an end is found by its
shape, both as it is written and as Markdown and HTML show it: a bracket, and seven letters, each of
them the right one or any character beyond ASCII, since all of these may look like anything. Nothing
here knows which letters look alike. So a bracket with two foreign words of that shape is marked,
too, but only before a colon, since people write `(не более 5)`.
"""

import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, pairwise

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


_ALIKE = str.maketrans("[{1|l", "((iii")
"""What looks alike in ASCII, as one character; `i` stands for `l` as well."""

_LETTER, _OTHER = "¿", "¡"
"""The looks of letters and digits, and of symbols, that ASCII doesn't have."""

_FOREIGN = f"{_LETTER}{_OTHER}"
_LIKE_IN = rf"[i{_FOREIGN}]\(?[n{_FOREIGN}]"
_LIKE_SLACK = rf"[s$5{_FOREIGN}]\(?[i{_FOREIGN}]\(?[a@4{_FOREIGN}]\(?[c{_FOREIGN}]\(?[k{_FOREIGN}]"
_GAP = f"[^a-z0-9({_FOREIGN}]{{0,20}}+"
_SEVEN = f"[{_FOREIGN}]{{2}}{_GAP}[{_FOREIGN}]{{5}}"
_TWO_WORDS = f"(?![{_FOREIGN}]{{3}}){_SEVEN}(?![a-z0-9{_LETTER}])"
_END = re.compile(
    rf"\((?:[^a-z0-9(]{{0,20}}in[^a-z0-9]{{0,20}}[s$5]i[a@4]ck"
    rf"|{_GAP}(?!{_SEVEN}){_LIKE_IN}{_GAP}\(?{_LIKE_SLACK}"
    rf"|{_GAP}{_TWO_WORDS}[^\n]{{0,100}}?[:{_OTHER}])"
)
_UNSHOWN = (
    r"<!--.{0,200}?-->|</?[a-zA-Z][^<>]{0,200}>"  # HTML, and addresses in angle brackets
    r"|\](?:\([^()\s]{0,500}\)|\[[^\[\]]{0,200}\])"  # the address of a link, or its reference
    r"|[*_~`\\]"
)
_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});"
_SHOWN = re.compile(f"(?P<entity>{_ENTITY})|{_UNSHOWN}|.", re.DOTALL)
"""What Markdown shows as one character, or doesn't show."""


def mark_typed(text: str) -> str:
    """Return `text` with `(in Slack` written `(typed: in Slack`; twice changes nothing."""
    if _is_plain(text):
        return text
    places = _found((char, _look(char)) for char in text)
    if re.search(r"[*_~`\\<&\]]", text):
        shown = _SHOWN.finditer(text)
        places |= _found((one[0], _look_of(one[0], one["entity"])) for one in shown)
    cuts = [0, *sorted(places), len(text)]
    return "typed: ".join(text[begin:end] for begin, end in pairwise(cuts))


def _is_plain(text: str) -> bool:
    """Return True if nothing is to be marked, as is known at once of most texts in ASCII."""
    if not text.isascii() or not re.search(r"[\[({&]", text):
        return text.isascii()
    shown = html.unescape(re.sub(_UNSHOWN, "", text, flags=re.DOTALL))
    looks = (re.sub(r"\s+", " ", one.lower().translate(_ALIKE)) for one in (text, shown))
    return shown.isascii() and not any(map(_END.search, looks))


def _found(parts: Iterable[tuple[str, str]]) -> set[int]:
    """Return the places behind brackets of such an end, in a text of parts with their looks."""
    ends, lengths, looks, last = list[int](), list[int](), list[str](), ""
    for end, look in parts:
        blank = look.isspace() and look == last  # many blanks look like one
        ends.append(len(end))
        looks.append("" if blank else look)
        lengths.append(len(looks[-1]))
        last = look or last
    ends, lengths = list(accumulate(ends)), list(accumulate(lengths))
    found = _END.finditer("".join(looks))
    return {ends[bisect_left(lengths, one.start() + 1)] for one in found}


def _look_of(part: str, entity: str | None) -> str:
    if entity:
        return "".join(map(_look, html.unescape(entity)))
    return _look(part) if len(part) == 1 and part not in "*_~`\\" else ""


@lru_cache(4096)
def _look(char: str) -> str:
    """Return what a character looks like: lower-case letters of ASCII, or nothing if unseen."""
    category = unicodedata.category(char)
    if char.isspace() or char in LIKE_BLANKS:
        look = "\n" if char == "\n" else " "
    elif char.isascii():
        look = char.lower().translate(_ALIKE)
    elif category in {"Ps", "Pe"}:
        look = "("
    elif category in {"Pd", "Pi", "Pf", "Pc"}:
        look = "-"
    else:
        look = _in_ascii(char, category) if is_readable(char) else ""
    return look


def _in_ascii(char: str, category: str) -> str:
    plain = unicodedata.normalize("NFKD", char)
    plain = "".join(one for one in plain if not unicodedata.combining(one) and is_readable(one))
    if plain.isascii() and plain:
        return plain.lower().translate(_ALIKE)
    return _LETTER if char.isalnum() and category != "Lm" else _OTHER
