"""Posts with what Devin says, and with what its session's state asks of people (`notices.py`).

Devin's Markdown goes into Slack's `markdown` blocks
(docs.slack.dev/reference/block-kit/blocks/markdown-block), after `text/devin_markdown.py` has made
it inert. Slack takes 12,000 characters of it a message, and draws each heading, table and rule as a
block of its own, of which it takes 50.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.model.mirror import Said, SaidKind
from bot.model.sessions import NamedSession
from bot.text.commonmark.blocks import fenced
from bot.text.commonmark.split import MOST_WEIGHT, chunks
from bot.text.devin_markdown import SentFile, cut_files, fallback, split, weight
from bot.text.to_slack import cut
from bot.wording.actions import HOW_TO_ANSWER
from bot.wording.message import Block, action_row, verbatim
from bot.wording.mirror import notices
from bot.wording.mirror.notices import Framing
from bot.wording.phrases import local_time, plural, session_link, web_link

POST_LIMIT = 10_000
"""The most characters of Devin's in one post."""

POSTED = 30_000
"""The most characters of a message that are posted; a longer one also goes as a file, whole."""

EDITABLE = 8_000
"""The most characters of Devin's in a post whose buttons are to be replaced.

Slack was seen to refuse edits of some 12,000 characters, perhaps with the text of notifications.
"""

FALLBACK_LIMIT = 3_000
PLAIN_LIMIT = 2_900

MOST_POSTED = 100_000
"""The most characters that are posted of a message that cannot go as a file."""

MOST_FILES = 20
"""The most files of a message that are brought; the others are in the session."""

LONG_NAME = "message-from-devin.md"


@dataclass(frozen=True, slots=True)
class LongText:
    """A message of `session` that is too long for posts; it goes as a file."""

    name: str
    text: str
    session: NamedSession


@dataclass(frozen=True, slots=True)
class DevinPost:
    """A post: its blocks, the text of notifications, and Devin's words as plain text."""

    blocks: tuple[Block, ...]
    text: str
    words: str

    def params(self) -> dict[str, Any]:
        """Return the arguments of Slack's posting methods."""
        return {"text": self.text, "blocks": list(self.blocks)}

    def plain(self) -> Sequence["DevinPost"]:
        """Return the same words as posts that Slack does not have to draw, buttons last."""
        shown: list[tuple[Block, ...]]
        shown = [(verbatim(piece),) for piece in chunks(self.words, PLAIN_LIMIT)]
        rest = tuple(block for block in self.blocks if block["type"] != "markdown")
        *others, last = shown or [()]
        return [DevinPost(blocks, self.text, "") for blocks in (*others, (*last, *rest))]


@dataclass(frozen=True, slots=True)
class Composed:
    """The posts of a batch, and the files that follow them."""

    posts: Sequence[DevinPost]
    files: Sequence[SentFile | LongText]


@dataclass(slots=True)
class _Draft:
    blocks: list[Block] = field(default_factory=list)
    buttons: list[Block] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    weight: int = 1

    @property
    def length(self) -> int:
        return sum(map(len, self.words))

    def takes(self, part: str) -> bool:
        is_short = self.length + len(part) <= POST_LIMIT
        return not self.words or (is_short and self.weight + weight(part) <= MOST_WEIGHT)

    def add(self, part: str) -> None:
        self.blocks.append({"type": "markdown", "text": part})
        self.texts.append(fallback(part, FALLBACK_LIMIT))
        self.words.append(part)
        self.weight += weight(part) + 1

    def say(self, markup: str, **named: str) -> None:
        self.blocks.append({"type": "section", **named, "text": _markup(markup)})
        self.texts.append(markup)

    def note(self, markup: str) -> None:
        """Add a line in small type, which no notification shows."""
        self.blocks.append({"type": "context", "elements": [_markup(markup)]})

    def post(self) -> DevinPost:
        row = [action_row(self.buttons)] if self.buttons else []
        text = "\n".join(self.texts)
        return DevinPost((*self.blocks, *row), cut(text, FALLBACK_LIMIT), "\n\n".join(self.words))


def compose(items: Sequence[Said], framing: Framing) -> Composed:
    """Return the posts for `items`, in order, and the files that belong to them."""
    drafts, files = [_Draft()], list[SentFile | LongText]()
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            files += _add_message(drafts, one, framing)
        else:
            _add_event(drafts, one, framing)
    posts = [draft.post() for draft in drafts if draft.blocks or draft.buttons]
    return Composed(posts, files)


def file_link(file: SentFile) -> DevinPost:
    """Return the post that links a file of Devin's which could not be brought."""
    words = f"Devin sent a file that I couldn't upload here: {web_link(file.url, file.name)}"
    return DevinPost(({"type": "section", "text": _markup(words)},), words, "")


def rest_of(long: LongText) -> Sequence[DevinPost]:
    """Return the posts for the rest of a message that could not go as a file."""
    drafts = [_Draft()]
    for part in split(long.text[POSTED:MOST_POSTED], POST_LIMIT):
        _with_room(drafts, part).add(part)
    if len(long.text) > MOST_POSTED:
        where = session_link(long.session)
        drafts[-1].note(f"_The rest of this message is in the session:_ {where}")
    return [draft.post() for draft in drafts if draft.blocks]


def _with_room(drafts: list[_Draft], part: str) -> _Draft:
    if not drafts[-1].takes(part):
        drafts.append(_Draft())
    return drafts[-1]


def _add_message(
    drafts: list[_Draft], one: Said, framing: Framing
) -> Sequence[SentFile | LongText]:
    text, sent = cut_files(one.text)
    parts = split(text[:POSTED], POST_LIMIT)
    if not parts and text.strip():
        parts = [fenced(text[:POST_LIMIT])]
    for number, part in enumerate(parts):
        draft = _with_room(drafts, part)
        if number == 0 and framing.is_late:
            draft.note(f"*Devin*, {local_time(one.at // 1000)}")
        elif number == 0 and not draft.blocks:
            draft.note("*Devin*")
        draft.add(part)
    if (more := len(sent) - MOST_FILES) > 0:
        files, where = plural(more, "file is", "files are"), session_link(framing.session)
        drafts[-1].note(f"_{more} more {files} in the session:_ {where}")
    if len(text) <= POSTED:
        return sent[:MOST_FILES]
    drafts[-1].note("_The full message is in the file below._")
    return [*sent[:MOST_FILES], LongText(LONG_NAME, text, framing.session)]


def _add_event(drafts: list[_Draft], one: Said, framing: Framing) -> None:
    """Add an event; the buttons of an earlier one give way, which a later question has closed."""
    said = notices.sentence(one, framing, is_below=bool(drafts[-1].words))
    is_answered = bool(one.options) or one.kind is SaidKind.APPROVAL
    if is_answered and drafts[-1].length > EDITABLE:
        drafts[-1].buttons = []
        drafts.append(_Draft())
    draft = drafts[-1]
    draft.say(said)
    if how := notices.how_to_answer(one):
        draft.say(how, block_id=f"{HOW_TO_ANSWER}_{one.id}")
    draft.buttons = list(notices.buttons(one, framing)) or draft.buttons


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
