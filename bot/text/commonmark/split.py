"""Splits Devin's Markdown into parts that Slack takes, between two blocks if it can.

A message takes some 50 rendered blocks, one table and about 13,200 characters (measured by others),
so parts stay below. Code that is cut goes on in a fence with its language; any other block that is
longer than a part is cut between two lines, or else two words. Tables that Slack would not take are
code. No word is lost.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.token import Token

from bot.text.commonmark import blocks
from bot.text.commonmark.blocks import Block
from bot.text.mrkdwn import fenced

MOST_WEIGHT = 40
MOST_ROWS, MOST_CELLS = 100, 20
MOST_SHOWN, SHOWN_FOR_HEADING = 13_000, 100

_OWN_BLOCK = frozenset({"heading", "hr", "table"})
_TICKS = re.compile("`{9,}")
_LOOKS_LIKE_TICK = "\N{MODIFIER LETTER GRAVE ACCENT}"
_TICKS_OF_CODE = 24


@dataclass(frozen=True)
class _Piece:
    """Markdown that stays together, and what it costs."""

    text: str
    weight: int = 1
    is_run: bool = True
    headings: int = 0
    tables: int = 0

    def fits(self, limit: int) -> bool:
        return (
            len(self.text) <= limit
            and len(self.text) + SHOWN_FOR_HEADING * self.headings <= MOST_SHOWN
            and self.weight <= MOST_WEIGHT
            and self.tables <= 1
        )

    def with_below(self, piece: "_Piece") -> "_Piece":
        """Return both as one; content other than headings, rules and tables is one run."""
        joins = self.is_run and piece.is_run
        return _Piece(
            text=f"{self.text}\n\n{piece.text}",
            weight=self.weight + piece.weight - joins,
            is_run=piece.is_run,
            headings=self.headings + piece.headings,
            tables=self.tables + piece.tables,
        )


def weight(parsed: Sequence[Block]) -> int:
    """Return about how many blocks Slack renders; see `_piece`."""
    pieces = [_piece("", block) for block in parsed]
    joined = sum(one.is_run and other.is_run for one, other in pairwise(pieces))
    return sum(piece.weight for piece in pieces) - joined


def parts(parsed: Sequence[Block], limit: int) -> list[str]:
    """Return blocks as the Markdown of parts of at most `limit` characters."""
    found: list[_Piece] = []
    for block in map(_manageable, parsed):
        for piece in _pieces(block, limit):
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
        headings=sum(one.kind == "heading" for one in inner),
        tables=sum(one.kind == "table" for one in inner),
    )


def _manageable(block: Block) -> Block:
    """Return a block whose tables Slack takes; larger ones are code of the same lines."""
    if not block.children:
        return block
    if block.kind != "table":
        return replace(block, children=[_manageable(child) for child in block.children])
    rows = blocks.rows(block)
    widest = max(len(row.children) for row in blocks.walk([block]) if row.kind == "tr")
    fits = len(rows) - 1 <= MOST_ROWS and widest <= MOST_CELLS
    return block if fits else _code("\n".join(rows))


def _code(content: str) -> Block:
    return Block(Token("fence", "code", 0, content=content + "\n"))


def _pieces(block: Block, limit: int) -> Iterator[_Piece]:
    whole = _piece(blocks.top_level(block), block)
    if not whole.text:
        return
    if whole.fits(limit):
        yield whole
    elif block.kind in {"fence", "code_block"}:
        content, language = blocks.content(block), blocks.language(block)
        yield from (replace(whole, text=text) for text in _cut_code(content, language, limit))
    elif block.kind == "table" or len(whole.text) <= limit:  # too many tables or headings in it
        yield from _pieces(_code(whole.text), limit)
    else:
        yield from (replace(whole, text=text) for text in _cut(whole.text, limit))


def _cut(text: str, limit: int) -> Iterator[str]:
    """Yield Markdown in pieces, which end before a line, or else before a word."""
    while len(text) > limit:
        ends = (text.rfind("\n", 0, limit), text.rfind(" ", 0, limit))
        end = next((one for one in ends if one > 0), limit)
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def chunks(text: str, size: int) -> list[str]:
    """Return text in pieces of at most `size` characters, cut behind a blank where there is one."""
    size, pieces = max(size, 1), list[str]()
    while len(text) > size:
        at = max(text.rfind(blank, size // 2, size) for blank in " \n") + 1 or size
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text] if text else pieces


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
