"""Bolt, as this app uses it."""

import logging

from slack_bolt.async_app import AsyncApp

from bot.slack.api import SlackClient
from bot.slack.identity import Identity, OneWorkspace


def bolt_of(client: SlackClient, identity: Identity, *, is_http: bool) -> AsyncApp:
    """Bolt, answering Slack only when a listener has returned."""
    log_of_bolt = logging.getLogger("slack_bolt")
    log_of_bolt.disabled = True  # it would warn that SLACK_BOT_TOKEN is ignored, which is not so
    app = AsyncApp(
        name="devin-relay",
        # Left to itself Bolt takes the root's level, and its DEBUG lines print whole payloads.
        logger=log_of_bolt,
        client=client,
        authorize=OneWorkspace(identity.authorization(str(client.token))),
        process_before_response=True,
        # The endpoint has verified the signature; Bolt would log the whole body of a bad one.
        request_verification_enabled=False,
        # Each of these costs every event, and none is used; steps take our own token.
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        url_verification_enabled=is_http,
        # Else it logs parts of a request that nobody listens to, and answers 404.
        raise_error_for_unhandled_request=True,
    )
    log_of_bolt.disabled = False
    return app
