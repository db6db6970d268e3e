"""Makes Devin's Markdown safe to post: it pings nobody and hides no link.

What is posted is a fixed point: read by the parser and written again, it is the same, and all that
the writer writes is inert. Text that does not come to rest is posted as code. Nothing here does I/O
or raises, whatever the text.
"""

from contextlib import suppress

from bot.text.characters import whole_characters
from bot.text.commonmark import split as splitting
from bot.text.commonmark.blocks import TooDeep, fenced, parse, written
from bot.text.commonmark.plain import escaped, plain_text

_MOST_READINGS = 5
_SOURCE_OF_CHARACTER, _MOST_BEFORE_WORDS = 20, 1_000


def inert(markdown: str) -> str:
    """Return Markdown for a `markdown` block that nothing can be made live in; see `inline`.

    Code keeps every character. HTML is shown as text, images and reference links become links, link
    titles go, and so do characters without a look of their own. Applied twice, it changes nothing.
    """
    text = first = normal(markdown)
    with suppress(TooDeep, RecursionError):
        for _ in range(_MOST_READINGS):
            shown = written(parse(text))
            if shown == text:
                return text
            text = shown
    return fenced(first)


def normal(text: str) -> str:
    """Return text as a parser of Markdown reads it: whole characters, one kind of newline."""
    text = whole_characters(text).replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def split(markdown: str, limit: int = 10_000) -> list[str]:
    """Return Markdown, made inert, in parts of at most `limit` characters, some 100 or more.

    Each part is inert, has at most one table and a `weight` of at most 40; see `split.py`.
    """
    text = inert(markdown)
    blocks = parse(text)
    parts = splitting.parts(blocks, limit)
    if parts == [text]:
        return parts
    for room in (limit, limit * 9 // 10, limit * 2 // 3):
        parts = [inert(part) for part in splitting.parts(blocks, room)]
        if all(len(part) <= limit and weight(part) <= splitting.MOST_WEIGHT for part in parts):
            return parts
    return splitting.parts(parse(fenced(text)), limit)


def weight(markdown: str) -> int:
    """Return about how many blocks Slack makes of inert Markdown, of which a message takes 50."""
    return splitting.weight(parse(markdown))


def fallback(markdown: str, limit: int) -> str:
    """Return Markdown as the `text` of a message, for notifications: plain, escaped, inert, short.

    Slack reads mentions and addresses there even in code. It has at most `limit` characters.
    """
    text = normal(markdown[: _SOURCE_OF_CHARACTER * limit + _MOST_BEFORE_WORDS])
    with suppress(TooDeep, RecursionError):
        text = plain_text(parse(text)) or text
    return escaped(text, limit)
