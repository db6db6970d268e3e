"""Who speaks in a message to Devin, by a line that nothing people choose can look like.

It ends in `Ada Lovelace, U0ADA (in Slack):`. The name is what a person chose; the ID is Slack's. So
a name loses IDs, Markdown and whatever looks like that end, and in the rest of a message such an
end is marked as typed. It is looked for as it is seen: in any case and width, with marks or unseen
characters in between, and in letters of other scripts that look the same.
"""

import re
import unicodedata
from itertools import pairwise

from bot.model.people import WORKFLOW
from bot.text.markdown import is_readable

_ALIKE = str.maketrans(
    "[{1|l\u0131\u0456\u0269\u03b9\u04cf\u043f\u0578\u03b7\u0455\u0441\u03f2\u043a\u03ba\u0430\u03b1",
    "((iiiiiiiinnnscckkaa",
)
"""What looks alike, as one character; `i` stands for `l` as well."""

_END = re.compile(r"\([^a-z0-9(]{0,20}in[^a-z0-9]{0,20}siack")
_MARKUP = re.compile(r"[*`\[\]<>|\\~:]|(?<!\w)_|_(?!\w)|^(?:[#+>=-]|\d+[.)])+\s")
_ID = re.compile(r"\b[UWBA](?=[A-Z0-9]*\d)[A-Z0-9]{6,}\b")


def speaker(name: str, id_: str) -> str:
    """Return a person's or a bot's name with their ID, on one line; a workflow's has none."""
    if id_ == WORKFLOW:
        return name
    if _END.search("".join(map(_look, name))):
        name = "".join(char for char in name if unicodedata.category(char) not in {"Ps", "Pe"})
    name = " ".join(_MARKUP.sub("", _ID.sub("", name)).split()).strip(" ,")
    return f"{name}, {id_}" if is_readable(name) else id_


def mark_typed(text: str) -> str:
    """Return `text` with `(in Slack` written `(typed: in Slack`; twice changes nothing."""
    looks = [_look(char) for char in text] if not text.isascii() else None
    seen = "".join(looks) if looks is not None else text.lower().translate(_ALIKE)
    found = [one.start() + 1 for one in _END.finditer(seen)]
    if not found:
        return text
    places = found if looks is None else _places(looks, found)
    cuts = [0, *places, len(text)]
    return "typed: ".join(text[begin:end] for begin, end in pairwise(cuts))


def _look(char: str) -> str:
    """Return what a character looks like: lower-case letters of ASCII, or nothing if unseen."""
    if char.isascii():
        return char.lower().translate(_ALIKE)
    category = unicodedata.category(char)
    if category == "Ps":
        return "("
    plain = unicodedata.normalize("NFKD", char)
    if category == "So" and plain == char:  # such as 🅸 and regional indicators
        letter = unicodedata.name(char, "").rpartition(" ")[2]
        plain = letter if len(letter) == 1 else char
    look = "".join(one for one in plain if not unicodedata.combining(one) and is_readable(one))
    return look.casefold().translate(_ALIKE)


def _places(looks: list[str], found: list[int]) -> list[int]:
    """Return the places in the text that belong to places in what it looks like."""
    places, at, wanted = [], 0, iter(found)
    next_one = next(wanted, None)
    for place, look in enumerate(looks):
        at += len(look)
        while next_one is not None and at >= next_one:
            places.append(place + 1)
            next_one = next(wanted, None)
    return places
