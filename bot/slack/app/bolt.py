"""Bolt, configured for this app."""

import logging

from slack_bolt.async_app import AsyncApp

from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity, OneWorkspace


def bolt_of(client: SlackClient, identity: Identity, *, is_http: bool) -> AsyncApp:
    """Build the Bolt app, which answers Slack only after a listener has returned."""
    log_of_bolt = logging.getLogger("slack_bolt")
    log_of_bolt.disabled = True  # it would warn that SLACK_BOT_TOKEN is ignored, which is not so
    app = AsyncApp(
        name="devin-relay",
        # By default, Bolt takes the root logger's level, and its DEBUG lines print whole payloads.
        logger=log_of_bolt,
        client=client,
        authorize=OneWorkspace(identity.authorization(str(client.token))),
        process_before_response=True,
        # The endpoint has already verified the signature; Bolt would log the whole body of a bad
        # one.
        request_verification_enabled=False,
        # Each of these costs time per event, and none is used; steps use the app's own token.
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        url_verification_enabled=is_http,
        # Otherwise Bolt logs parts of a request that has no listener, and answers 404.
        raise_error_for_unhandled_request=True,
    )
    log_of_bolt.disabled = False
    return app
