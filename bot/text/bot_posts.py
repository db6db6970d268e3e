"""The text of a bot's post whose `text` is empty: its blocks and attachments, as Slack markup.

The input is external and read leniently: a part that is missing, mistyped or unknown gives no text,
and never an error. Only blocks with text count; buttons and menus do not. Shapes:
docs.slack.dev/reference/block-kit/blocks and messaging, legacy attachments.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.model.lenient import mapping, mappings, string
from bot.text.characters import cut
from bot.text.to_slack import escape

Part = Mapping[str, object]

MOST_CHARACTERS = 40_000
"""Slack's own limit for the `text` of a message."""

_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>|]+")
_STYLES = (("code", "`"), ("bold", "*"), ("italic", "_"), ("strike", "~"))
_DEEPEST = 8


def to_markup(blocks: object, attachments: object) -> str:
    """Return the text of both, at least a line per block, and at most `MOST_CHARACTERS` in all."""
    lines = [*_blocks(blocks)]
    for attachment in mappings(attachments):
        lines += _attachment(attachment)
    return cut("\n".join(line for line in lines if line.strip()), MOST_CHARACTERS)


def _blocks(blocks: object) -> Iterator[str]:
    for block in mappings(blocks):
        reader = _READERS.get(string(block, "type"))
        if reader is not None:
            yield from reader(block)


def _attachment(attachment: Part) -> Sequence[str]:
    lines = [
        string(attachment, "pretext"),
        _link(string(attachment, "title_link"), string(attachment, "title")),
        string(attachment, "text"),
        *(_field(field) for field in mappings(attachment.get("fields"))),
        *_blocks(attachment.get("blocks")),
    ]
    said = [line for line in lines if line.strip()]
    return said or [string(attachment, "fallback")]


def _field(field: Part) -> str:
    title, value = string(field, "title"), string(field, "value")
    return f"*{title}*: {value}" if title and value else title or value


def _section(block: Part) -> Iterator[str]:
    yield _text(block.get("text"))
    yield from (_text(field) for field in mappings(block.get("fields")))


def _header(block: Part) -> Iterator[str]:
    yield _styled(_text(block.get("text")), ["*"])


def _context(block: Part) -> Iterator[str]:
    shown = (
        _text(one) or escape(string(one, "alt_text")) for one in mappings(block.get("elements"))
    )
    yield " ".join(one for one in shown if one)


def _markdown(block: Part) -> Iterator[str]:
    yield escape(string(block, "text"))


def _image(block: Part) -> Iterator[str]:
    title, seen = _text(block.get("title")), escape(string(block, "alt_text"))
    yield f"{title} ({seen})" if title and seen and title != seen else title or seen


def _video(block: Part) -> Iterator[str]:
    yield _link(string(block, "title_url"), _text(block.get("title")))


def _table(block: Part) -> Iterator[str]:
    rows = block.get("rows")
    for row in rows if isinstance(rows, list) else []:
        cells = (" ".join(_cell(cell)).replace("\n", " ") for cell in mappings(row))
        yield " | ".join(cells)


def _cell(cell: Part) -> Iterator[str]:
    if string(cell, "type") == "rich_text":
        return _rich_text(cell)
    return iter([escape(string(cell, "text"))])


def _rich_text(block: Part) -> Iterator[str]:
    for element in mappings(block.get("elements")):
        inner = mappings(element.get("elements"))
        match string(element, "type"):
            case "rich_text_list":
                yield from _list(element, inner)
            case "rich_text_preformatted":
                yield f"```{_inline(inner, is_code=True)}```"
            case "rich_text_quote":
                yield "\n".join(f"> {line}" for line in _inline(inner).split("\n"))
            case _:
                yield _inline(inner)


def _list(element: Part, items: Sequence[Part]) -> Iterator[str]:
    indent = element.get("indent")
    depth = min(indent, _DEEPEST) if isinstance(indent, int) and indent > 0 else 0
    is_ordered = string(element, "style") == "ordered"
    for number, item in enumerate(items, 1):
        mark = f"{number}." if is_ordered else "•"
        yield f"{'    ' * depth}{mark} {_inline(mappings(item.get('elements')))}"


def _inline(elements: Sequence[Part], *, is_code: bool = False) -> str:
    return "".join(_piece(one, is_code=is_code) for one in elements)


def _piece(element: Part, *, is_code: bool) -> str:
    atom = _ATOMS.get(string(element, "type"))
    if atom is not None:
        return atom(element)
    text = escape(string(element, "text") or string(element, "fallback"))
    styles = {} if is_code else mapping(element.get("style"))
    return _styled(text, [mark for name, mark in _STYLES if styles.get(name) is True])


def _styled(text: str, marks: Sequence[str]) -> str:
    """Put marks around text that can carry them: on one line, with blanks outside the marks."""
    bare = text.strip()
    if not bare or "\n" in bare:
        return text
    before, _, after = text.partition(bare)
    for mark in marks:
        bare = f"{mark}{bare}{mark}"
    return before + bare + after


def _mention(sign: str, ident: str) -> str:
    return f"<{sign}{ident}>" if ident.isascii() and ident.isalnum() else ""


def _link(url: str, label: str) -> str:
    label = " ".join(label.replace("<", " ").replace(">", " ").split())
    if not _ADDRESS.fullmatch(url):
        return label
    return f"<{url}|{label}>" if label else f"<{url}>"


def _text(value: object) -> str:
    """Return a text object's content as mrkdwn, with plain text escaped to stay literal."""
    part = mapping(value)
    text = string(part, "text")
    return text if string(part, "type") == "mrkdwn" else escape(text)


_READERS: Mapping[str, Callable[[Part], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "markdown": _markdown,
    "image": _image,
    "video": _video,
    "table": _table,
    "rich_text": _rich_text,
}

_ATOMS: Mapping[str, Callable[[Part], str]] = {
    "link": lambda part: _link(string(part, "url"), escape(string(part, "text"))),
    "user": lambda part: _mention("@", string(part, "user_id")),
    "channel": lambda part: _mention("#", string(part, "channel_id")),
    "usergroup": lambda part: _mention("!subteam^", string(part, "usergroup_id")),
    "emoji": lambda part: f":{escape(string(part, 'name'))}:",
    "broadcast": lambda part: f"@{escape(string(part, 'range'))}",
}
