"""Reconciles a delivery whose answer was lost, by looking for its message in the session.

The message is never sent again from here. If it is seen, it was delivered; if it is not seen, or
the session cannot be read, the outcome stays uncertain, and a person decides. The text alone is not
enough, since people write “yes” twice: messages from before the attempt do not count.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.devin.api import Devin, DevinMessage, Source, Unread
from bot.model.replies import Outcome, OutcomeKind, ReplyId
from bot.model.sessions import SessionId
from bot.runtime import metrics

log = logging.getLogger(__name__)

SKEW = timedelta(seconds=5)
"""The tolerated difference to Devin's clock, beyond the skew that its answers' `Date` shows."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that was, or may have been, sent to a session, first at `since` by `clock`."""

    session: SessionId
    reply: ReplyId
    text: str
    since: datetime
    clock: Callable[[], datetime]


def is_there(messages: Sequence[DevinMessage], attempt: Attempt, skew: timedelta) -> bool:
    """Return True if a user wrote the attempt's text since; Devin's clock is ahead by `skew`."""
    words, since = attempt.text.split(), attempt.since + skew - SKEW
    by_users = (one for one in messages if one.source is not Source.DEVIN and one.at >= since)
    return any(one.text.split() == words for one in by_users)


class Look(StrEnum):
    """The results of a look into a session."""

    SEEN = "seen"
    UNSEEN = "unseen"
    UNREADABLE = "unreadable"
    AWAY = "away"


async def reconcile(
    devin: Devin, attempt: Attempt, uncertain: Outcome, pauses: Sequence[float]
) -> Outcome:
    """Look after each of `pauses` (s); the outcome is delivered if it is seen, or `uncertain`."""
    look = Look.UNREADABLE
    for seconds in pauses:
        await asyncio.sleep(seconds)
        look = await _look(devin, attempt)
        if look in {Look.SEEN, Look.UNREADABLE}:
            break
    metrics.LOOKS.labels(look).inc()
    ids = {"session_id": attempt.session, "reply_id": attempt.reply}
    log.info("looked into the session", extra=ids | {"look": look.value})
    if look is Look.SEEN:
        return Outcome(kind=OutcomeKind.DELIVERED, status=uncertain.status)
    return uncertain


async def _look(devin: Devin, attempt: Attempt) -> Look:
    found = await devin.messages(attempt.session, clock=attempt.clock)
    if isinstance(found, Unread):
        return Look.AWAY if found.is_passing else Look.UNREADABLE
    if is_there(found.messages, attempt, found.skew):
        return Look.SEEN
    return Look.AWAY if found.has_more or found.is_hidden else Look.UNSEEN
