"""Makes Devin's Markdown safe to post: it pings nobody and hides no link.

What is posted is a fixed point: read by the parser and written again, it is the same, and all that
the writer writes is inert. Text that does not come to rest is posted as code. Nothing here does I/O
or raises, whatever the text.
"""

from bot.text.blocks import TooDeep, fenced, parse, written
from bot.text.characters import whole_characters

_MOST_READINGS = 5


def inert(markdown: str) -> str:
    """Return Markdown for a `markdown` block that nothing can be made live in; see `inline`.

    Code keeps every character. HTML is shown as text, images and reference links become links, link
    titles go, and so do characters without a look of their own. Applied twice, it changes nothing.
    """
    text = normal(markdown)
    try:
        return _at_rest(text)
    except (TooDeep, RecursionError):
        return fenced(text)


def normal(text: str) -> str:
    """Return text as a parser of Markdown reads it: whole characters, one kind of newline."""
    text = whole_characters(text).replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _at_rest(text: str) -> str:
    first = text
    for _ in range(_MOST_READINGS):
        shown = written(parse(text))
        if shown == text:
            return text
        text = shown
    return fenced(first)
