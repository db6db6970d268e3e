"""Converts a message's blocks to Markdown: every text that people see in them, in order.

Blocks are read by their fields rather than by their kinds, so a kind that is newer than this code
gives its text as well. Of the controls, only link buttons give anything: Devin can follow a link,
and press nothing. Blocks come from outside and are read leniently: a part that is missing or
mistyped gives no text, and never an error. Shapes: docs.slack.dev/reference/block-kit/blocks.
"""

import re
from collections.abc import Iterator, Mapping

from bot.model.record import mapping, mappings, string
from bot.text import markdown, mrkdwn, rich_text
from bot.text.markdown import NO_NAMES, Mention, Names, is_readable

Part = Mapping[str, object]

_FIELDS = (
    *("title", "subtitle", "name", "text", "body", "description", "details", "output", "fields"),
    *("caption", "chart", "segments", "series", "data", "elements", "child_blocks", "tasks"),
    *("sources", "accessory", "actions"),
)
"""The fields that hold text, or parts with text, in the order in which Slack shows them."""

_LINKS = frozenset({"button", "workflow_button", "icon_button", "url"})
ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>|]+")
EMPTY_FRAME = str.maketrans("", "", "`>")  # all that is left of empty code or an empty quote

_DEEPEST = 20
_EXACT = 10**15
_MOST_COLUMNS = 50
"""More than Slack takes: 20 columns in a table (docs.slack.dev, table block)."""


def to_markdown(blocks: object, names: Names) -> str:
    """Return blocks as Markdown, each as a paragraph of its own."""
    reader = _Reader(names)
    shown = (reader.block(one).strip("\n") for one in mappings(blocks))
    return "\n\n".join(one for one in shown if one)


def says_something(block: Part) -> bool:
    """True if a reader would see anything of a block."""
    if string(block, "type") == "rich_text":
        return rich_text.says_something(block)
    return is_readable(_Reader(NO_NAMES).block(block).translate(EMPTY_FRAME))


def ids(blocks: object) -> Iterator[Mention]:
    """Yield each mention, however deeply nested."""
    waiting: list[object] = [blocks]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, dict):
            if string(part, "type") == "mrkdwn":
                yield from mrkdwn.ids(string(part, "text"))
            if found := rich_text.mention(part):
                yield found
            waiting += part.values()


def linked(url: str, label: str) -> str:
    """Return Markdown for a link; only its label, if the address is not one to open."""
    return markdown.link(url, label) if ADDRESS.fullmatch(url) else " ".join(label.split())


class _Reader:
    def __init__(self, names: Names) -> None:
        self._names = names

    def block(self, block: Part) -> str:
        """Return a block of a message; an image's address is only given here, not for icons."""
        shown = self._part(block, 0)
        return (
            linked(string(block, "image_url"), shown) if string(block, "type") == "image" else shown
        )

    def _part(self, part: Part, depth: int) -> str:
        if depth > _DEEPEST:
            return ""
        kind = string(part, "type")
        if kind.startswith("rich_text"):
            whole = part if kind == "rich_text" else {"elements": [part]}
            return rich_text.to_markdown(whole, self._names)
        match kind:
            case "mrkdwn":
                return mrkdwn.to_markdown(string(part, "text"), self._names)
            case "table" | "data_table":
                return self._table(part, depth)
            case "image":
                return self._image(part, depth)
        return self._whole(part, kind, depth)

    def _whole(self, part: Part, kind: str, depth: int) -> str:
        shown = [one for one in self._fields(part, depth) if one.strip()]
        if kind in _LINKS:
            return linked(url, " ".join(shown)) if (url := string(part, "url")) else ""
        if kind == "header":
            text = " ".join(shown).strip()
            return markdown.emphasised([markdown.Run(text, frozenset({markdown.BOLD}))])
        if kind == "video":
            shown[:1] = [linked(string(part, "title_url"), one) for one in shown[:1]]
        if not shown and "value" in part:  # a number of a table, or a point of a chart
            shown = [one for one in (string(part, "label"), _number(part["value"])) if one]
            return ": ".join(shown)
        return (" " if kind == "context" else "\n").join(shown)

    def _fields(self, part: Part, depth: int) -> Iterator[str]:
        titled = {**part, "title": part["rich_text_title"]} if "rich_text_title" in part else part
        for value in map(titled.get, _FIELDS):
            if isinstance(value, str):
                yield value
            else:
                inner = [value] if isinstance(value, dict) else value
                yield from (self._part(one, depth + 1) for one in mappings(inner))

    def _image(self, part: Part, depth: int) -> str:
        title, seen = self._part(mapping(part.get("title")), depth + 1), string(part, "alt_text")
        return f"{title} ({seen})" if title and seen and title != seen else title or seen

    def _table(self, part: Part, depth: int) -> str:
        """Return a table with blank lines around it; its first row is the head."""
        rows = part.get("rows")
        cells = [
            [self._cell(one, depth + 1) for one in row[:_MOST_COLUMNS]]
            for row in (rows if isinstance(rows, list | tuple) else ())
            if isinstance(row, list | tuple)
        ]
        if not any(is_readable(cell) for row in cells for cell in row):
            return ""
        width = max(map(len, cells))
        cells.insert(1, ["---"] * width)
        lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in cells]
        caption = string(part, "caption").strip()
        return "\n".join(["", *([caption, ""] if caption else []), *lines, ""])

    def _cell(self, cell: object, depth: int) -> str:
        """Return a cell on one line; an empty one is `null`, and keeps its column."""
        shown = self._part(mapping(cell), depth).strip()
        return shown.replace("|", "\\|").replace("\n", "<br>")


def _number(value: object) -> str:
    """Return a number as people write it, 3.0 as 3; nothing for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    try:
        return str(value)
    except ValueError:  # more digits than Python writes
        return ""
