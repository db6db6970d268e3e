"""Acknowledges whatever no other listener takes; unanswered, Slack would send it again.

Registered last: Bolt runs the first listener that matches.
"""

import logging
import re

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.relay import UseCases
from handlers.parse.events import Payload

log = logging.getLogger(__name__)

ANY = re.compile(".*")


def register(app: AsyncApp, cases: UseCases) -> None:  # noqa: ARG001  (the signature of all handlers)
    """Acknowledge the rest."""

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


def log_unmatched(body: Payload, **ids: object) -> None:
    """Log a request that no listener matched; it is acknowledged.

    Above 30,000 deliveries an hour Slack sends `app_rate_limited`, without an inner event, and
    drops events (docs.slack.dev/apis/events-api). `ssl_check` only tries the address.
    """
    if body.get("type") == "app_rate_limited":
        log.error("Slack drops events: rate limit of the Events API reached")
    elif not body.get("ssl_check"):
        log.warning("nobody listens to a request", extra=ids)
