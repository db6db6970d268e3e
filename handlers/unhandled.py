"""What Slack sends and nobody else listens to is acknowledged; unanswered, it would come again.

Registered last: Bolt runs the first listener that matches.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.response import BoltResponse

from bot.relay import Relay
from handlers.payloads import Payload

log = logging.getLogger(__name__)

ANY = re.compile(".*")


def register(app: AsyncApp, relay: Relay) -> None:  # noqa: ARG001  (the signature of all handlers)
    """Acknowledge the rest."""

    @app.middleware
    async def on_rate_limit(
        body: Payload,
        next: Callable[[], Awaitable[None]],  # noqa: A002  (Bolt's name for it)
    ) -> BoltResponse | None:
        # Above 30,000 deliveries an hour Slack sends this, without an inner event, and drops events
        # (docs.slack.dev/apis/events-api).
        if body.get("type") == "app_rate_limited":
            log.error("Slack drops events: rate limit of the Events API reached")
            return BoltResponse(status=HTTPStatus.OK)
        await next()
        return None

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
