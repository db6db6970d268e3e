"""Cuts a paragraph or code that is longer than a part, between words or lines where it can."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.text.commonmark.blocks import fenced
from bot.text.commonmark.inline import Atom, code

_WORDS = re.compile(r"\s*\S+|\s+")
_TICKS = re.compile("`{9,}")
_LOOKS_LIKE_TICK = "\N{MODIFIER LETTER GRAVE ACCENT}"
_TICKS_OF_CODE = 24


def chunks(text: str, size: int) -> list[str]:
    """Return text in pieces of at most `size` characters."""
    size = max(size, 1)
    return [text[at : at + size] for at in range(0, len(text), size)]


def cut_code(content: str, language: str, limit: int) -> Iterator[str]:
    """Yield code in fences of at most `limit` characters; a line goes on only if it is longer.

    Long runs of backticks, which would need longer fences, become look-alikes.
    """
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


def cut_paragraph(atoms: Sequence[Atom], limit: int) -> Iterator[str]:
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
    room = limit // 2 - _TICKS_OF_CODE
    return [Atom("code", code(piece)) for piece in chunks(content, room)]


class _Page:
    """The part of a paragraph that is being filled, and the emphasis that is open in it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._units: list[Atom] = []
        self._opened: list[Atom] = []
        self._size = 0

    def add(self, unit: Atom) -> None:
        """Add a unit; blanks do not begin a part."""
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
