"""Slack threads, their links to sessions, and Slack's ids."""

from typing import Self

from pydantic import field_serializer

from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import Follow, SessionId, parse_session
from bot.model.times import Micros, is_ts

TOPIC_LIMIT = 80

LONGEST_ID = 32
"""Upper bound in characters; Slack's ids have about a dozen."""


class ThreadRef(Record):
    """A thread of one Slack channel, named by its first message's `ts`."""

    team: str
    channel: str
    thread_ts: str

    @classmethod
    def nowhere(cls, team: str, name: str, ts: str) -> Self:
        """Return the place of a message that is in no thread: nothing is posted or marked there."""
        return cls(team=team, channel=f"-{name}", thread_ts=ts)

    @property
    def name(self) -> str:
        """The thread's name, which `parse_thread` reads."""
        return f"{self.team}:{self.channel}:{self.thread_ts}"

    @property
    def is_nowhere(self) -> bool:
        """True if this place is outside of any thread; no Slack channel id begins with "-"."""
        return self.channel.startswith("-")

    @property
    def is_direct(self) -> bool:
        """True if it is in somebody's direct message with the bot."""
        return is_direct(self.channel)

    @property
    def in_channel(self) -> Self:
        """The place of posts in its channel, outside of any thread."""
        return self.model_copy(update={"thread_ts": ""})

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields by which the log names the thread."""
        return {"team": self.team, "channel": self.channel, "thread_ts": self.thread_ts}


def parse_thread(name: str) -> ThreadRef:
    """Parse the `name` of a thread, which the relay wrote; raise ValueError."""
    team, channel, thread_ts = name.split(":")
    return ThreadRef(team=team, channel=channel, thread_ts=thread_ts)


def parse_thread_name(name: str) -> ThreadRef | None:
    """Parse the name of a thread, which anybody may have written; None if it is none."""
    match name.split(":"):
        case [team, channel, ts] if is_ts(ts):
            return ThreadRef(team=team, channel=channel, thread_ts=ts)
    return None


def link_name(thread: ThreadRef, session: SessionId) -> str:
    """Return the name of a thread's link to `session`, which buttons carry."""
    return f"{thread.name}|{session}"


def parse_link_name(name: str) -> tuple[ThreadRef, SessionId] | None:
    """Parse the name of a link, which anybody may have written; None if it is none."""
    where, _, named = name.partition("|")
    thread, session = parse_thread_name(where), parse_session(named)
    return None if thread is None or session is None else (thread, session)


class Link(Record):
    """The tie between a thread and a session: who made it, and if it is muted.

    `linked_at` is when it was made (Unix seconds, by Slack's clock), and `since` the time of
    linking or unmuting: messages until then are not for Devin. `follow` is how much of the session
    the thread follows, by its own choice; "" if it made none. `card` tells its card from those of
    other links. `topic` has the first words of the thread's first message, on one line of at most
    `TOPIC_LIMIT` characters, as of `topic_at` (`Links.describe`). In JSON, such times are strings,
    since Lua would write 14 of their 16 digits.
    """

    session: SessionId
    by: UserId
    linked_at: int
    muted: bool = False
    since: Micros = Micros(0)
    follow: str = ""
    card: str = ""
    topic: str = ""
    topic_at: Micros = Micros(0)

    @property
    def takes_replies(self) -> bool:
        """True if what people write in the thread goes to Devin."""
        return not self.muted

    @field_serializer("since", "topic_at")
    def _exact(self, at: Micros) -> str:
        return str(at)


def follow_of(link: Link | None, default: Follow) -> Follow:
    """Return how much a thread with that link follows: its own choice, or the setting's."""
    return Follow(link.follow) if link is not None and link.follow else default


def is_id(text: str) -> bool:
    """True if `text` could be the Slack id of a user, a channel or a team."""
    return text.isascii() and text.isalnum() and len(text) <= LONGEST_ID


def is_enterprise(text: str) -> bool:
    """True if `text` is the id of an Enterprise organization, and not of one of its workspaces."""
    return is_id(text) and text.startswith("E")


def is_channel(text: str) -> bool:
    """True if `text` could be the id of a channel, and not of a user or a direct message.

    A group direct message may begin like one (docs.slack.dev, conversation object).
    """
    return is_id(text) and text.startswith(("C", "G"))


def is_direct(channel: str) -> bool:
    """Return True if a conversation is somebody's direct message with the bot, by its id."""
    return channel.startswith("D")
