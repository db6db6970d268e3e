"""Splits Devin's Markdown into parts that Slack takes, between two blocks if it can.

A message takes some 50 rendered blocks, one table and about 13,200 characters, of which each
heading costs some 100 (measured by others), so parts stay below. Code that is cut goes on in a
fence with its language; any other block that is longer than a part is cut between two lines, or
else two words. A block with tables that Slack would not take is code. No word is lost.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from bot.text.commonmark import blocks
from bot.text.commonmark.blocks import Block
from bot.text.mrkdwn import fenced

MOST_WEIGHT = 40
MOST_ROWS, MOST_CELLS = 100, 20

_OWN_BLOCK = frozenset({"heading", "hr", "table"})
_TICKS = re.compile("`{9,}")
_LOOKS_LIKE_TICK = "\N{MODIFIER LETTER GRAVE ACCENT}"
_TICKS_OF_CODE = 24


@dataclass(frozen=True)
class _Piece:
    """Markdown that stays together, and what it costs; a table that is too large counts twice."""

    text: str
    weight: int = 1
    is_run: bool = True
    tables: int = 0

    def fits(self, limit: int) -> bool:
        return len(self.text) <= limit and self.weight <= MOST_WEIGHT and self.tables <= 1

    def with_below(self, piece: "_Piece") -> "_Piece":
        """Return both as one; content other than headings, rules and tables is one run."""
        joins = self.is_run and piece.is_run
        return _Piece(
            text=f"{self.text}\n\n{piece.text}",
            weight=self.weight + piece.weight - joins,
            is_run=piece.is_run,
            tables=self.tables + piece.tables,
        )


def weight(markdown: str) -> int:
    """Return about how many blocks Slack makes of inert Markdown, of which a message takes 50."""
    pieces = [_piece("", block) for block in blocks.parse(markdown)]
    joined = sum(one.is_run and other.is_run for one, other in pairwise(pieces))
    return sum(piece.weight for piece in pieces) - joined


def parts(markdown: str, limit: int) -> list[str]:
    """Return inert Markdown in parts of at most `limit` characters."""
    lines, found = markdown.split("\n"), list[_Piece]()
    for block in blocks.parse(markdown):
        text = "\n".join(lines[slice(*block.token.map or ())]).strip("\n")
        for piece in _pieces(text, block, limit):
            joined = found and found[-1].with_below(piece)
            if joined and joined.fits(limit):
                found[-1] = joined
            else:
                found.append(piece)
    return [part.text for part in found]


def _piece(text: str, block: Block) -> _Piece:
    """Weigh a block: each heading, rule and table is one, and so is all between two."""
    inner = list(blocks.walk([block]))
    own = sum(one.kind in _OWN_BLOCK for one in inner)
    return _Piece(
        text,
        weight=1 if block.kind in _OWN_BLOCK else 2 * own + 1,
        is_run=not own,
        tables=sum(2 if _is_too_large(one) else 1 for one in inner if one.kind == "table"),
    )


def _is_too_large(table: Block) -> bool:
    rows = [one for one in blocks.walk([table]) if one.kind == "tr"]
    return len(rows) > 1 + MOST_ROWS or len(rows[0].children) > MOST_CELLS


def _pieces(text: str, block: Block, limit: int) -> Iterator[_Piece]:
    whole = _piece(text, block)
    if whole.fits(limit):
        yield whole
    elif block.kind == "fence":
        code = _cut_code(block.token.content, blocks.language(block), limit)
        yield from map(_Piece, code)
    elif block.kind == "table" or len(text) <= limit:  # its tables or headings are too many
        yield from map(_Piece, _cut_code(text, "", limit))
    else:
        yield from (replace(whole, text=one) for one in _cut(text, limit))


def _cut(text: str, limit: int) -> Iterator[str]:
    """Yield Markdown in pieces, which end before a line, or else before a word."""
    while len(text) > limit:
        ends = (text.rfind("\n", 0, limit), text.rfind(" ", 0, limit))
        end = next((one for one in ends if one > 0), limit)
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def chunks(text: str, size: int) -> list[str]:
    """Return text in pieces of at most `size` characters."""
    size = max(size, 1)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _cut_code(content: str, language: str, limit: int) -> Iterator[str]:
    """Yield code in fences of at most `limit` characters, without long runs of backticks."""
    content = _TICKS.sub(lambda run: _LOOKS_LIKE_TICK * len(run[0]), content)
    room = max(limit - _TICKS_OF_CODE - len(language), 1)
    text = ""
    for line in content.removesuffix("\n").split("\n"):
        for piece in chunks(line, room - 1) or [""]:
            if len(text) + len(piece) + 1 > room:
                yield fenced(text, language)
                text = ""
            text += piece + "\n"
    yield fenced(text, language)
