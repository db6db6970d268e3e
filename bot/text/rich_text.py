"""Converts Slack's `rich_text` blocks, which a person's composer makes, to Markdown.

Blocks come from outside and are read leniently: a part that is missing or mistyped gives nothing,
an unknown one its `text`, its `fallback` or else the name of its kind, and never an error. Text in
them is not entity-encoded, unlike a message's `text` (docs.slack.dev, rich text block).
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from bot.model.record import mapping, mappings, string
from bot.text import mrkdwn
from bot.text.mrkdwn import Mention, Names
from bot.text.speakers import is_readable

Element = Mapping[str, object]

_CODE = "code"
_MARKS = {"strike": "~~", "bold": "**", "italic": "*"}
_DEEPEST = 8
_LARGEST_OFFSET = 10**8


def to_markdown(block: Element, names: Names) -> str:
    """Return a `rich_text` block as Markdown, with a blank line after a quote or a list."""
    text = last = ""
    for element in mappings(block.get("elements")):
        kind, shown = _element(element, names)
        if shown:
            is_apart = last == "quote" or (last == "list" and kind != "list")
            glue = "\n\n" if is_apart else "\n"
            text, last = (f"{text}{glue}{shown}" if text else shown), kind
    return text


def mention(element: Element) -> Mention | None:
    """Return the kind and the id, if an element is a mention."""
    kind = string(element, "type")
    ident = string(element, f"{kind}_id") if kind in mrkdwn.SIGNS else ""
    return (kind, ident) if ident else None


def _number(element: Element, key: str) -> int:
    """Return a plausible count, or 0: a huge number would only waste digits."""
    value = element.get(key)
    return value if isinstance(value, int) and 0 <= value < _LARGEST_OFFSET else 0


def _fallback(element: Element) -> str:
    return string(element, "text") or string(element, "fallback")


def _element(element: Element, names: Names) -> tuple[str, str]:
    """Return the kind of a block and its Markdown; with a border, Slack draws it as a quote."""
    kind, inner = string(element, "type"), mappings(element.get("elements"))
    is_quote = kind == "rich_text_quote" or bool(_number(element, "border"))
    match kind:
        case "rich_text_list":
            kind, text = "list", _list(element, names)
        case "rich_text_preformatted":
            text = mrkdwn.fenced("".join(_plain(part, names) for part in inner).strip("\n"))
        case "rich_text_quote" | "rich_text_section":
            text = _inline(inner, names)
        case _:
            text = _inline([element], names)
    text = text.strip("\n")
    return ("quote", mrkdwn.block_quote(text)) if is_quote else (kind, text)


def _list(element: Element, names: Names) -> str:
    """Return a list; Slack sends one that is nested beside the outer one, with an indent."""
    indent = "    " * min(_number(element, "indent"), _DEEPEST)
    number = _number(element, "offset") + 1
    is_ordered = string(element, "style") == "ordered"
    lines = []
    for at, item in enumerate(mappings(element.get("elements"))):
        mark = indent + (f"{number + at}. " if is_ordered else "- ")
        text = _inline(mappings(item.get("elements")), names) or _fallback(item)
        if mrkdwn.says_something(text):
            hanging = textwrap.indent(text.strip(), " " * len(mark))
            lines.append(mark + hanging[len(mark) :])
    return "\n".join(lines)


def _inline(elements: Sequence[Element], names: Names) -> str:
    """Return a section's elements as one paragraph; neighbors of one style share its marks."""
    pieces = (_piece(element, names) for element in elements)
    return "".join(
        _styled("".join(text for _, text in same), styles)
        for styles, same in groupby(pieces, key=itemgetter(0))
    )


def _piece(element: Element, names: Names) -> tuple[frozenset[str], str]:
    style = mapping(element.get("style"))
    styles = frozenset(name for name in (*_MARKS, _CODE) if style.get(name) is True)
    if string(element, "type") == "link":
        url, label = string(element, "url"), string(element, "text")
        return styles - {_CODE}, mrkdwn.link(url, label, code=_CODE in styles)
    return styles, _plain(element, names)


def _styled(text: str, styles: frozenset[str]) -> str:
    """Return text in its marks, which end with the line and have no blank just inside them."""
    marks = "".join(mark for style, mark in _MARKS.items() if style in styles)
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(_marked(line, marks, is_code=_CODE in styles) for line in lines)


def _marked(line: str, marks: str, *, is_code: bool) -> str:
    bare = line.strip()
    if not is_readable(bare):
        return line
    if is_code:
        return f"{marks}{mrkdwn.code_span(line)}{marks[::-1]}"
    return line.replace(bare, f"{marks}{bare}{marks[::-1]}", 1)


def _plain(element: Element, names: Names) -> str:
    kind = string(element, "type")
    if kind == "link":
        return mrkdwn.plain_link(string(element, "url"), string(element, "text"))
    atom = _ATOMS.get(kind)
    shown = (atom(element, names) if atom else "") or _fallback(element)
    is_known = not kind or kind == "text" or kind.startswith("rich_text") or atom
    return shown if shown or is_known else f"[{kind}]"


def _emoji(element: Element, _names: Names) -> str:
    try:
        return "".join(chr(int(code, 16)) for code in string(element, "unicode").split("-"))
    except (ValueError, OverflowError):
        name = string(element, "name")
        return f":{name}:" if name else ""


def _called(element: Element, names: Names) -> str:
    found = mention(element)
    return mrkdwn.called(found, names) if found else ""


_ATOMS: Mapping[str, Callable[[Element, Names], str]] = {
    "user": _called,
    "channel": _called,
    "usergroup": _called,
    "emoji": _emoji,
    "date": lambda element, _names: (
        string(element, "fallback") or str(element.get("timestamp", ""))
    ),
    "broadcast": lambda element, _names: "@" + reach if (reach := string(element, "range")) else "",
    "color": lambda element, _names: string(element, "value"),
    "team": lambda element, _names: string(element, "team_id"),
}
