"""How what people do is answered: the person behind an act, the way to them, and what failed.

Anyone who can press a button can forge its value, so a value counts only in the place of the press.
Slack sends a `response_url` with a press, for five answers within 30 minutes
(docs.slack.dev/interactivity/handling-user-interaction). Where there is none, or it does not serve,
the answer is whispered where the person is.

For an event, an error that people must know is told (`refuse`), and Slack is acknowledged; a
passing one is answered 503, so that Slack redelivers the event. Slash commands and presses are
never redelivered, so the person is told in either case. What no other listener takes is
acknowledged last: Bolt runs the first one that matches, and what is not acknowledged would come
again.
"""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self, TypeVar

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse

from bot.model import errors
from bot.model.people import Standing, UserId
from bot.model.record import mapping, string
from bot.model.threads import ThreadRef, is_id
from bot.model.times import Ts
from bot.relay import UseCases
from bot.relay.accept import UNTOLD
from bot.runtime.in_flight import unforeseen
from bot.slack.api import respond
from bot.slack.app.workspace import Identity
from bot.slack.receiving.socket_mode import is_malformed
from bot.wording import forms, refusals
from bot.wording.message import SlackMessage
from handlers.parse.interactions import Press, parse_press
from handlers.parse.messages import Payload, is_spoken, parse_id, parse_thread

log = logging.getLogger(__name__)


T = TypeVar("T")

Listener = Callable[..., Awaitable[None]]

Work = Callable[[Press], Awaitable[str | SlackMessage | None]]


@dataclass(frozen=True, slots=True)
class Asker:
    """A person who asked for something in a thread, or, without `thread_ts`, in a channel."""

    cases: UseCases
    response_url: str
    by: UserId
    thread: ThreadRef

    @classmethod
    def of(cls, cases: UseCases, press: Press) -> Self:
        """Return the person of a press."""
        return cls(cases, press.response_url, press.by, press.answered_in)

    async def tell(self, words: SlackMessage, *, replaces: bool = False) -> None:
        """Answer them alone; with `replaces`, put that in the place of the message they pressed."""
        ts = "" if replaces else self.thread.thread_ts
        # Slack shows an answer in the channel, away from the button, unless it is given the thread.
        where = {"thread_ts": ts} if ts else {}
        if self.thread.is_direct:
            words = words.without_mention()
        answer = {**words.params(), "replace_original": replaces, **where}
        problem = await respond(self.cases.workspace.client, self.response_url, answer)
        if problem is None:
            return
        log.warning("answered by a whisper", extra={"by": self.by, "reason": problem})
        try:
            await self.cases.notices.whisper(self.thread, self.by, words)
        except errors.StoreAway as error:
            ids = {"by": self.by, "reason": str(error)}
            log.error("answer given up", extra=ids)  # noqa: TRY400


def telling(asker: Asker) -> AbstractAsyncContextManager[None]:
    """Tell the person who gave a command or pressed a button how it failed, if it does."""
    return caught(lambda error: asker.tell(in_words(error, asker.cases.workspace.admin, asker.by)))


def on_press(
    app: AsyncApp, cases: UseCases, *buttons: str | re.Pattern[str]
) -> Callable[[Work], Work]:
    """Have the decorated function do the work of a press of one of `buttons`, once.

    A note that it returns replaces the buttons of a message that everybody sees, and words replace
    the message that only this person sees.
    """

    def register(work: Work) -> Work:
        async def do(press: Press) -> None:
            asker = Asker.of(cases, press)
            async with telling(asker):
                claim = f"pressed:{press.channel}:{press.by}:{press.ts}"
                if press.ts and await cases.state.claims.is_claimed(claim):
                    return
                answer = await work(press)
                if isinstance(answer, str):
                    cases.notices.press(press.message, press.channel, answer)
                elif answer is not None:
                    await asker.tell(answer, replaces=True)
                if press.ts:
                    await cases.state.claims.claim(claim)

        for button in buttons:
            app.action(button)(acting(cases, work.__name__, parse_press, do))
        return work

    return register


def acting(
    cases: UseCases,
    name: str,
    parse: Callable[[Payload, Identity], T | None],
    do: Callable[[T], Coroutine[Any, Any, None]],
) -> Listener:
    """Return a listener that acknowledges an interaction, and does its work if it is ours.

    Bolt logs its `name`.
    """

    async def listener(ack: AsyncAck, body: Payload) -> None:
        await ack()
        if (found := ours(parse, body, cases)) is not None:
            await cases.background.soon(do(found))

    # With `functools.wraps`, Bolt 1.30 would fill the parameters of what it wraps.
    listener.__name__ = name
    return listener


ANY = re.compile(".*")


def register(app: AsyncApp, cases: UseCases) -> None:
    """Handle the exceptions of all listeners, and acknowledge the rest."""

    @app.error
    async def on_error(error: Exception, body: Payload) -> BoltResponse:
        event = mapping(body.get("event"))
        ids = {"event_id": _id(body, "event_id"), "channel": _id(event, "channel")}
        if (message := parse_id(event, cases.workspace.team)) is not None:
            ids["reply_id"] = message
        if isinstance(error, BoltUnhandledRequestError):
            _log_unmatched(body, **ids)
            return BoltResponse(status=HTTPStatus.OK)
        if is_malformed(error, **ids):
            return BoltResponse(status=HTTPStatus.OK)
        try:
            return BoltResponse(status=await answered(cases, event, error))
        except errors.PassingError as away:
            log.warning("not acknowledged", extra=ids | {"reason": str(away)})
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)

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
    """Tell the author of an event about an error; return the status for Slack, or raise it."""
    thread, user = parse_thread(event, cases.workspace.team), string(event, "user")
    if isinstance(error, errors.PersonError):
        if thread is not None and user and not event.get("bot_id"):
            each = is_spoken(event, cases.workspace.identity)
            await refuse(cases, thread, string(event, "ts"), user, error, each=each)
        return HTTPStatus.OK
    if isinstance(error, errors.PassingError):
        raise error
    words = explained(error, cases.workspace.admin)
    if thread is not None and user:
        ts = string(event, "ts")
        await cases.notices.whisper(thread, user, words, once=f"bug:{ts}", at=ts)
    return HTTPStatus.INTERNAL_SERVER_ERROR


async def refuse(
    cases: UseCases,
    thread: ThreadRef,
    ts: str,
    user: str,
    error: errors.PersonError,
    *,
    each: bool = False,
    is_private: bool = False,
) -> None:
    """Tell `user`, who wrote the message at `ts`, of an error in the thread.

    They are told alone what is about them, and any error of what `is_private`. Without permission,
    they are told once in a thread, or of `each` message if it is for the bot.
    """
    words = refusals.sorry(error, cases.workspace.admin)
    match error:
        case errors.NotAllowed(standing=Standing.BOT):
            return
        case errors.NotAllowed(standing=standing):
            once = f"{standing.value}:{ts}" if each or standing.is_open else standing.value
        case errors.EmptyMessage():
            once = f"empty:{ts}"
        case errors.TooManyStarts():
            once = f"starts:{ts}"
        case _ if is_private:
            once = f"sorry:{ts}"
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


def in_words(error: Exception, admin: str, by: UserId) -> SlackMessage:
    """Word a failure for the person who asked; log it if the operator must know."""
    ids = {"by": by, "reason": str(error)}
    if isinstance(error, errors.PersonError):
        return refusals.sorry(error, admin)
    if isinstance(error, errors.PassingError):
        log.warning("what somebody asked for failed", extra=ids)
        return refusals.passing(error)
    if isinstance(error, errors.SlackRefused):
        if error.reason.endswith("trigger_id"):
            return forms.TOO_LATE
        log.error("what somebody asked for was refused", extra=ids)
        return refusals.refused_by_slack(error.reason, admin)
    return explained(error, admin)


def in_words_by_now(cases: UseCases, error: Exception, by: UserId, at: Ts) -> SlackMessage:
    """Word a failure for the person of an event; raise one that may pass while the event is new.

    Slack brings it again at once, and after a minute.
    """
    if isinstance(error, errors.SlackAway) and not cases.accepting.is_old(at, UNTOLD):
        raise error
    return in_words(error, cases.workspace.admin, by)


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
