"""The `rich_text` block that Slack's composer makes of a line of text, beside the `text`.

It covers what people type: mentions, channels, groups, links, emoji, bold, italic, strike, code and
fenced code. `text` elements carry unescaped text, as the real ones do.
"""

import html
import re
from typing import Any

from sandbox.ids import new_id

_TOKEN = re.compile(
    r"<@(?P<user>[UW][A-Z0-9]+)(?:\|[^>]*)?>"
    r"|<#(?P<channel>[CG][A-Z0-9]+)(?:\|[^>]*)?>"
    r"|<!subteam\^(?P<usergroup>S[A-Z0-9]+)(?:\|[^>]*)?>"
    r"|<!(?P<broadcast>here|channel|everyone)(?:\|[^>]*)?>"
    r"|<(?P<url>(?:https?|mailto|tel):[^>|]+)(?:\|(?P<label>[^>]*))?>"
    r"|(?<![\w:]):(?P<emoji>[a-z0-9_+-]+):(?!\w)"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)"
    r"|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
    r"|(?<!\w)~(?P<strike>[^~\n]+)~(?!\w)"
)
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_STYLES = ("code", "bold", "italic", "strike")


def rich_text_blocks(text: str) -> list[dict[str, Any]]:
    """Return the one `rich_text` block of a typed message, or none for empty text."""
    if not text:
        return []
    elements: list[dict[str, Any]] = []
    for index, part in enumerate(_FENCE.split(text)):
        fenced = index % 2 == 1
        if fenced:
            code = {"type": "text", "text": html.unescape(part)}
            elements.append({"type": "rich_text_preformatted", "elements": [code], "border": 0})
        elif part.strip("\n"):
            elements.append({"type": "rich_text_section", "elements": _inline(part)})
    return [{"type": "rich_text", "block_id": new_id("", 5), "elements": elements}]


def _inline(text: str) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() > position:
            elements.append(_text(text[position : match.start()]))
        elements.append(_element(match))
        position = match.end()
    if position < len(text):
        elements.append(_text(text[position:]))
    return elements


def _element(match: re.Match[str]) -> dict[str, Any]:
    kind, value = next((k, v) for k, v in match.groupdict().items() if v is not None)
    if kind in _STYLES:
        return {**_text(value), "style": {kind: True}}
    if kind == "url":
        link = {"type": "link", "url": html.unescape(value)}
        label = match["label"]
        return {**link, "text": html.unescape(label)} if label else link
    if kind == "emoji":
        return {"type": "emoji", "name": value}
    if kind == "broadcast":
        return {"type": "broadcast", "range": value}
    return {"type": kind, f"{kind}_id": value}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": html.unescape(text)}
