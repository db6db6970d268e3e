"""What the bot tells people in many tests, made by `bot/wording/` as the bot makes it."""

from typing import Any

from bot.model.errors import (
    ChooseSession,
    NotAllowed,
    NotIdentified,
    NotLinked,
    StoreAway,
)
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.wording import delivery_reports, refusals
from bot.wording.message import SlackMessage
from tests.support.desk import ANYTHING

NOT_LINKED = refusals.sorry(NotLinked())
NOT_IDENTIFIED = refusals.passing(NotIdentified("HTTP 503"))
STORE_AWAY = refusals.passing(StoreAway("no answer"))
GUEST = refusals.sorry(NotAllowed(Standing.GUEST))
NONE_ACTIVE = refusals.sorry(ChooseSession(()))


def report(kind: OutcomeKind, about: str, **facts: Any) -> SlackMessage:
    """Return the report of an outcome, for the reply whose text is `about`."""
    return delivery_reports.words_of(Outcome(kind=kind, **facts), f'"{about}"')


def suspended(about: str) -> SlackMessage:
    """Return the report of a session that is suspended."""
    return report(OutcomeKind.SUSPENDED, about)


def uncertain(about: str, detail: str = ANYTHING) -> SlackMessage:
    """Return the report that nobody knows whether Devin got a reply, for lack of an answer."""
    return report(OutcomeKind.UNCERTAIN, about, detail=detail)


def forbidden(about: str) -> SlackMessage:
    """Return the report of a key that may not write to the session."""
    return report(OutcomeKind.REFUSED, about, refusal=Refusal.FORBIDDEN, status=403)


def given_up(about: str) -> SlackMessage:
    """Return the report that Devin took no messages for too long."""
    return report(OutcomeKind.GIVEN_UP, about, detail=ANYTHING)
