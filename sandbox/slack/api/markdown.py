"""Slack's `markdown` block: its limits, and the number of blocks that Slack makes of its text.

Slack's documentation has the 12,000 characters of a payload; the other numbers were measured
(github.com/pejmanjohn/chickpea, docs/runbooks/slack-message-identity.md).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_MARKDOWN = 12_000
MAX_RENDERED = 13_200
HEADER_SIZE = 100
_ALONE = {"heading_open", "hr", "table_open"}
"""What becomes a block of its own; everything between is one block of rich text."""


def markdown_texts(blocks: Any) -> list[str]:
    """Return the texts of the `markdown` blocks among these."""
    given = blocks if isinstance(blocks, list) else []
    found = [it for it in given if isinstance(it, dict) and it.get("type") == "markdown"]
    return [it["text"] for it in found if isinstance(it.get("text"), str)]


def rendered_blocks(text: str) -> int:
    """Return the number of blocks that Slack makes of a Markdown text."""
    kinds = [token.type if token.type in _ALONE else "text" for token in _opened(text)]
    runs = [(kind, len(list(run))) for kind, run in groupby(kinds)]
    return sum(1 if kind == "text" else length for kind, length in runs)


def rendered_size(texts: Sequence[str]) -> int:
    """Return the size by which Slack refuses a message: its characters, and more for a header."""
    headers = [one for text in texts for one in _opened(text) if one.type == "heading_open"]
    return sum(map(len, texts)) + HEADER_SIZE * len(headers)


def _opened(text: str) -> list[Token]:
    """Return the token with which each block of the outermost level begins."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [token for token in tokens if token.level == 0 and token.nesting >= 0]
