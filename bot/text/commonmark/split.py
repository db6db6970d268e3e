"""Splits Devin's Markdown into parts that Slack takes, at borders where a reader would.

A message takes some 50 rendered blocks, one table and about 13,200 characters (measured by others),
so parts stay below. What is cut goes on: code in a fence with its language, a list with its number,
a table below its header, emphasis in its marks. No word is lost.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from markdown_it.token import Token

from bot.text.commonmark import blocks
from bot.text.commonmark.blocks import Block, fenced
from bot.text.commonmark.inline import Atom, code

MOST_WEIGHT = 40
MOST_ROWS, MOST_CELLS, MOST_IN_TABLE = 100, 20, 10_000
MOST_SHOWN, SHOWN_FOR_HEADING = 13_000, 100

_OWN_BLOCK = frozenset({"heading", "hr", "table"})
_LEAST_ROOM = 24
_WORDS = re.compile(r"\s*\S+|\s+")
_TICKS = re.compile("`{9,}")
_LOOKS_LIKE_TICK = "\N{MODIFIER LETTER GRAVE ACCENT}"
_TICKS_OF_CODE = 24


@dataclass(frozen=True)
class _Piece:
    """Markdown that stays together, what separates it from a piece above, and what it costs."""

    text: str
    glue: str = "\n\n"
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
            text=self.text + piece.glue + piece.text,
            glue=self.glue,
            weight=self.weight + piece.weight - joins,
            is_run=piece.is_run,
            headings=self.headings + piece.headings,
            tables=self.tables + piece.tables,
        )


def weight(parsed: Sequence[Block]) -> int:
    """Return about how many blocks Slack renders; see `_piece`."""
    pieces = [_piece("", [block]) for block in parsed]
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


def _piece(text: str, content: Sequence[Block], glue: str = "\n\n") -> _Piece:
    """Weigh blocks: each heading, rule, table and image is one, and so is all between two."""
    inner = list(blocks.walk(content))
    own = sum(
        block.kind in _OWN_BLOCK or any(token.type == "image" for token in block.inline)
        for block in inner
    )
    is_alone = len(content) == 1 and content[0].kind in _OWN_BLOCK
    return _Piece(
        text,
        glue,
        weight=1 if is_alone else 2 * own + 1,
        is_run=not own,
        headings=sum(block.kind == "heading" for block in inner),
        tables=sum(block.kind == "table" for block in inner),
    )


def _manageable(block: Block) -> Block:
    """Return a block whose tables Slack takes; larger ones are code of the same lines."""
    if not block.children:
        return block
    if block.kind != "table":
        return replace(block, children=[_manageable(child) for child in block.children])
    rows = blocks.rows(block)
    widest = max(len(row.children) for row in blocks.walk([block]) if row.kind == "tr")
    size = sum(map(len, rows))
    fits = len(rows) - 1 <= MOST_ROWS and widest <= MOST_CELLS and size <= MOST_IN_TABLE
    return block if fits else _code("\n".join(rows))


def _code(content: str) -> Block:
    return Block(Token("fence", "code", 0, content=content + "\n"))


def _pieces(block: Block, limit: int, glue: str = "\n\n") -> Iterator[_Piece]:
    whole = _piece(blocks.top_level(block), [block], glue)
    if not whole.text:
        return
    if whole.fits(limit):
        yield whole
    elif block.kind in {"bullet_list", "ordered_list"}:
        yield from _items(block, limit)
    elif block.kind == "blockquote":
        yield from _quoted(block, limit)
    elif block.kind == "table":
        yield from _rows(block, limit)
    else:
        yield from (replace(whole, text=text) for text in _cut(block, limit))


def _cut(block: Block, limit: int) -> Iterator[str]:
    if block.kind in {"fence", "code_block"}:
        yield from _cut_code(blocks.content(block), blocks.language(block), limit)
    elif block.kind == "heading":
        texts = _cut_paragraph(block.atoms, limit - len("####### "))
        yield from (blocks.heading(block, text) for text in texts)
    else:
        yield from map(blocks.lines, _cut_paragraph(block.atoms, limit))


def _items(block: Block, limit: int) -> Iterator[_Piece]:
    """Yield a list's items; what does not fit into an item goes on below it."""
    tight = "\n" if blocks.is_tight(block) else "\n\n"
    glue = "\n\n"
    for mark, item in blocks.marked(block):
        whole = _piece(blocks.hanging(mark, blocks.within(item, tight)), [item], glue)
        glue = tight
        if whole.fits(limit):
            yield whole
            continue
        room = max(limit - len(mark) - 1, _LEAST_ROOM)
        inner = [piece for child in item.children for piece in _pieces(child, room)]
        yield replace(inner[0], text=blocks.hanging(mark, inner[0].text), glue=whole.glue)
        yield from inner[1:]
        glue = "\n\n"


def _quoted(block: Block, limit: int) -> Iterator[_Piece]:
    glue = "\n\n"
    for child in block.children:
        for piece in _pieces(child, max(limit - len("> "), _LEAST_ROOM)):
            is_short = len(blocks.quoted(piece.text)) <= limit
            for text in [piece.text] if is_short else chunks(piece.text, limit // 3):
                yield replace(piece, text=blocks.quoted(text), glue=glue)
                glue = "\n>\n"


def _rows(block: Block, limit: int) -> Iterator[_Piece]:
    """Yield a table in tables that each repeat its header, or as code if a row does not fit."""
    header, delimiters, *rows = blocks.rows(block)
    top = f"{header}\n{delimiters}"
    if not rows or len(top) + 1 + max(map(len, rows)) > limit:
        yield from _pieces(_code("\n".join([header, delimiters, *rows])), limit)
        return
    text = top
    for row in rows:
        if len(text) + 1 + len(row) > limit:
            yield _piece(text, [block])
            text = top
        text += "\n" + row
    yield _piece(text, [block])


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


def _cut_paragraph(atoms: Sequence[Atom], limit: int) -> Iterator[str]:
    """Yield a paragraph in parts of about `limit` characters, each with its emphasis complete."""
    page = _Page(limit)
    for is_break, line in groupby(atoms, key=lambda atom: atom.kind == "break"):
        units = [unit for atom in line for unit in _units(atom, limit)]
        if not is_break and page.would_fit_below(sum(len(unit.source) for unit in units)):
            yield from page.end()
        for unit in units:
            if unit.kind not in {"open", "close"} and page.is_full_with(unit):
                yield from page.end()
            page.add(unit)
    yield from page.end()


def _units(atom: Atom, limit: int) -> list[Atom]:
    """Return what of an atom stays together: a word, a link, code; too long ones are cut."""
    if atom.kind == "text":
        words = _WORDS.findall(atom.source)
        return [Atom("text", piece) for word in words for piece in chunks(word, limit // 2)]
    if len(atom.source) <= limit // 2 or atom.kind in {"open", "close", "break"}:
        return [atom]
    content = atom.plain if atom.kind == "code" else atom.source
    content = _TICKS.sub(lambda run: _LOOKS_LIKE_TICK * len(run[0]), content)
    return [Atom("code", code(piece)) for piece in chunks(content, limit // 2 - _TICKS_OF_CODE)]


class _Page:
    """The part of a paragraph that is being filled, and the emphasis that is open in it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._units: list[Atom] = []
        self._opened: list[Atom] = []
        self._size = 0

    def add(self, unit: Atom) -> None:
        if unit.kind == "open":
            self._opened.append(unit)
        elif unit.kind == "close":
            self._opened.pop()
        elif not self._has_words():
            unit = Atom(unit.kind, unit.source.lstrip(), unit.plain)
        self._units.append(unit)
        self._size += len(unit.source)

    def is_full_with(self, unit: Atom) -> bool:
        """Return True if there is no room for a unit and the marks that close the emphasis."""
        closing = sum(len(mark.source) for mark in self._opened)
        return self._size + len(unit.source) + closing + 1 > self._limit

    def would_fit_below(self, size: int) -> bool:
        """Return True if a line does not fit any more, but would in a part of its own."""
        closing = 2 * sum(len(mark.source) for mark in self._opened)
        return self._size + size + closing > self._limit >= size + closing

    def end(self) -> Iterator[str]:
        """Yield the part, with its emphasis closed, and begin another with the same emphasis."""
        if self._has_words():
            units = self._units
            pending = list(self._opened)
            while units and units[-1].kind == "open":
                units.pop()
                pending.pop()
            text = "".join(unit.source for unit in units).strip()
            yield text + "".join(mark.source for mark in reversed(pending))
        self._units = list(self._opened)
        self._size = sum(len(mark.source) for mark in self._opened)

    def _has_words(self) -> bool:
        return any(unit.source for unit in self._units if unit.kind not in {"open", "close"})
