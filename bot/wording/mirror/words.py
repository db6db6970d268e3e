"""Posts with what Devin says, and with what its session's state asks of people.

Devin's Markdown goes into Slack's `markdown` blocks
(docs.slack.dev/reference/block-kit/blocks/markdown-block), after `text/devin_markdown.py` has made
it inert. Slack takes 12,000 characters of it a message, and draws each heading, table and rule as a
block of its own, of which it takes 50.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.model.mirror import Said, SaidKind
from bot.model.sessions import NamedSession, Trouble
from bot.model.threads import ThreadRef
from bot.text.characters import cut
from bot.text.commonmark.blocks import fenced
from bot.text.devin_files import SentFile, cut_files
from bot.text.devin_markdown import fallback, split, weight
from bot.text.questions import label
from bot.text.to_slack import escape, excerpt
from bot.wording.actions import ANSWER, APPROVE, OPEN_SESSION, UNLINK
from bot.wording.blocks import Block, action_row, button, link_button, verbatim
from bot.wording.button_values import answer_value, link_value
from bot.wording.phrases import pull_request_link, session_address, web_link

POST_LIMIT = 10_000
"""The most characters of Devin's in one post."""

POSTED = 30_000
"""The most characters of a message that are posted; a longer one also goes as a file, whole."""

MOST_WEIGHT = 40
"""The most blocks that a post may be drawn as."""

FALLBACK_LIMIT = 3_000
PLAIN_LIMIT = 2_900
PREVIEW_LIMIT = 150

LONG_NAME = "message-from-devin.md"


@dataclass(frozen=True, slots=True)
class Framing:
    """The place of a post: its thread, its session, the person to mention, if any.

    `is_late` says that the words have waited, so that they come with their times.
    """

    thread: ThreadRef
    session: NamedSession
    mention: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class LongText:
    """A message that is too long for posts; it goes as a file."""

    name: str
    text: str


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
        pieces = [
            self.words[at : at + PLAIN_LIMIT] for at in range(0, len(self.words), PLAIN_LIMIT)
        ]
        rest = tuple(block for block in self.blocks if block["type"] != "markdown")
        shown = [(verbatim(piece),) for piece in pieces[:-1]]
        last = (*(verbatim(piece) for piece in pieces[-1:]), *rest)
        return [DevinPost(blocks, self.text, "") for blocks in (*shown, last)]


@dataclass(frozen=True, slots=True)
class Composed:
    """The posts of a batch, and the files that follow them."""

    posts: Sequence[DevinPost]
    files: Sequence[SentFile | LongText]


@dataclass(slots=True)
class _Draft:
    """A post that is being filled."""

    blocks: list[Block] = field(default_factory=list)
    buttons: list[Block] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    weight: int = 1

    @property
    def length(self) -> int:
        return sum(map(len, self.words))

    def takes(self, part: str) -> bool:
        """Return True if `part` fits behind what is there."""
        is_short = self.length + len(part) <= POST_LIMIT
        return not self.words or (is_short and self.weight + weight(part) <= MOST_WEIGHT)

    def post(self) -> DevinPost:
        row = [action_row(self.buttons)] if self.buttons else []
        text = "\n".join(self.texts)
        return DevinPost((*self.blocks, *row), cut(text, FALLBACK_LIMIT), "\n\n".join(self.words))


def compose(items: Sequence[Said], framing: Framing) -> Composed:
    """Return the posts for `items`, in order, and the files that belong to them."""
    drafts, files = [_Draft()], list[SentFile | LongText]()
    dated = framing.is_late and sum(one.kind is SaidKind.MESSAGE for one in items) > 1
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            files += _add_message(drafts, one, is_dated=dated or framing.is_late)
        else:
            _add_event(drafts[-1], one, framing)
    posts = [draft.post() for draft in drafts if draft.blocks or draft.buttons]
    return Composed(posts, files)


def file_link(file: SentFile) -> DevinPost:
    """Return the post that links a file of Devin's which could not be brought."""
    words = f"Devin sent a file that I couldn't upload here: {file_address(file)}"
    return DevinPost(({"type": "section", "text": _markup(words)},), words, "")


def rest_of(text: str) -> Sequence[DevinPost]:
    """Return the posts for the rest of a message that could not go as a file."""
    drafts = []
    for part in split(text[POSTED:], POST_LIMIT):
        draft = _Draft()
        _add_part(draft, part)
        drafts.append(draft)
    return [draft.post() for draft in drafts]


def file_address(file: SentFile) -> str:
    """Return a file's name as a link, or its address as text where it cannot be one."""
    return web_link(file.url, file.name)


def _add_message(
    drafts: list[_Draft], one: Said, *, is_dated: bool
) -> Iterator[SentFile | LongText]:
    """Add a message to the last draft, or to new ones; yield its files."""
    text, sent = cut_files(one.text)
    parts = split(text[:POSTED], POST_LIMIT)
    if not parts and text.strip():
        parts = [fenced(text[:POST_LIMIT])]
    for number, part in enumerate(parts):
        if not drafts[-1].takes(part):
            drafts.append(_Draft())
        draft = drafts[-1]
        if number == 0:
            _add_heading(draft, one.at if is_dated else None)
        _add_part(draft, part)
    found = list[SentFile | LongText](sent)
    if len(text) > POSTED:
        drafts[-1].blocks.append(_line("_The full message is in the file below._"))
        found.append(LongText(LONG_NAME, text))
    return iter(found)


def _add_part(draft: _Draft, part: str) -> None:
    draft.blocks.append({"type": "markdown", "text": part})
    draft.texts.append(fallback(part, FALLBACK_LIMIT))
    draft.words.append(part)
    draft.weight += weight(part) + 1


def _add_heading(draft: _Draft, at: int | None) -> None:
    """Say that Devin speaks, at the beginning of a post, and when, if that was long ago."""
    if at is not None:
        seconds = at // 1000
        draft.blocks.append(
            _line(f"*Devin*, <!date^{seconds}^{{date_short_pretty}} at {{time}}|earlier>")
        )
    elif not draft.blocks:
        draft.blocks.append(_line("*Devin*"))


def _add_event(draft: _Draft, one: Said, framing: Framing) -> None:
    """Add an event; the buttons of an earlier one give way, which a later question has closed."""
    said = _EVENTS[one.kind](one, framing, bool(draft.words))
    draft.blocks.append({"type": "section", "text": _markup(said)})
    draft.texts.append(said)
    draft.buttons = list(_buttons(one, framing)) or draft.buttons


def _question(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: FBT001  (`_EVENTS`)
    asked = "" if is_below else f' asked "{excerpt(_last_line(one.text), limit=PREVIEW_LIMIT)}" and'
    how = "Pick one, or reply in your own words." if one.options else "Reply here."
    return f"{_to(framing)}Devin{asked} is waiting for an answer. {how}"


def _approval(_: Said, framing: Framing, is_below: bool) -> str:  # noqa: FBT001  (`_EVENTS`)
    where = "See above for" if is_below else "Open the session to see"
    return (
        f"{_to(framing)}Devin needs your *approval* to continue. {where} what it wants to do. "
        "Press *Approve*, or reply to say no."
    )


def _pull_request(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    return f"Devin opened a pull request: {pull_request_link(one.text)}"


def _finished(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    return f"{_to(framing)}Devin has *finished*. Reply here to continue."


def _ended(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    how = "*failed*" if one.trouble is Trouble.ERROR else "*ended*"
    return (
        f"{_to(framing)}Devin's session has {how} and can't receive messages anymore. To continue, "
        "press *Unlink*, then mention me with `link &lt;session link or ID&gt;` or "
        "`start &lt;prompt&gt;`."
    )


def _trouble(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    if one.trouble is Trouble.LIMIT:
        return (
            f"{_to(framing)}Devin has *stopped*: it reached a usage limit. Raise the limit in "
            "Devin, then reply here to continue."
        )
    return f"{_to(framing)}Devin has *stopped* because of an error. Reply here to try again."


_EVENTS = {
    SaidKind.QUESTION: _question,
    SaidKind.APPROVAL: _approval,
    SaidKind.PULL_REQUEST: _pull_request,
    SaidKind.FINISHED: _finished,
    SaidKind.ENDED: _ended,
    SaidKind.TROUBLE: _trouble,
}


def _buttons(one: Said, framing: Framing) -> Sequence[Block]:
    thread, session = framing.thread, framing.session
    opens = link_button(OPEN_SESSION, "Open session", session_address(session))
    match one.kind:
        case SaidKind.QUESTION:
            values = (
                answer_value(thread, session.session, one.id, number)
                for number in range(len(one.options))
            )
            return [
                button(f"{ANSWER}_{number}", label(option), value)
                for number, (option, value) in enumerate(zip(one.options, values, strict=True))
            ]
        case SaidKind.APPROVAL:
            value = answer_value(thread, session.session, one.id, 0)
            return [{**button(APPROVE, "Approve", value), "style": "primary"}, opens]
        case SaidKind.ENDED:
            return [opens, button(UNLINK, "Unlink", link_value(thread, session.session))]
        case SaidKind.PULL_REQUEST:
            return []
    return [opens]


def _to(framing: Framing) -> str:
    return f"<@{escape(framing.mention)}> " if framing.mention else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    asking = [line for line in lines if line.rstrip(" *_").endswith("?")]
    return (asking or lines or [""])[-1]


def _line(markup: str) -> Block:
    return {"type": "context", "elements": [_markup(markup)]}


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
