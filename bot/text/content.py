"""Reads what people see of a message as one list of blocks, and blocks as Markdown.

Slack shows a message's blocks in place of its `text`, and its attachments below them. Apps also
write texts that say more than their blocks, and those count: what is said twice is kept once.
Blocks are read by their fields rather than by their kinds, so a kind that is newer than this code
gives its text as well. Of the controls, only link buttons give anything: Devin can follow a link,
and press nothing. All of it comes from outside: a part that is missing or mistyped gives no text,
and never an error. Shapes: docs.slack.dev/reference/block-kit/blocks, and messaging (legacy
attachments); pasted tables are documented nowhere, and were captured by others: vercel/chat#803,
openclaw/openclaw#112229, slack-go `block_table.go` (2026).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

from pydantic_core import to_json

from bot.model.record import DEEPEST, clean, mapping, mappings, string
from bot.text import mrkdwn, rich_text
from bot.text.mrkdwn import NO_NAMES, Names, says_something
from bot.text.speakers import is_readable

Block = dict[str, Any]
Part = Mapping[str, object]

_FIELDS = (
    *("title", "subtitle", "name", "text", "body", "description", "details", "output", "fields"),
    *("caption", "chart", "segments", "series", "data", "elements", "child_blocks", "tasks"),
    *("sources", "accessory", "actions"),
)
"""The fields that hold text, or parts with text, in the order in which Slack shows them."""

_LINKS = frozenset({"button", "workflow_button", "icon_button", "url"})
ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>|]+")

_DEEPEST = 20
_MOST_COLUMNS = 50
"""More than Slack takes: 20 columns in a table (docs.slack.dev, table block)."""

MOST_ATTACHMENTS = 100
"""As many as Slack takes of one message (docs.slack.dev, chat.postMessage)."""

_PREVIEWED = ("from_url", "original_url", "app_unfurl_url")
_PREVIEWS = ("is_msg_unfurl", "is_app_unfurl")
_NO_FALLBACK = "[no preview available]"
_OF_MESSAGE = ("pretext", "title", "title_link", "text", "fields", "image_url")
_OF_ATTACHMENT = (*_OF_MESSAGE, "actions", "footer")
_OF_FALLBACK = re.compile(r"^\[[^\]\n]*\] [^:\n]*:\s*")
"""The date and the author before the text of a forwarded message's `fallback`."""

# Emoji, and the marks of list items, are written differently in text and in blocks.
_NOT_WORDS = re.compile(r"(?m):[\w+'-]+:|^[ \t>]*(?:(?:\d{1,3}|[a-z]|[ivxl]{2,5})\.|[-•◦▪])[ \t]")
_WORD = re.compile(r"\w+")


def content(message: Mapping[str, Any], *, is_typed: bool) -> tuple[Block, ...]:
    """Return what people see of a message; nothing if that is its `text` alone.

    `is_typed`: a person wrote it in Slack's own composer. The `text` is then what Slack makes of
    the `rich_text`, and attachments are tables, or previews of links.
    """
    text, blocks = string(message, "text"), _cleaned(message.get("blocks"))
    blocks = blocks if is_typed else _readable(blocks)
    below = [] if not message.get("attachments") else _below(message, blocks, is_typed=is_typed)
    if not blocks and not below:
        return ()
    if not is_typed:
        return (*_merged([text], blocks), *_beyond(text, below))
    is_text_there = any(string(one, "type") == "rich_text" for one in blocks)
    return (*([] if is_text_there else section(text)), *blocks, *below)


def shared(share: Mapping[str, Any]) -> tuple[Block, ...]:
    """Return what people see of a forwarded message, or of an attachment that is forwarded."""
    inner = [mapping(one.get("message")) for one in mappings(share.get("message_blocks"))]
    blocks = [block for one in inner for block in mappings(one.get("blocks"))]
    below = [
        block
        for one in (share, *inner)
        for attachment in attachments(one)
        for block in _of_attachment(attachment)
    ]
    fallback = "" if below else _OF_FALLBACK.sub("", string(share, "fallback"))
    keys = _OF_MESSAGE if "channel_id" in share else _OF_ATTACHMENT
    own = {"blocks": blocks or share.get("blocks"), "fallback": fallback}
    return (*_of_attachment({key: share.get(key) for key in keys} | own), *below)


def attachments(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a message's attachments, as far as they are read."""
    return mappings(message.get("attachments"))[:MOST_ATTACHMENTS]


def section(text: str) -> list[Block]:
    """Return Slack markup as a block; nothing if a reader would see nothing of it."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return _readable([block])


def _below(message: Mapping[str, Any], blocks: Sequence[Block], *, is_typed: bool) -> list[Block]:
    """Return what its attachments show, but for forwards, and for previews of its links."""
    said = f"{mrkdwn.unescape(string(message, 'text'))} {blocks}"
    return [
        block
        for one in attachments(message)
        if one.get("is_share") is not True and not _is_preview(one, said, is_typed=is_typed)
        for block in _of_attachment(one)
    ]


def _is_preview(attachment: Mapping[str, Any], said: str, *, is_typed: bool) -> bool:
    """True for the preview of a link that is `said`: nobody wrote it, and it may be long."""
    if any(attachment.get(key) is True for key in _PREVIEWS):
        return True
    previewed = [one for key in _PREVIEWED if (one := string(attachment, key))]
    if is_typed:
        return bool(previewed) or not mappings(attachment.get("blocks"))
    return any(one in said for one in previewed)


def _of_attachment(attachment: Mapping[str, Any]) -> list[Block]:
    texts = [
        *(string(attachment, key) for key in ("pretext", "author_name")),
        _link(string(attachment, "title_link"), string(attachment, "title")),
        string(attachment, "text"),
        *map(_field, mappings(attachment.get("fields"))),
    ]
    shown = _merged(texts, _readable(_cleaned(attachment.get("blocks"))))
    image, fallback = string(attachment, "image_url"), string(attachment, "fallback")
    if not shown and fallback != _NO_FALLBACK:
        shown = section(fallback)
    buttons = (
        _link(url, string(one, "text"))
        for one in mappings(attachment.get("actions"))
        if (url := string(one, "url"))
    )
    ends = [_link(image, ""), " ".join(buttons), string(attachment, "footer")]
    return [*shown, *(block for text in ends for block in section(text))]


def _field(field: Mapping[str, Any]) -> str:
    title, value = string(field, "title"), string(field, "value")
    return f"*{title}*: {value}" if title and value else title or value


def _link(url: str, label: str) -> str:
    label = " ".join(label.replace("<", " ").replace(">", " ").split())
    if not ADDRESS.fullmatch(url):
        return label
    return f"<{url}|{label}>" if label else f"<{url}>"


def _merged(texts: Sequence[str], blocks: Sequence[Block]) -> list[Block]:
    """Return texts that say more than the blocks, then the blocks that say more than those."""
    names = mrkdwn.labels("\n".join(texts))
    seen = set(_words(blocks, names))
    is_new = [not blocks or not seen.issuperset(_words(section(one), names)) for one in texts]
    text = "\n".join(one for one in compress(texts, is_new) if one.strip())
    return [*section(text), *_beyond(text, blocks)]


def _beyond(text: str, blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks that say more than `text`, which lacks their words in that order."""
    names = mrkdwn.labels(text)
    said = f" {' '.join(_words(section(text), names))} "
    words = (" ".join(_words([one], names)) for one in blocks)
    return [
        one for one, its in zip(blocks, words, strict=True) if not its or f" {its} " not in said
    ]


def _words(blocks: Sequence[Block], names: Names) -> list[str]:
    return _WORD.findall(_NOT_WORDS.sub(" ", to_markdown(blocks, names).casefold()))


def _readable(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks in which a reader would see anything."""
    return [one for one in blocks if to_markdown([one], NO_NAMES)]


def _cleaned(blocks: object) -> list[Block]:
    """Return blocks as text that UTF-8 can encode."""
    found = mappings(blocks)
    try:
        # This is quicker than `clean`, which would change nothing of what Slack sends.
        text = to_json(found)
        is_clean = text.count(b"[") + text.count(b"{") <= DEEPEST
    except ValueError:  # a lone surrogate, or deeper than pydantic goes
        is_clean = False
    return found if is_clean else list(map(clean, found))


def to_markdown(blocks: object, names: Names) -> str:
    """Return blocks as Markdown, each that says something as a paragraph of its own."""
    reader = _Reader(names)
    shown = (reader.block(one).strip("\n") for one in mappings(blocks))
    return "\n\n".join(filter(says_something, shown))


def _linked(url: str, label: str) -> str:
    return mrkdwn.link(url, label) if ADDRESS.fullmatch(url) else " ".join(label.split())


class _Reader:
    def __init__(self, names: Names) -> None:
        self._names = names

    def block(self, block: Part) -> str:
        """Return a block of a message; an image's address is only given here, not for icons."""
        shown, is_image = self._part(block, 0), string(block, "type") == "image"
        return _linked(string(block, "image_url"), shown) if is_image else shown

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
                title = self._part(mapping(part.get("title")), depth + 1)
                seen = string(part, "alt_text")
                return f"{title} ({seen})" if title and seen and title != seen else title or seen
        return self._whole(part, kind, depth)

    def _whole(self, part: Part, kind: str, depth: int) -> str:
        shown = [one for one in self._fields(part, depth) if one.strip()]
        if kind in _LINKS:
            return _linked(url, " ".join(shown)) if (url := string(part, "url")) else ""
        if kind == "header":
            text = " ".join(shown).strip()
            return f"**{text}**" if text else ""
        if kind == "video":
            shown[:1] = [_linked(string(part, "title_url"), one) for one in shown[:1]]
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
        return self._part(mapping(cell), depth).strip().replace("|", "\\|").replace("\n", "<br>")


def _number(value: object) -> str:
    """Return a number as people write it, 3.0 as 3; nothing for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value).removesuffix(".0") if is_number else ""
