"""Tells whether a message of Devin's ends in a question, and which answers it offers.

Devin's own options are not in its API, so they are read from the text: a closing list, yes or no,
or a last line `OPTIONS: a | b`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.text.characters import shortened, whole_characters
from bot.text.commonmark.blocks import Block, TooDeep, parse
from bot.text.commonmark.inline import plain
from bot.text.commonmark.plain import line_of

MOST_IN_LABEL = 75
"""Characters that Slack shows on a button (docs.slack.dev, button element)."""

_LISTS = frozenset({"bullet_list", "ordered_list"})
_FEWEST, _MOST = 2, 5
_LONGEST_OPTION = 300
_YES_NO = ("Yes", "No")
_ASKS_YES_NO = re.compile(
    r"(?:(?:and|but|or|so|also|then|ok|okay|if so|before i (?:do|start|go on)),?\s+)*"
    r"(?:do|does|did|should|shall|can|could|is|are|was|were|would|will|may|might|have|has)(?:n't)?\b",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\bor\b(?! not\b)", re.IGNORECASE)
_ASKS_TO_CHOOSE = re.compile(
    r"(?:please\s+)?(?:choose|pick|select)\b|(?:which|what (?:do|would|should))\b", re.IGNORECASE
)
_EXPLICIT = re.compile(r"^[ \t]*[*_`]*OPTIONS:([^\n]+)\Z", re.MULTILINE)
_LETTERED = re.compile(r"\(?([A-Ea-e])[.)][ \t]+(\S.*)")
_MARKED_YES_NO = re.compile(
    r"\s*[(\[]?\by(?:es)?\s*(?:/|or|\|)\s*no?\b[)\]]?[.?]?\Z", re.IGNORECASE
)
"""How a question says by itself that it takes yes or no: “(yes/no)”, “[Y/n]”, “Yes or no?”."""

_POLITE = re.compile(
    r"(?:please,?\s+)?(?:let me know|tell me|just reply|reply|thanks|thank you)\b[^?\n]{0,100}\Z",
    re.IGNORECASE,
)
"""A closing sentence that asks nothing by itself."""

_SENTENCE_END = re.compile(r"(?<=[.!?:])[\"')\]]*\s+")
_AFTER_SENTENCE = " \"')]*_}"


@dataclass(frozen=True)
class Question:
    """A question of Devin's, and the answers it offers, in full; none if it asks for words."""

    options: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The options as labels of buttons, cut to 75 characters."""
        return tuple(map(label, self.options))


def label(option: str) -> str:
    """Return an option as the label of a button."""
    return shortened(option, MOST_IN_LABEL)


def parse_question(markdown: str) -> Question | None:
    """Return the question that a message ends in, or None if it ends in none."""
    text = whole_characters(markdown).rstrip()
    explicit = _EXPLICIT.search(text)
    if explicit:
        return Question(_listed([option.strip(" \t*_`") for option in explicit[1].split("|")]))
    try:
        blocks = [block for block in parse(text) if block.kind != "hr"]
    except (TooDeep, RecursionError):
        return None
    return _asked(blocks) if blocks else None


def _asked(blocks: Sequence[Block]) -> Question | None:
    last = blocks[-1]
    if last.kind == "paragraph" and blocks[:-1] and _POLITE.match(" ".join(_lines(last))):
        return _asked(blocks[:-1])
    if last.kind in _LISTS:
        return _of_list(last, blocks[:-1])
    if last.kind != "paragraph":
        return None
    lines = _lines(last)
    lettered = _lettered(lines)
    if lettered:
        before = " ".join(lines[: -len(lettered)]) or _text_of(blocks[:-1])
        return Question(_listed(lettered)) if _introduces(before) else None
    return _of_words(" ".join(lines), blocks[:-1])


def _of_words(said: str, before: Sequence[Block]) -> Question | None:
    """Return the question that a paragraph ends in; a list above it may have its options."""
    marked = _MARKED_YES_NO.search(said)
    if marked and _ends_in_question(_last_sentence(said[: marked.start()])):
        return Question(_YES_NO)
    sentence = _last_sentence(said)
    if _POLITE.match(sentence):
        sentence = _last_sentence(said.removesuffix(sentence).rstrip())
    if not _ends_in_question(sentence):
        return None
    if _ASKS_TO_CHOOSE.match(sentence) and before and before[-1].kind in _LISTS:
        return Question(_options(before[-1]))
    is_yes_no = _ASKS_YES_NO.match(sentence) and not _EITHER.search(sentence)
    return Question(_YES_NO if is_yes_no else ())


def _of_list(closing: Block, before: Sequence[Block]) -> Question | None:
    """Return the question above a closing list, or in its last item."""
    if _introduces(_text_of(before)):
        return Question(_options(closing))
    return Question() if _ends_in_question(_items(closing)[-1]) else None


def _items(block: Block) -> list[str]:
    return [" ".join(map(line_of, item.children)).strip() for item in block.children]


def _options(block: Block) -> tuple[str, ...]:
    """Return the items of a list as options, unless they are nested or questions themselves."""
    items = _items(block)
    if any(len(item.children) != 1 for item in block.children) or any(
        map(_ends_in_question, items)
    ):
        return ()
    return _listed([found[2] if (found := _LETTERED.fullmatch(item)) else item for item in items])


def _text_of(blocks: Sequence[Block]) -> str:
    last = blocks[-1] if blocks else None
    return line_of(last) if last and last.kind in {"paragraph", "heading"} else ""


def _listed(texts: Sequence[str]) -> tuple[str, ...]:
    """Return options if they can be buttons: 2 to 5 different ones, none of them a long text."""
    options = [" ".join(text.split()) for text in texts]
    options = [option for option in options if option]
    is_short = all(len(option) <= _LONGEST_OPTION for option in options)
    is_distinct = len(set(map(label, options))) == len(options)
    fits = _FEWEST <= len(options) <= _MOST and is_short and is_distinct
    return tuple(options) if fits else ()


def _lines(paragraph: Block) -> list[str]:
    """Return the lines of a paragraph as a reader sees them."""
    lines = plain(paragraph.atoms).split("\n")
    return [line.strip() for line in lines if line.strip()]


def _lettered(lines: Sequence[str]) -> list[str]:
    """Return the closing lines `A) …`, `B) …` without their letters, or none."""
    found = [_LETTERED.fullmatch(line) for line in lines]
    first = next((at for at, one in enumerate(found) if one and all(found[at:])), len(lines))
    closing = [one for one in found[first:] if one]
    letters = [one[1].lower() for one in closing]
    follow = all(ord(after) == ord(before) + 1 for before, after in pairwise(letters))
    return [one[2] for one in closing] if letters[:1] == ["a"] and follow else []


def _introduces(text: str) -> bool:
    """Return True for text that asks: its last sentence does, or it does before a colon."""
    sentences = _SENTENCE_END.split(text.strip())
    last = sentences[-1].rstrip(_AFTER_SENTENCE)
    if last.endswith(":"):
        return any(map(_ends_in_question, sentences)) or bool(_ASKS_TO_CHOOSE.match(last))
    return _ends_in_question(last)


def _ends_in_question(sentence: str) -> bool:
    return sentence.rstrip(_AFTER_SENTENCE).endswith(("?", "\N{FULLWIDTH QUESTION MARK}"))


def _last_sentence(text: str) -> str:
    return _SENTENCE_END.split(text.strip())[-1]
