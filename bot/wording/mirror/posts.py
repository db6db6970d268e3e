"""Posts with what Devin says, and with what its session's state asks of people.

Devin's Markdown goes into Slack's `markdown` blocks
(docs.slack.dev/reference/block-kit/blocks/markdown-block), after `text/devin_markdown.py` has made
it inert. Slack takes 12,000 characters of it a message, and draws each heading, table and rule as a
block of its own, of which it takes 50.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.model.sessions import CAPS, NamedSession, Said, SaidKind, Trouble
from bot.model.threads import ThreadRef
from bot.text.commonmark.split import MOST_WEIGHT, chunks
from bot.text.devin_markdown import MARKER, SentFile, cut_files, fallback, split, weight
from bot.text.mrkdwn import fenced
from bot.text.questions import label
from bot.text.to_slack import cut, escape, excerpt, quiet
from bot.wording.actions import ANSWER, APPROVE, HOW_TO_ANSWER, answer_value
from bot.wording.delivery_reports import WAYS_ON, ways_on
from bot.wording.message import Block, SlackMessage, action_row, button, opens, verbatim
from bot.wording.mirror.card import CONTINUE, at_cap, continues
from bot.wording.phrases import (
    acus_of,
    local_time,
    plural,
    pull_request_link,
    session_link,
    web_link,
    without_mention,
)

WORKING = "is following Devin's work…"
"""The status line, which Slack puts behind the bot's name."""

QUIET = SlackMessage(
    "This channel is now, or may be, shared with another organization, so Devin's messages won't "
    "be posted here anymore. Replies are still sent to Devin; open the session to read its answers."
)

APPROVED = "Approved, please proceed."
"""The answer to Devin by which someone approves."""

ANSWERED = "Answered in a reply."
MOVED_ON = "Devin has said or done more since then."
"""The notes in place of the buttons of a question that is no longer open."""

PREVIEW_LIMIT = 150
CHOICE_LIMIT = 100

MESSAGE_LIMIT = 500_000
"""The most characters of one message of Devin's that are kept."""


@dataclass(frozen=True, slots=True)
class Framing:
    """A post's thread, its session, the person to mention; words that come late have times."""

    thread: ThreadRef
    session: NamedSession
    mention: str = ""
    is_late: bool = False
    knows_end: bool = False  # from a reply's report, with the ways on


def sentence(one: Said, framing: Framing, *, is_below: bool) -> str:
    """Say what has happened; `is_below` says that Devin's words about it stand right above."""
    is_first = one.kind in CAPS or not one.cap
    leads_on = is_first and not framing.knows_end
    to = f"<@{escape(framing.mention)}> " if framing.mention and is_first else ""
    if one.kind in CAPS:
        return _of_cap(one, to)
    match one.kind:
        case SaidKind.QUESTION:
            preview = excerpt(_last_line(one.text), limit=PREVIEW_LIMIT)
            asked = "" if is_below else f' asked "{preview}" and'
            how = "" if one.options else " Reply here."
            said = f"{to}Devin{asked} is waiting for an answer.{how}"
        case SaidKind.APPROVAL:
            where = "See above for" if is_below else "Open the session to see"
            said = f"{to}Devin needs your *approval* to continue. {where} what it wants to do."
        case _ if one.kind in _PULL_REQUESTS:
            said = _PULL_REQUESTS[one.kind].format(pull_request_link(one.text))
        case SaidKind.FINISHED:
            said = f"{to}Devin has *finished*.{' Reply here to continue.' if leads_on else ''}"
        case SaidKind.ENDED:
            how = "*failed*" if one.trouble is Trouble.ERROR else "*ended*"
            advice = without_mention(WAYS_ON) if framing.thread.is_direct else WAYS_ON
            said = f"{to}Devin's session has {how} and can't receive messages anymore."
            said += f" {advice}" if leads_on else ""
        case SaidKind.TROUBLE:
            said = f"{to}{_STANDS_STILL[one.trouble]}"
        case _ if one.kind in _UNREADABLE:
            said = _UNREADABLE[one.kind]
        case _:
            raise AssertionError(f"{one.kind} is no event")
    return said


_STANDS_STILL = {
    Trouble.LIMIT: (
        "Devin has *stopped*: it reached a usage or billing limit. Once that is raised in Devin, "
        "reply here to continue."
    ),
    Trouble.ERROR: "Devin has *stopped* because of an error. Reply here to try again.",
    None: "Devin has your reply, but the session is *still suspended*. Wake it in Devin.",
}

_UNREADABLE = {
    SaidKind.UNREAD: (
        "I can't read this session's messages at the moment, so I'll post them here later. Open "
        "the session to read them now. Replies are still sent to Devin."
    ),
    SaidKind.TOO_LONG: (
        "This session's messages have become too long for me to read, so I can't post them "
        "here. Open the session to read them. Replies are still sent to Devin."
    ),
}
_PULL_REQUESTS = {
    SaidKind.PULL_REQUEST: "Devin opened a pull request: {}",
    SaidKind.MERGED: "{} was *merged*.",
    SaidKind.CLOSED: "{} was *closed*.",
}


def _of_cap(one: Said, to: str) -> str:
    if one.kind is SaidKind.CAP_NEAR:
        used = f"*{acus_of(one.acus, one.cap)}*"
        return f"Devin has used {used}, and stops once this session's cap is used up."
    return f"{to}This session {at_cap(one.acus, one.cap)}. To go on, press *{CONTINUE}*."


def how_to_answer(one: Said) -> str:
    """Return what explains the buttons of an event, and is true as long as they are there."""
    if one.kind is SaidKind.APPROVAL:
        return "Press *Approve*, or reply to say no."
    return "Pick one, or reply in your own words." if one.options else ""


def buttons(one: Said, framing: Framing) -> Sequence[Block]:
    """Return the buttons of an event."""
    open_session = opens(framing.session)
    match one.kind:
        case SaidKind.QUESTION:
            return [
                button(f"{ANSWER}_{at}", label(option), _value(one, framing, at))
                for at, option in enumerate(one.options)
            ]
        case SaidKind.APPROVAL:
            approve = button(APPROVE, "Approve", _value(one, framing, 0))
            return [{**approve, "style": "primary"}, open_session]
        case SaidKind.ENDED if not (one.cap or framing.knows_end):
            return ways_on(framing.thread, framing.session)
        case SaidKind.CAP_REACHED:
            return [continues(framing.thread, framing.session.session), open_session]
        case _ if one.kind in {SaidKind.ENDED, SaidKind.CAP_NEAR, *_PULL_REQUESTS}:
            return []
    return [open_session]


def _value(one: Said, framing: Framing, number: int) -> str:
    return answer_value(framing.thread, framing.session.session, one.id, number)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    asking = [line for line in lines if line.rstrip(" *_").endswith("?")]
    return (asking or lines or [""])[-1]


def beginning(text: str) -> str:
    """Return Devin's text, or the beginning of one that is far too long to be shown."""
    if len(text) <= MESSAGE_LIMIT:
        return text
    note = f"This message has {len(text):,} characters. Open the session to read all of it."
    return f"{text[:MESSAGE_LIMIT]}…\n\n_{note}_"


def answers(by: str, text: str) -> SlackMessage:
    """Present the answer that someone has chosen to their thread."""
    return SlackMessage(f"*{quiet(by)}* answered:", quote=text)


def chosen(by: str, text: str) -> str:
    """Return the note in place of a question's buttons: who chose what."""
    if text == APPROVED:
        return f"{quiet(by)} approved."
    return f'{quiet(by)} chose "{excerpt(text, limit=CHOICE_LIMIT)}".'


def closed(kind: SaidKind) -> str:
    """Return the note in place of a question's buttons: why it is no longer open."""
    return ANSWERED if kind is SaidKind.ANSWERED else MOVED_ON


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

MOST_FILES = 20
"""The most files of a message that are brought; the others are in the session."""

MOST_BLOCKS, EVENT_BLOCKS = 47, 2
"""The most blocks of a post, without its buttons and last notes, and of an event in it."""

LONG_NAME = "message-from-devin.md"


@dataclass(frozen=True, slots=True)
class LongText:
    """A message of `session` that is too long for posts; it goes as a file."""

    name: str
    text: str
    session: NamedSession


@dataclass(frozen=True, slots=True)
class DevinPost:
    """A post: its blocks, the text of notifications, and Devin's words, unless it has `pieces`.

    A joined post has one for each of Devin's words, then for the events. Each has the `items` that
    it shows; one without any shows those of the post in whose place it stands.
    """

    blocks: tuple[Block, ...]
    text: str
    words: str = ""
    pieces: tuple["DevinPost", ...] = ()
    items: tuple[Said, ...] = ()

    def params(self) -> dict[str, Any]:
        """Return the arguments of Slack's posting methods."""
        return {"text": self.text, "blocks": list(self.blocks)}

    def instead(self) -> Sequence["DevinPost"]:
        """Return what shows the same if Slack refuses it: the pieces, or plain text; else none."""
        if self.pieces or not self.words:
            return self.pieces
        rest = tuple(block for block in self.blocks if block["type"] != "markdown")
        pieces = [(one, (verbatim(one),)) for one in chunks(self.words, PLAIN_LIMIT)]
        posts = [DevinPost(blocks, fallback(one, FALLBACK_LIMIT)) for one, blocks in pieces]
        return [*posts[:-1], replace(posts[-1], blocks=(*posts[-1].blocks, *rest))]


@dataclass(slots=True)
class _Draft:
    blocks: list[Block] = field(default_factory=list)
    buttons: list[Block] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pieces: list[DevinPost] = field(default_factory=list)
    events: list[Said] = field(default_factory=list)
    weight: int = 1

    @property
    def length(self) -> int:
        return sum(len(piece.words) for piece in self.pieces)

    def takes(self, part: str) -> bool:
        is_short = self.length + len(part) <= POST_LIMIT
        return not self.length or (is_short and self.weight + weight(part) <= MOST_WEIGHT)

    def add(self, one: Said, part: str, note: str = "") -> None:
        self.texts.append(fallback(part, FALLBACK_LIMIT))
        self.pieces.append(DevinPost((), self.texts[-1], part, items=(one,)))
        if note:
            self.note(note)
        self._show({"type": "markdown", "text": part})
        self.weight += weight(part) + 1

    def say(self, markup: str, **named: str) -> None:
        self.blocks.append({"type": "section", **named, "text": _markup(markup)})
        self.texts.append(markup)

    def note(self, markup: str) -> None:
        """Add a line in small type, which no notification shows."""
        self.pieces = self.pieces or [DevinPost((), "")]
        self._show({"type": "context", "elements": [_markup(markup)]})

    def _show(self, block: Block) -> None:
        self.blocks.append(block)
        self.pieces[-1] = replace(self.pieces[-1], blocks=(*self.pieces[-1].blocks, block))

    def post(self) -> DevinPost:
        if self.buttons:
            self.blocks.append(action_row(self.buttons))
        if said := tuple(one for one in self.blocks if one["type"] in {"section", "actions"}):
            text = "\n".join(one["text"]["text"] for one in said if one["type"] == "section")
            self.pieces.append(DevinPost(said, text, items=tuple(self.events)))
        if len(self.pieces) == 1:
            return self.pieces[0]
        text = cut("\n".join(self.texts), FALLBACK_LIMIT)
        items = dict.fromkeys(one for piece in self.pieces for one in piece.items)
        return DevinPost(tuple(self.blocks), text, pieces=tuple(self.pieces), items=tuple(items))


def compose(items: Sequence[Said], framing: Framing) -> Sequence[DevinPost]:
    """Return the posts for `items`, in order."""
    drafts = [_Draft()]
    for one in items:
        if one.kind is SaidKind.MESSAGE:
            _add_message(drafts, one, framing)
        else:
            _add_event(drafts, one, framing)
    return [draft.post() for draft in drafts if draft.blocks or draft.buttons]


def may_have_files(one: Said) -> bool:
    """Return True if `files_of` has to look, which takes its time for a long message."""
    is_long = len(one.text) > POSTED
    return one.kind is SaidKind.MESSAGE and (is_long or MARKER in one.text)


def files_of(one: Said, session: NamedSession) -> Sequence[SentFile | LongText]:
    """Return the files that belong to an item: those that Devin sent, and a long message whole."""
    if one.kind is not SaidKind.MESSAGE:
        return ()
    text, sent = cut_files(one.text)
    long = [LongText(LONG_NAME, text, session)] if len(text) > POSTED else []
    return [*sent[:MOST_FILES], *long]


def file_link(file: SentFile) -> DevinPost:
    """Return the post that links a file of Devin's which could not be brought."""
    link = web_link(file.url, file.name)
    return _sentence(f"Devin sent a file that I couldn't upload here: {link}")


def rest_link(long: LongText) -> DevinPost:
    """Return the post that links the session of a message that could not go as a file."""
    where = session_link(long.session)
    return _sentence(f"I couldn't upload the full message here. It's in the session: {where}")


def _add_message(drafts: list[_Draft], one: Said, framing: Framing) -> None:
    text, sent = cut_files(one.text)
    parts = split(text[: POSTED + POST_LIMIT], POST_LIMIT)
    if not parts and text.strip():
        parts = [fenced(text[:POST_LIMIT])]
    while len(text) > POSTED < sum(map(len, parts)):
        parts.pop()
    for number, part in enumerate(parts):
        if not drafts[-1].takes(part):
            drafts.append(_Draft())
        draft = drafts[-1]
        note = "" if number or draft.blocks else "*Devin*"
        if number == 0 and framing.is_late:
            note = f"*Devin*, {local_time(one.at)}"
        draft.add(one, part, note)
    if (more := len(sent) - MOST_FILES) > 0:
        files, where = plural(more, "file is", "files are"), session_link(framing.session)
        drafts[-1].note(f"_{more} more {files} in the session:_ {where}")
    if len(text) > POSTED:
        drafts[-1].note("_The full message is in the file below._")


def _add_event(drafts: list[_Draft], one: Said, framing: Framing) -> None:
    """Add an event, in a post of its own if it would displace buttons of an earlier one.

    They don't stand together, since one press takes away all buttons of a post.
    """
    said, row = sentence(one, framing, is_below=drafts[-1].length > 0), buttons(one, framing)
    shown = {each["action_id"] for each in drafts[-1].buttons}
    would_displace = bool(row) and not shown <= {each["action_id"] for each in row}
    is_full = drafts[-1].weight + EVENT_BLOCKS > MOST_BLOCKS
    if would_displace or is_full or (one.options and drafts[-1].length > EDITABLE):
        drafts.append(_Draft())
    draft = drafts[-1]
    draft.events.append(one)
    draft.weight += EVENT_BLOCKS
    draft.say(said)
    if how := how_to_answer(one):
        draft.say(how, block_id=f"{HOW_TO_ANSWER}_{one.id}")
    draft.buttons = list(row) or draft.buttons


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _sentence(markup: str) -> DevinPost:
    return DevinPost(({"type": "section", "text": _markup(markup)},), markup)


NOT_SHOWN = _sentence(
    "Slack didn't take a message from Devin, so it isn't shown here. Open the session to read it."
)
"""The post in the place of what Slack does not take in any form."""
