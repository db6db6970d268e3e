"""Writes Markdown as plain text: for notifications, buttons, and first words.

Slack reads `<…>`, `@here` and addresses in a message's `text` wherever they stand, in code as well
(measured by others), so what is sent there is escaped and each `@` has a word joiner behind it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bot.model.threads import TOPIC_LIMIT
from bot.text.characters import seen
from bot.text.commonmark import blocks, inline
from bot.text.commonmark.addresses import safe_address
from bot.text.commonmark.blocks import Block, TooDeep, content
from bot.text.commonmark.inline import JOINER
from bot.text.to_slack import escape, head

_ADDRESS = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)


TEXT_READ = 1_000
"""The part of a message that is converted for `first_words`: much in front may not be seen."""


def first_words(markdown: str) -> str:
    """Return the start of a message as one line, at most `TOPIC_LIMIT` characters.

    People tell threads apart by it. It has no marks of Markdown, and of a link, the label.
    """
    text = markdown[: 2 * TEXT_READ]
    with suppress(TooDeep, RecursionError):
        found = blocks.walk(blocks.parse(text))
        text = " ".join(line_of(one) if one.inline else content(one) for one in found)
    line = " ".join(seen(text).split())
    return line if len(line) <= TOPIC_LIMIT else line[: TOPIC_LIMIT - 1].rstrip() + "…"


def plain_text(parsed: Sequence[Block]) -> str:
    """Return what a reader sees of blocks, a line or more for each."""
    return "\n".join(line for block in parsed for line in lines(block))


def line_of(block: Block) -> str:
    """Return a paragraph's or a heading's text on one line."""
    return " ".join(inline.plain(block.atoms).split())


def lines(block: Block) -> Iterator[str]:
    """Yield the lines of a block without Markdown's marks, except those of lists."""
    if block.kind in {"fence", "code_block"}:
        yield content(block).rstrip("\n")
    elif block.kind in {"bullet_list", "ordered_list"}:
        for mark, item in blocks.marked(block):
            yield f"{mark} {plain_text(item.children)}"
    elif block.kind == "tr":
        yield " | ".join(map(line_of, block.children))
    elif block.kind == "definition":
        yield f"[{block.token.meta['label']}]: {block.token.meta['url']}"
    elif block.inline:
        yield "".join(map(_shown, block.atoms))
    else:
        for child in block.children:
            yield from lines(child)


def _shown(atom: inline.Atom) -> str:
    address = atom.source.rpartition("](")[2].removesuffix(")")
    if atom.kind != "link" or atom.source.startswith("<") or atom.plain == address:
        return atom.plain
    return f"{atom.plain} ({address})"


def escaped(text: str, limit: int) -> str:
    """Return plain text that is inert in a message's `text`, cut at a word to `limit`."""
    text = _ADDRESS.sub(_honest, seen(text).strip())
    text = escape(text.replace("@", "@" + JOINER))
    if len(text) <= limit:
        return text
    return (_to_last_word(head(text, limit - 2), text).rstrip() + " …")[: max(limit, 0)]


def _to_last_word(begin: str, text: str) -> str:
    """Return the beginning of a text without a word, or at least an address, that is cut in two."""
    if not begin.strip() or text[len(begin)].isspace():
        return begin
    words = begin.removesuffix(begin.rsplit(maxsplit=1)[-1])
    return words if words.strip() else begin.partition("://")[0]


def _honest(found: re.Match[str]) -> str:
    """Return an address as it leads, or broken, so that Slack makes no link of it."""
    address = found[0]
    if address.isascii() and "@" not in address and "\\" not in address:
        return address
    return safe_address(address) or address.replace("://", f":{JOINER}//")
