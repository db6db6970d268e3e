"""The start of a message as one line of plain text, by which people tell threads apart."""

from bot.model.threads import TOPIC_LIMIT
from bot.text.characters import seen
from bot.text.commonmark.blocks import TooDeep, content, parse, walk
from bot.text.commonmark.plain import line_of

TEXT_READ = 1_000
"""The part of a message that is converted: it may begin with much that is invisible."""


def first_words(markdown: str) -> str:
    """Return the start of a message, at most `TOPIC_LIMIT` characters."""
    line = " ".join(seen(_plain(markdown[: 2 * TEXT_READ])).split())
    return line if len(line) <= TOPIC_LIMIT else line[: TOPIC_LIMIT - 1].rstrip() + "…"


def _plain(markdown: str) -> str:
    """Return Markdown without its marks; of a link, the label is left."""
    try:
        blocks = list(walk(parse(markdown)))
        return " ".join(line_of(one) if one.inline else content(one) for one in blocks)
    except (TooDeep, RecursionError):
        return markdown
