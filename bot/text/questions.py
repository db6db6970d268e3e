"""Tells whether a message of Devin's ends in a question, and which answers it offers.

Devin's own options are not in its API, so they are read from the text: a closing list, yes or no,
or a last line `OPTIONS: a | b`. A session waits at the end of every turn, and a summary may ask
rhetorically (“What changed?”), so only a question to the reader counts.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from bot.model.record import encodable
from bot.text.commonmark.blocks import Block, parse
from bot.text.commonmark.inline import plain
from bot.text.devin_markdown import line_of
from bot.text.to_slack import shortened

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
_CONSENT = re.compile(
    r"\b(?:should|shall|may|can|could) (?:I|we)\b(?! have\b)"
    r"|\b(?:do|would|are|can|could|will) you\b"
    r"|\b(?:is|are|would) (?:that|this|it|these|they) (?:be )?(?:ok|fine|right|correct|what you)"
    r"|\b(?:look|sound) (?:ok|fine|good|right)|\b(?:work|right|ok|okay|fine) (?:for|with) you\b",
    re.IGNORECASE,
)
"""What a question says to the reader, and not to itself."""

_EITHER = re.compile(r"\bor\b(?! not\b)", re.IGNORECASE)
_ASKS_TO_CHOOSE = re.compile(
    r"(?:please\s+)?(?:choose|pick|select)\b"
    r"|which\b(?!\s+\w+\s+(?:changed|fail|failed|broke|passed|was|were|did|has|have|had)\b)"
    r"|(?:what|how|where|when|who|whose)\b.*\b(?:(?:would|will) you"
    r"|do you (?:want|like|prefer|need|mean|think)|shall|should(?! have))\b",
    re.IGNORECASE,
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

_COURTESY = re.compile(
    r"(?:(?:please )?let me know\b.*|do you have|is there|are there|have you got)?\s*"
    r"(?:any|anything|something)\b.*\b(?:questions?|else|concerns?|feedback|help)\b.*\Z",
    re.IGNORECASE,
)
"""A closing question that nobody has to answer, as “Is there anything else you need?”."""

_TELL_WHICH = re.compile(
    r"(?:please,?\s+)?(?:let me know|tell me)\s+(?:which|whether|how you(?:'d| would) like)\b",
    re.IGNORECASE,
)
"""A closing request that waits for an answer, without a question mark."""

_SIGNS = "?\uff1f\u061f"
"""Question marks, also fullwidth and Arabic ones."""

_SENTENCE_END = re.compile(rf"(?<=[.!:{_SIGNS}])[\"')\]]*\s+")
_AFTER_SENTENCE = " \"')]*_}"
_ADDRESS = re.compile(r"https?://\S*[^\s.,;:!?)\]}'\"*_~]", re.IGNORECASE)
_MASK = "\ufffc"


Options = tuple[str, ...]
"""The answers that a question offers, in full; none if it asks for words."""


def label(option: str) -> str:
    """Return an option as the label of a button."""
    return shortened(option, MOST_IN_LABEL)


def parse_question(markdown: str) -> Options | None:
    """Return the answers to the question that a message ends in; None if it ends in no question."""
    text = encodable(markdown).rstrip()
    explicit = _EXPLICIT.search(text)
    if explicit:
        return _listed([option.strip(" \t*_`") for option in explicit[1].split("|")])
    try:
        blocks = [block for block in parse(text) if block.kind != "hr"]
    except RecursionError:
        return None
    return _asked(blocks) if blocks else None


def _asked(blocks: Sequence[Block]) -> Options | None:
    last, before = blocks[-1], blocks[:-1]
    if last.kind in _LISTS:
        return _of_list(last, before)
    if last.kind in {"fence", "code_block", "table"} or _is_pointer(last):  # what it is about
        return _consent(_sentences(_text_of(before)))
    if last.kind != "paragraph":
        return None
    if _is_closing(" ".join(_lines(last))):
        return _asked(before) if before else None
    lines = _lines(last)
    lettered = _lettered(lines)
    if lettered:
        above = " ".join(lines[: -len(lettered)]) or _text_of(before)
        return _listed(lettered) if _introduces_letters(above) else None
    return _of_words(_text_of([last]), before)


def _of_words(said: str, before: Sequence[Block]) -> Options | None:
    """Return the question that a paragraph ends in; a list above it may have its options."""
    marked = _MARKED_YES_NO.search(said)
    if marked and _ends_in_question(_sentences(said[: marked.start()])[-1]):
        return _YES_NO
    sentences = _sentences(said)
    while len(sentences) > 1 and _is_closing(sentences[-1]):
        sentences.pop()
    sentence = sentences[-1]
    if _TELL_WHICH.match(sentence):
        return _options(before[-1]) if before and before[-1].kind in _LISTS else ()
    if not _ends_in_question(sentence):
        return _consent(sentences)
    if _ASKS_TO_CHOOSE.match(sentence) and before and before[-1].kind in _LISTS:
        return _options(before[-1])
    return _YES_NO if _asks_yes_no(sentence) else ()


def _is_closing(sentence: str) -> bool:
    """Return True for a closing sentence that asks nothing."""
    is_polite = _POLITE.match(sentence) and not _TELL_WHICH.match(sentence)
    return bool(is_polite or _COURTESY.match(sentence))


def _of_list(closing: Block, before: Sequence[Block]) -> Options | None:
    above, items = _sentences(_text_of(before)), _items(closing)
    last, is_asked = above[-1], any(map(_asks_to_choose, above))
    if all(map(_LETTERED.fullmatch, items)):
        is_asked |= _ends_in_question(last)
    if is_asked and (_ends_in_question(last) or last.endswith(":")):
        return _options(closing)
    return _consent(above) or (() if _ends_in_question(items[-1]) else None)


def _consent(sentences: Sequence[str]) -> Options | None:
    """Return the question for consent among the last sentences, which may say more about it."""
    asked = [_asks_yes_no(one) and bool(_CONSENT.search(one)) for one in sentences]
    if not any(asked):
        return None
    answer = "".join(sentences[asked.index(True) + 1 :][:1])
    return None if re.match(r"(?:yes|no)\b", answer, re.IGNORECASE) else _YES_NO


def _asks_yes_no(sentence: str) -> bool:
    is_yes_no = _ASKS_YES_NO.match(sentence) and not _EITHER.search(sentence)
    return bool(is_yes_no) and _ends_in_question(sentence)


def _asks_to_choose(sentence: str) -> bool:
    if sentence.endswith(":"):
        return bool(_ASKS_TO_CHOOSE.match(sentence) or _asks_yes_no(f"{sentence[:-1]}?"))
    is_either = _ASKS_YES_NO.match(sentence) and _EITHER.search(sentence)
    is_choice = _ASKS_TO_CHOOSE.match(sentence) or is_either
    return bool(is_choice) and _ends_in_question(sentence)


def _introduces_letters(text: str) -> bool:
    """Return True for text that asks: letters below it are answers, whatever it asks."""
    return _ends_in_question(_sentences(text)[-1]) or any(map(_asks_to_choose, _sentences(text)))


def _is_pointer(block: Block) -> bool:
    if block.kind != "paragraph":
        return False
    rest = (one.plain for one in block.atoms if one.kind not in {"link", "code"})
    return not _ADDRESS.sub("", "".join(rest)).strip(" \n.,;:()*_")


def _items(block: Block) -> list[str]:
    return [" ".join(map(line_of, item.children)).strip() for item in block.children]


def _options(block: Block) -> tuple[str, ...]:
    """Return the items of a list as options, unless they are nested or questions themselves."""
    items = _items(block)
    is_flat = all(len(item.children) == 1 for item in block.children)
    if not is_flat or any(map(_ends_in_question, items)):
        return ()
    return _listed([found[2] if (found := _LETTERED.fullmatch(item)) else item for item in items])


def _text_of(blocks: Sequence[Block]) -> str:
    """Return the words of the last block, if it is a paragraph, with code and addresses masked."""
    if not blocks or blocks[-1].kind != "paragraph":
        return ""
    shown = ("code" if one.kind == "code" else one.plain for one in blocks[-1].atoms)
    return _ADDRESS.sub(_MASK, " ".join("".join(shown).split()))


def _listed(texts: Sequence[str]) -> tuple[str, ...]:
    """Return options if they can be buttons: 2 to 5 different ones, none of them a long text."""
    options = [" ".join(text.split()) for text in texts]
    options = [option for option in options if option]
    is_short = all(len(option) <= _LONGEST_OPTION for option in options)
    is_distinct = len(set(map(label, options))) == len(options)
    fits = _FEWEST <= len(options) <= _MOST and is_short and is_distinct
    return tuple(options) if fits else ()


def _lines(paragraph: Block) -> list[str]:
    return [line.strip() for line in plain(paragraph.atoms).split("\n") if line.strip()]


def _lettered(lines: Sequence[str]) -> list[str]:
    """Return the closing lines `A) …`, `B) …` without their letters, or none."""
    found = [_LETTERED.fullmatch(line) for line in lines]
    first = next((at for at, one in enumerate(found) if one and all(found[at:])), len(lines))
    closing = [one for one in found[first:] if one]
    letters = [one[1].lower() for one in closing]
    follow = all(ord(after) == ord(before) + 1 for before, after in pairwise(letters))
    return [one[2] for one in closing] if letters[:1] == ["a"] and follow else []


def _ends_in_question(sentence: str) -> bool:
    """Return True for a sentence that ends in a question mark, if that is no part of an address."""
    ends = sentence.rstrip(_AFTER_SENTENCE)
    if ends.endswith(f"{_MASK}?"):
        return bool(_ASKS_YES_NO.match(ends) or _ASKS_TO_CHOOSE.match(ends))
    return ends.endswith(tuple(_SIGNS))


def _sentences(text: str) -> list[str]:
    return _SENTENCE_END.split(text.strip())
