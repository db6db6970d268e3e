"""People's messages in linked threads, their changes, and what becomes of them."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import NewType

from pydantic import JsonValue

from bot.model.files import MOST_FORWARDED, AttachedFile, Forwarded, Upload
from bot.model.people import UserId
from bot.model.record import Record
from bot.model.threads import ThreadRef
from bot.model.times import Micros


class OutcomeKind(StrEnum):
    """The ways a delivery can end; each has its own row in docs/delivery.md."""

    DELIVERED = "delivered"
    UNCONFIRMED = "unconfirmed"
    """Devin answered, but neither took nor refused the message (v1)."""
    SUSPENDED = "suspended"
    """Devin didn't confirm the message, and the session is suspended (v1)."""
    ENDED = "ended"
    """Devin didn't take the message, and the session takes no more."""
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    GIVEN_UP = "given_up"


UNCLEAR = frozenset({OutcomeKind.UNCONFIRMED, OutcomeKind.SUSPENDED, OutcomeKind.UNCERTAIN})
"""The outcomes after which Devin may have the message."""

SENDABLE_AGAIN = UNCLEAR | {OutcomeKind.GIVEN_UP}
"""The outcomes whose report carries *Send again*; the reply's text is kept for it."""

MAY_BE_THERE = UNCLEAR | {OutcomeKind.DELIVERED}
"""The outcomes after which Devin has the message or may have it, with links for some files."""


class Refusal(StrEnum):
    """The reasons why Devin refused a message."""

    INVALID = "invalid"
    KEY_REJECTED = "key_rejected"
    FORBIDDEN = "forbidden"
    NO_SESSION = "no_session"
    ACTING = "acting"
    """Only as the person might it be sent, and they have no account, or Devin forbids it."""
    OTHER = "other"


FOR_OPERATOR = frozenset({Refusal.KEY_REJECTED, Refusal.FORBIDDEN, Refusal.ACTING})
"""The refusals that only the operator can end."""


class Outcome(Record):
    """The end of a delivery, with what Devin said about it, and the files that went as links."""

    kind: OutcomeKind
    refusal: Refusal | None = None
    detail: str = ""
    status: int | None = None
    left_out: tuple[Upload, ...] = ()

    @property
    def is_plain(self) -> bool:
        """True if a mark tells everything: the reply was delivered with all of its files."""
        return self.kind is OutcomeKind.DELIVERED and not self.left_out

    @property
    def is_unread(self) -> bool:
        """True for a success whose body could not be parsed."""
        is_success = self.status in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
        return self.kind is OutcomeKind.UNCERTAIN and is_success


@dataclass(frozen=True, slots=True)
class Wait:
    """Devin neither accepted nor refused the message, so it may be sent again, after seconds.

    Unless it `was_asked`, Devin limits another message, and this one has a time of its own.
    """

    reason: str
    retry_after: float | None = None
    was_asked: bool = True


ReplyId = NewType("ReplyId", str)
"""`team:channel:ts`, unique per Slack message, so that a redelivered event changes nothing."""


class Reply(Record):
    """A person's message in a linked thread, as Slack sent it.

    `blocks` are what people see of it (`bot.text.content`), and empty if that is the `text` alone.
    `author` is a user id, or the bot id of a bot that writes without a user; `bots` holds every id
    under which a bot's message may be allowed, and is empty for a person; `home` is that bot's
    workspace or organization, if Slack tells it, and `app` the app through which a person's message
    came. `sent_by` is the person who sent somebody's message to Devin by a shortcut; `step` is the
    execution id of a workflow step that waits for the outcome. `is_correction`: it corrects an
    earlier message. `is_stop`: a press of *Stop* sends it, from a muted thread as well.
    """

    thread: ThreadRef
    ts: str
    author: UserId
    bots: tuple[str, ...] = ()
    home: str = ""
    app: str = ""
    text: str = ""
    blocks: tuple[dict[str, JsonValue], ...] = ()
    files: tuple[AttachedFile, ...] = ()
    forwarded: tuple[Forwarded, ...] = ()
    sent_by: UserId | None = None
    step: str = ""
    is_correction: bool = False
    is_stop: bool = False

    @property
    def id(self) -> ReplyId:
        """The reply's key."""
        return reply_id(self.thread.team, self.thread.channel, self.ts)

    @property
    def begins_thread(self) -> bool:
        """True unless it answers another message."""
        return self.ts == self.thread.thread_ts

    @property
    def is_own(self) -> bool:
        """True unless somebody else than its author sends it."""
        return self.sent_by in {None, self.author}

    @property
    def speaker(self) -> str:
        """The id of whom Devin is told as its author: for a bot's post, that of the bot."""
        return next((one for one in self.bots if one.startswith("B")), self.author)

    @property
    def all_files(self) -> tuple[AttachedFile, ...]:
        """Its own files, then those of the messages it forwards, without duplicates."""
        others = (file for one in self.forwarded[:MOST_FORWARDED] for file in one.files)
        return tuple(dict.fromkeys((*self.files, *others)))


def reply_id(team: str, channel: str, ts: str) -> ReplyId:
    """Return the key of the Slack message `ts` in that channel."""
    return ReplyId(f"{team}:{channel}:{ts}")


def place_of(reply: str) -> tuple[str, str, str]:
    """Split a reply's id into the team, the channel and the `ts`."""
    team, channel, ts = reply.split(":")
    return team, channel, ts


class Edit(Record):
    """A message as its author has edited it, at `edited`.

    An aside is marked as not for Devin. `was_answered`: the message was for the bot, which has
    answered it; `is_spoken`: it is for the bot now.
    """

    reply: Reply
    edited: Micros
    is_aside: bool
    was_aside: bool = False
    was_answered: bool = False
    is_spoken: bool = False
    drops_forwarded: bool = False


class Deletion(Record):
    """A deleted message; its thread and author are None where Slack does not tell them."""

    id: ReplyId
    ts: str
    thread: ThreadRef | None = None
    author: UserId | None = None


QUEUED = frozenset({"waiting", "sending"})
"""The states of a reply that is in its session's mailbox."""


class Evidence(StrEnum):
    """The evidence that a message is for Devin, in its present form.

    After an `OLD_EVENT`, which came more than a minute late, it may have changed or gone. It was
    read in its `THREAD` just now; or a `PERSON` sends it, whatever happened to it before, as a
    `STOP` even from a muted thread.
    """

    EVENT = "event"
    OLD_EVENT = "old event"
    THREAD = "thread"
    PERSON = "person"
    STOP = "stop"


class Change(StrEnum):
    """The result of accepting a reply: only the first one means that it is accepted just now.

    `EARLIER`: it was written before the link was made, or while that was muted. `OUTDATED`: the
    event may be, so the message must be looked up in its thread. `SENDING`: the session of an
    earlier link is just being sent it.
    """

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    UNLINKED = "unlinked"
    MUTED = "muted"
    EARLIER = "earlier"
    OUTDATED = "outdated"
    SENDING = "sending"


FOR_NO_SESSION = frozenset({Change.EARLIER, Change.MUTED, Change.UNLINKED})
"""The results for a reply that may have been for Devin once."""
