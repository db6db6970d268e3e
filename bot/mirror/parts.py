"""Lays a batch out as parts: posts and files, in the order in which its thread is shown them.

The parts depend on the batch and on what was noted of it alone, so each try counts the same ones.
What Slack or Devin refused is noted as replaced, and other parts stand in its place.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.text.devin_files import SentFile
from bot.wording.mirror import words as devin_words
from bot.wording.mirror.words import Composed, DevinPost, LongText

REPLACED = "replaced"
"""Noted for a part that is shown in another form, so that no later try shows it as it was."""

BEGAN = "began:"
"""Precedes a file's name where the time (Unix ms) of its first try is noted."""


@dataclass(frozen=True, slots=True)
class Part:
    """A post or a file; `name` is that for notes, empty for what stands in the place of another."""

    name: str
    what: DevinPost | SentFile | LongText


async def parts_of(composed: Composed, notes: Mapping[str, str]) -> Sequence[Part]:
    """Return the parts of a batch; a long text that is replaced by posts is split in a thread."""
    is_long = any(isinstance(one, LongText) for one in composed.files)
    if is_long and REPLACED in notes.values():
        return await asyncio.to_thread(lambda: list(_laid_out(composed, notes)))
    return list(_laid_out(composed, notes))


def _laid_out(composed: Composed, notes: Mapping[str, str]) -> Iterator[Part]:
    named = [Part(f"post:{number}", post) for number, post in enumerate(composed.posts)]
    named += [Part(f"file:{number}", file) for number, file in enumerate(composed.files)]
    for part in named:
        if notes.get(part.name) == REPLACED:
            yield from (Part("", post) for post in _instead_of(part.what))
        else:
            yield part


def _instead_of(what: DevinPost | SentFile | LongText) -> Sequence[DevinPost]:
    match what:
        case DevinPost():
            return what.plain()
        case SentFile():
            return [devin_words.file_link(what)]
        case LongText():
            return devin_words.rest_of(what)
        case _:
            assert_never(what)
