"""Slack threads, their links to sessions, and Slack's timestamps.

A record's `v` is its schema version; a reader refuses a version it does not know, so that an old
process never half-understands what a newer one wrote.
"""

from typing import Literal, Self

from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import SessionId


class ThreadRef(Record):
    """A thread of one Slack channel, named by its first message's `ts`."""

    team: str
    channel: str
    thread_ts: str

    @classmethod
    def nowhere(cls, team: str, name: str, ts: str) -> Self:
        """The place of a message that stands in no thread: nothing is said or marked there."""
        return cls(team=team, channel=f"-{name}", thread_ts=ts)

    @property
    def is_nowhere(self) -> bool:
        """Whether it is no thread of Slack's; the id of a channel never begins so."""
        return self.channel.startswith("-")


class Link(Record):
    """What ties a thread to a session: by whom, when (Unix seconds), and whether it is muted.

    `since` is when it was made, or unmuted, in Unix milliseconds of Slack's clock: what was written
    before that is not for Devin. A link of an older version has none.
    """

    v: Literal[1] = 1
    session: SessionId
    by: UserId
    at: int
    muted: bool = False
    since: int = 0

    @property
    def hears_from(self) -> int:
        """Since when the thread's replies are for Devin, in Unix microseconds."""
        return self.since * 1000 or (self.at + 1) * 1_000_000


def millis_after(micros: int) -> int:
    """The first whole millisecond that is not before a time in microseconds."""
    return -(-micros // 1_000)


def micros_ts(micros: int) -> str:
    """The Slack `ts` of a time in microseconds."""
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def ts_micros(ts: str) -> int:
    """A Slack `ts` ("1764000000.000100") as whole microseconds; exact also as a Redis score.

    Raises:
        ValueError: `ts` is not such a string.
    """
    seconds, _, micros = ts.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 10):  # noqa: PLR2004  (until the year 2286)
        raise ValueError("not a Slack ts")
    if micros and not (micros.isascii() and micros.isdigit() and len(micros) <= 6):  # noqa: PLR2004  (microseconds)
        raise ValueError("not a Slack ts")
    return int(seconds) * 1_000_000 + int(micros.ljust(6, "0") or "0")
