"""Recognizes the relay's messages by keys and buttons, or by the sentences of `bot/wording/`.

No sentence is repeated here, so that each can be rewritten.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

from bot.features.workflow_steps import words as workflows
from bot.model.errors import NotLinked
from bot.model.files import AttachedFile, Upload
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Follow, NamedSession, SessionId, SessionState, Trouble, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis
from bot.store.outbox import OwedKind
from bot.text.devin_markdown import SentFile
from bot.wording import commands, delivery_reports, refusals, thread_links
from bot.wording.actions import UNLINK
from bot.wording.delivery_reports import words_of
from bot.wording.mirror import card
from bot.wording.mirror.posts import file_link
from bot.wording.phrases import clock_time, session_link
from sandbox.slack.api.blocks import interactive_elements
from sandbox.slack.server import Message

GAP = "⋯"
"""Stands in a sentence for what varies."""

_SESSION = NamedSession(SessionId(f"devin-{0:032x}"))
_LINK = Link(session=_SESSION.session, by=UserId("U0"), linked_at=0)
_FILE = Upload(file=AttachedFile(name=GAP, permalink=""))
_LOST = Outcome(kind=OutcomeKind.UNCERTAIN, detail=GAP, left_out=(_FILE,))
_UNREAD = Outcome(kind=OutcomeKind.UNCERTAIN, status=HTTPStatus.OK)
_TAKEN = Outcome(kind=OutcomeKind.DELIVERED, left_out=(_FILE,))

UNCERTAIN = tuple(words_of(one, GAP).text for one in (_LOST, _UNREAD))
TAKEN_WITH_LINK = words_of(_TAKEN, GAP).text
LEFT_OUT = (TAKEN_WITH_LINK, words_of(_LOST, GAP).footer)

SPOKEN = (
    commands.said(GAP, "").text.strip(),
    *(workflows.said_by_workflow(by, "").text for by in ("", GAP)),
)
"""The openings of what the relay posts for a person or a workflow."""

LINKS_FILE = file_link(SentFile("", GAP)).text.partition(GAP)[0].rstrip("`")
"""The opening of a post that links a file of Devin's; its address may be shown or not."""

CORRECTS = delivery_reports.corrected(GAP, "").text

MUTED, UNMUTED = (
    thread_links.muted(_LINK.model_copy(update={"muted": muted})).text for muted in (True, False)
)
UNLINKED = (
    thread_links.unlinked(_SESSION).text.replace(session_link(_SESSION), GAP),
    refusals.sorry(NotLinked()).text,
)
LINKED_ALREADY = thread_links.linked_already(_SESSION, GAP).text.replace(
    session_link(_SESSION), GAP
)


STATUSES: Mapping[SessionState, str] = {
    SessionState.WORKING: "processing",
    SessionState.WAITING: "suspended",
    SessionState.APPROVAL: "suspended",
    SessionState.FINISHED: "active",
    SessionState.ENDED: "closed",
}
"""Slack's own state of a thread (docs.slack.dev/ai/agent-sessions), by the session's."""


@dataclass(frozen=True, slots=True)
class Shows:
    """What a card must show; `is_barred`: another organization shares the channel.

    `cap` is that of a session which has used it up.
    """

    state: SessionState = SessionState.WORKING
    trouble: Trouble | None = None
    follow: Follow = Follow.ALL
    is_muted: bool = False
    is_barred: bool = False
    cap: int | None = None

    @property
    def statuses(self) -> Collection[str]:
        """What Slack's own state of such a thread may be, empty if there is none."""
        if self.is_barred or self.follow is Follow.OFF:
            return {"", "active"}
        if self.trouble is not None and self.state is not SessionState.ENDED:
            return {"suspended"}
        if self.state is SessionState.SUSPENDED:
            return {"active", "suspended"}  # it may have fallen asleep over a question
        return {STATUSES[self.state]}

    @property
    def sentences(self) -> Sequence[str]:
        """The sentences of such a card, with gaps for its session, its maker and the time."""
        link = _LINK.model_copy(update={"muted": self.is_muted})
        used = None if self.cap is None else float(self.cap)
        seen = Watched(
            state=self.state, trouble=self.trouble, since=Millis(1_000), cap=self.cap, acus=used
        )
        place = ThreadRef(team="T0", channel="C0", thread_ts="1.0")
        shown = card.Card(place, link, GAP, _SESSION, seen, self.follow, self.is_barred)
        text = str(card.card(shown).params()["text"]).replace(session_link(_SESSION), GAP)
        text = text.replace(clock_time(seen.since), GAP)
        # What it has used is apart: options may stand behind it.
        rest = text.splitlines()
        return rest if used is None else [*rest[:-1], rest[-1].partition(" · ")[2]]


def says(text: str, *sentences: str) -> bool:
    """Return True if `text` has one of the sentences, with anything on one line as a `GAP`."""
    return any(_pattern(one).search(text) for one in sentences)


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(".*?".join(map(re.escape, sentence.split(GAP))))


def key_of(message: Message) -> str:
    """Return the key with which the relay posted a message; empty if there is none."""
    return str((message.metadata or {}).get("event_payload", {}).get("key", ""))


def kind_in(key: str) -> str:
    """Return the kind in a key: `subject|number|kind`, perhaps with a part behind it."""
    return [*key.split("|"), "", ""][2]


def actions_of(message: Message) -> set[str]:
    """Return the action ids of a message's buttons."""
    return {one["action_id"] for _, one in interactive_elements(message.blocks)}


def is_card(message: Message) -> bool:
    """Return True for the card of a link; the card of one that has ended cannot unlink it."""
    return kind_in(key_of(message)) == OwedKind.CARD and UNLINK in actions_of(message)


def is_unheard(message: Message, verb: str) -> bool:
    """Return True if the message tells that a command of this name was missed."""
    return ":unheard:" in key_of(message) and f"`{verb}`" in message.text
