"""People's messages in linked threads, and what accepting one did."""

from enum import StrEnum
from typing import Literal, NewType

from pydantic import JsonValue

from bot.model.files import MOST_FORWARDED, AttachedFile, Forwarded
from bot.model.people import UserId
from bot.model.record import Record
from bot.model.threads import ThreadRef

ReplyId = NewType("ReplyId", str)
"""`team:channel:ts`, one per Slack message: what makes a redelivered event change nothing."""


class Reply(Record):
    """A person's message in a linked thread, as Slack sent it.

    `author` is a user id, or the bot id of a bot that writes without a user; `bots` holds every id
    under which a bot's message may be allowed, and is empty for a person; `home` is that bot's
    workspace or organization, where Slack says it. `sent_by` is who sent somebody's message to
    Devin by a shortcut; `step` is the execution id of a workflow's step that waits for the outcome.
    `is_correction`: it says anew what an earlier message said.
    `forwarded` has the messages that the author forwards with it; a record of an older version has
    none.
    """

    v: Literal[1] = 1
    thread: ThreadRef
    ts: str
    author: UserId
    bots: tuple[str, ...] = ()
    home: str = ""
    text: str = ""
    blocks: tuple[dict[str, JsonValue], ...] = ()
    files: tuple[AttachedFile, ...] = ()
    forwarded: tuple[Forwarded, ...] = ()
    sent_by: UserId | None = None
    step: str = ""
    is_correction: bool = False

    @property
    def id(self) -> ReplyId:
        """The reply's own key."""
        return reply_id(self.thread.team, self.thread.channel, self.ts)

    @property
    def all_files(self) -> tuple[AttachedFile, ...]:
        """Its own files, then those of what it forwards, each of these once."""
        quoted = self.forwarded[:MOST_FORWARDED]
        others = dict.fromkeys(file for one in quoted for file in one.files)
        return (*self.files, *(file for file in others if file not in self.files))


def reply_id(team: str, channel: str, ts: str) -> ReplyId:
    """The key of the Slack message `ts` in that channel."""
    return ReplyId(f"{team}:{channel}:{ts}")


def place_of(reply: str) -> tuple[str, str, str]:
    """The team, the channel and the `ts` of a reply's id."""
    team, channel, ts = reply.split(":")
    return team, channel, ts


class Voucher(StrEnum):
    """What says that a message is for Devin, and as it is."""

    EVENT = "event"
    """Slack brought it, perhaps a day late: it may have been changed or deleted since."""

    OLD_EVENT = "old event"
    """The same, by a later retry: what became of it may have been refused as it was."""

    THREAD = "thread"
    """It stands in its thread now."""

    PERSON = "person"
    """Somebody sends it, whatever became of it before."""


class Change(StrEnum):
    """What accepting a reply did."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    UNLINKED = "unlinked"
    MUTED = "muted"

    EARLIER = "earlier"
    """Nothing: it was written before the link was made, or while the thread was muted."""

    LATE = "late"
    """Nothing: it was not in its thread when that was read, or came in since; look there."""


ASTRAY = frozenset({Change.EARLIER, Change.MUTED, Change.UNLINKED})
"""What becomes of a reply that was for Devin once."""
