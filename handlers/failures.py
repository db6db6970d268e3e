"""Every failure is reported here, and what no other listener takes is acknowledged.

For an event, an error that the person must know is whispered and Slack is acknowledged; a passing
one is answered 503, so that Slack redelivers the event. A malformed event would come back the same,
so it is acknowledged and logged. Commands and presses are never redelivered, so the person is told
in either case.

Registered last: Bolt runs the first listener that matches. What is not acknowledged would come
again.
"""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse

from bot.model.errors import (
    EmptyMessage,
    NotAllowed,
    PassingError,
    PersonError,
    SlackRefused,
    TooManyStarts,
)
from bot.model.people import Standing, is_id
from bot.model.record import mapping, string
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.runtime.logs import unforeseen
from bot.slack.app.workspace import Identity
from bot.slack.receiving.envelopes import is_malformed
from bot.wording import forms, refusals
from bot.wording.message import SlackMessage
from handlers.parse.commands import parse_spoken
from handlers.parse.events import Payload, parse_thread

log = logging.getLogger(__name__)

T = TypeVar("T")

ANY = re.compile(".*")


def register(app: AsyncApp, cases: UseCases) -> None:
    """Handle the exceptions of all listeners, and acknowledge the rest."""

    @app.error
    async def on_error(error: Exception, body: Payload) -> BoltResponse:
        event = mapping(body.get("event"))
        ids = {"event_id": _id(body, "event_id"), "channel": _id(event, "channel")}
        if isinstance(error, BoltUnhandledRequestError):
            _log_unmatched(body, **ids)
            return BoltResponse(status=HTTPStatus.OK)
        if is_malformed(error, **ids):
            return BoltResponse(status=HTTPStatus.OK)
        try:
            status = await answered(cases, event, error)
        except PassingError as away:
            status, error = HTTPStatus.SERVICE_UNAVAILABLE, away
        if isinstance(error, PassingError):
            log.warning("not acknowledged", extra=ids | {"reason": str(error)})
        return BoltResponse(status=status)

    @app.event(ANY)
    async def on_other_event() -> None:
        pass

    @app.command(ANY)
    @app.action(ANY)
    @app.shortcut(ANY)
    @app.view(ANY)
    @app.view_closed(ANY)
    @app.options(ANY)
    async def on_other_interaction(ack: AsyncAck) -> None:
        await ack()


def _log_unmatched(body: Payload, **ids: object) -> None:
    """Log a request that no listener matched; it is acknowledged.

    Above 30,000 deliveries an hour Slack sends `app_rate_limited`, without an inner event, and
    drops events (docs.slack.dev/apis/events-api). `ssl_check` only tries the address.
    """
    if body.get("type") == "app_rate_limited":
        log.error("Slack drops events: rate limit of the Events API reached")
    elif not body.get("ssl_check"):
        log.warning("nobody listens to a request", extra=ids)


async def answered(cases: UseCases, event: Payload, error: Exception) -> HTTPStatus:
    """Tell the author of an event about an error; return the status for Slack."""
    thread, user = parse_thread(event, cases.workspace.team), string(event, "user")
    if isinstance(error, PersonError):
        if thread is not None and user and not event.get("bot_id"):
            identity = cases.workspace.identity
            each = parse_spoken(event, identity.tenant, identity.user) is not None
            await whisper(cases, thread, string(event, "ts"), user, error, each=each)
        return HTTPStatus.OK
    if isinstance(error, PassingError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    words = explained(error, cases.workspace.admin)
    if thread is not None and user:
        ts = string(event, "ts")
        await cases.notices.whisper(thread, user, words, once=f"bug:{ts}", at=ts)
    return HTTPStatus.INTERNAL_SERVER_ERROR


async def whisper(
    cases: UseCases,
    thread: ThreadRef,
    ts: str,
    user: str,
    error: PersonError,
    *,
    each: bool = False,
) -> None:
    """Tell `user`, who wrote the message at `ts`.

    Without permission, they are told once in a thread, or of `each` message if it is for the bot.
    """
    words = refusals.sorry(error, cases.workspace.admin)
    match error:
        case NotAllowed(standing=Standing.BOT):
            return
        case NotAllowed(standing=Standing.UNKNOWN):
            # No rule, so it may be otherwise next time: each message that it cost is told.
            once = f"unknown:{ts}"
        case NotAllowed():
            once = f"{error.standing.value}:{ts}" if each else error.standing.value
        case EmptyMessage():
            once = f"empty:{ts}"
        case TooManyStarts():
            once = f"starts:{ts}"
        case _:
            await cases.notices.say(thread, words, once=f"sorry:{ts}")
            return
    await cases.notices.whisper(thread, user, words, once=once, at=ts)


@asynccontextmanager
async def caught(tell: Callable[[Exception], Awaitable[None]]) -> AsyncIterator[None]:
    """Let `tell` report any exception to the person who waits."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (the person must hear of any failure)
        await tell(error)


def in_words(error: Exception, admin: str) -> SlackMessage:
    """Word a failure for the person who asked; log it if the operator must know."""
    if isinstance(error, PersonError):
        return refusals.sorry(error, admin)
    if isinstance(error, PassingError):
        log.warning("what somebody asked for failed", extra={"reason": str(error)})
        return refusals.passing(error)
    if isinstance(error, SlackRefused):
        if error.reason.endswith("trigger_id"):
            return forms.TOO_LATE
        log.error("what somebody asked for was refused", extra={"reason": str(error)})
        return refusals.refused_by_slack(error.reason, admin)
    return explained(error, admin)


def ours(
    parse: Callable[[Payload, Identity], T | None], body: Payload, cases: UseCases
) -> T | None:
    """Parse an interaction; log one that is malformed, or not of our installation."""
    found = parse(body, cases.workspace.identity)
    if found is None:
        team, user = mapping(body.get("team")), mapping(body.get("user"))
        ids = {
            "team": _id(team, "id") or _id(body, "team_id"),
            "user": _id(user, "id") or _id(body, "user_id"),
        }
        log.warning("interaction ignored", extra=ids)
    return found


def explained(error: Exception, admin: str) -> SlackMessage:
    """Log an unforeseen failure, and word it with the reference in the log."""
    return refusals.unknown(unforeseen(log, error).reference, admin)


def _id(payload: Payload, key: str) -> str | None:
    """Read an id for the log; None for anything else in its place."""
    value = payload.get(key)
    return value if isinstance(value, str) and is_id(value) else None
