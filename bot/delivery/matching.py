"""Whether a session's messages hold one of ours whose answer was lost; pure.

The words alone do not tell, since people write “yes” twice. So copies that earlier messages account
for do not count, and neither does what was written before the attempt.
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
"""How far Devin's clock and ours may be apart beyond what the `Date` of its answers tells."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that was sent to a session, or may have been, first at `since`.

    `arrivals` are the messages that are known to be there, oldest first; this one was sent after
    all of them. `since` and they were read from `clock`. `reply` is for the log.
    """

    session: SessionId
    reply: ReplyId
    text: str
    since: datetime
    arrivals: Sequence[Arrival]
    clock: Callable[[], datetime]


def is_there(messages: Sequence[DevinMessage], attempt: Attempt, skew: timedelta) -> bool:
    """Whether a user wrote the attempt's text since then.

    `skew` is how far Devin's clock is ahead of the attempt's.
    """
    by_users = (one for one in messages if one.source is not Source.DEVIN)
    copies = _unexplained(sorted(by_users, key=attrgetter("at")), attempt, skew)
    return bool(copies) and copies[-1] >= attempt.since + skew - SKEW


def _unexplained(
    written: Sequence[DevinMessage], attempt: Attempt, skew: timedelta
) -> list[datetime]:
    """When the message was written, without the copies that earlier ones account for.

    What stands behind the last arrival of other words came after it, whatever any clock says.
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
    """All but the first copy that may be this one."""
    first, last = arrival.sent + skew - SKEW, arrival.answered + skew + SKEW
    its_own = next((copy for copy in copies if first <= copy <= last), None)
    return [copy for copy in copies if copy is not its_own]
