"""Every failure finds its reader here: the person in Slack, or the operator in the log.

For an event, what the person must know is whispered and Slack is acknowledged; what may pass is
answered 503, so that Slack brings the event back. Commands and buttons are never brought back, so
there the person is told in either case.
"""

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from slack_bolt.async_app import AsyncApp, AsyncRespond
from slack_bolt.response import BoltResponse

from bot import messages
from bot.errors import NotAllowed, PassingError, PersonError, RelayError
from bot.models import Standing
from bot.relay import Relay
from bot.words import Words
from handlers.payloads import Payload, parse_thread

log = logging.getLogger(__name__)


def register(app: AsyncApp, relay: Relay) -> None:
    """Take what the listeners raise."""

    @app.error
    async def on_error(error: Exception, body: Payload) -> BoltResponse:
        event = body.get("event")
        event = event if isinstance(event, dict) else {}
        ids = {"event_id": body.get("event_id"), "channel": event.get("channel")}
        if isinstance(error, PersonError):
            await whisper(relay, event, error)
            return BoltResponse(status=HTTPStatus.OK)
        if isinstance(error, PassingError):
            log.warning("not acknowledged", extra=ids | {"reason": str(error)})
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
        words = explained(error)
        thread, user = parse_thread(event, relay.team), str(event.get("user") or "")
        if thread is not None and user:
            await relay.answers.whisper_once(f"bug:{event.get('ts')}", thread, user, words)
        return BoltResponse(status=HTTPStatus.INTERNAL_SERVER_ERROR)


async def whisper(relay: Relay, event: Payload, error: PersonError) -> None:
    """Tell the author of an event; those who may not speak here are told once in each thread."""
    thread, user = parse_thread(event, relay.team), str(event.get("user") or "")
    if thread is None or not user or event.get("bot_id"):
        return
    words = messages.sorry(error)
    if not isinstance(error, NotAllowed):
        relay.answers.say(thread, words)
    elif error.standing is Standing.UNKNOWN:
        # No rule, but a look-up that failed: each message that it cost is told.
        await relay.answers.whisper_once(f"unknown:{event.get('ts')}", thread, user, words)
    elif error.standing is not Standing.BOT:
        await relay.answers.whisper_once(error.standing.value, thread, user, words)


@asynccontextmanager
async def telling(respond: AsyncRespond, thread_ts: str | None = None) -> AsyncIterator[None]:
    """Tell the person who gave a command or pressed a button how it failed, if it does.

    Slack shows that in the channel, away from the button, unless it is given the `thread_ts`.
    """
    try:
        yield
    except PersonError as error:
        words = messages.sorry(error)
    except PassingError as error:
        log.warning("command or button failed", extra={"reason": str(error)})
        words = messages.passing(error)
    except Exception as error:  # noqa: BLE001  (the person must hear of any failure)
        words = explained(error)
    else:
        return
    params = words.params()
    await respond(
        text=params["text"],
        blocks=params["blocks"],
        replace_original=False,
        thread_ts=thread_ts,
    )


def explained(error: Exception) -> Words:
    """Log a failure that nobody foresaw, and give the words with the log's reference."""
    reference = secrets.token_hex(4)
    what = str(error) if isinstance(error, RelayError) else type(error).__name__
    log.error("unforeseen: %s", what, extra={"reference": reference}, exc_info=error)
    return messages.unknown(reference)
