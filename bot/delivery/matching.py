"""Searches a session's messages for one that was sent but whose answer was lost; pure.

The text alone is not enough, since people write “yes” twice. So messages that were written before
the attempt do not count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.devin.api import DevinMessage, Source
from bot.model.replies import ReplyId
from bot.model.sessions import SessionId

SKEW = timedelta(seconds=5)
"""The tolerated difference to Devin's clock, beyond the skew that its answers' `Date` shows."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that was, or may have been, sent to a session, first at `since` by `clock`.

    `reply` is for the log.
    """

    session: SessionId
    reply: ReplyId
    text: str
    since: datetime
    clock: Callable[[], datetime]


def is_there(messages: Sequence[DevinMessage], attempt: Attempt, skew: timedelta) -> bool:
    """Return True if the session has the attempt's text from a user, written since the attempt.

    `skew` is how far Devin's clock is ahead of the attempt's. White space aside.
    """
    words, since = attempt.text.split(), attempt.since + skew - SKEW
    by_users = (one for one in messages if one.source is not Source.DEVIN and one.at >= since)
    return any(one.text.split() == words for one in by_users)
