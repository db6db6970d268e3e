"""Searches a session's messages for one that was sent but whose answer was lost; pure.

The text alone is not enough, since people write “yes” twice. So copies that earlier messages
account for do not count, nor do messages that were written before the attempt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from operator import attrgetter

from bot.devin.api import DevinMessage, Source
from bot.model.arrivals import Arrival, digest
from bot.model.replies import ReplyId
from bot.model.sessions import SessionId

SKEW = timedelta(seconds=5)
"""The tolerated difference to Devin's clock, beyond the skew that its answers' `Date` shows."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that was, or may have been, sent to a session, first at `since`.

    `arrivals` are the messages that the session is known to have, oldest first; this one was sent
    after all of them. All times come from `clock`. `reply` is for the log.
    """

    session: SessionId
    reply: ReplyId
    text: str
    since: datetime
    arrivals: Sequence[Arrival]
    clock: Callable[[], datetime]


def is_there(messages: Sequence[DevinMessage], attempt: Attempt, skew: timedelta) -> bool:
    """Return True if the session has the attempt's text from a user, written since the attempt.

    `skew` is how far Devin's clock is ahead of the attempt's.
    """
    by_users = (one for one in messages if one.source is not Source.DEVIN)
    copies = _unexplained(sorted(by_users, key=attrgetter("at")), attempt, skew)
    return bool(copies) and copies[-1] >= attempt.since + skew - SKEW


def _unexplained(
    written: Sequence[DevinMessage], attempt: Attempt, skew: timedelta
) -> list[datetime]:
    """Return the times of all copies of the message that earlier arrivals do not account for.

    A message listed behind the last arrival of another text came after it, whatever any clock says.
    """
    name, arrivals = digest(attempt.text), attempt.arrivals
    same = list(takewhile(lambda one: one.digest == name, reversed(arrivals)))
    last_other = arrivals[-len(same) - 1].digest if len(same) < len(arrivals) else ""
    names = [digest(one.text) for one in written]
    if last_other in names:
        place = len(names) - names[::-1].index(last_other)
        later = zip(written[place:], names[place:], strict=True)
        return [one.at for one, of in later if of == name][len(same) :]
    copies = [one.at for one, of in zip(written, names, strict=True) if of == name]
    for arrival in arrivals:
        if arrival.digest == name:
            copies = _without(copies, arrival, skew)
    return copies


def _without(copies: Sequence[datetime], arrival: Arrival, skew: timedelta) -> list[datetime]:
    """Return all copies but the first one that may be `arrival`."""
    first, last = arrival.sent + skew - SKEW, arrival.answered + skew + SKEW
    its_own = next((copy for copy in copies if first <= copy <= last), None)
    return [copy for copy in copies if copy is not its_own]
