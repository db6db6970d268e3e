"""Bolt, configured for this app."""

import logging

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity


def bolt_of(client: SlackClient, identity: Identity, *, is_http: bool) -> AsyncApp:
    """Build the Bolt app, which answers Slack only after a listener has returned."""
    log_of_bolt = logging.getLogger("slack_bolt")
    log_of_bolt.disabled = True  # it would warn that SLACK_BOT_TOKEN is ignored, which is not so
    app = AsyncApp(
        name="devin-relay",
        # By default, Bolt takes the root logger's level, and its DEBUG lines print whole payloads.
        logger=log_of_bolt,
        client=client,
        authorize=_OneInstallation(str(client.token), identity),
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


class _OneInstallation(AsyncAuthorize):
    """Authorizes all requests for the one installation; Bolt takes longer to call a function."""

    def __init__(self, token: str, bot: Identity) -> None:
        self._result = AuthorizeResult(
            enterprise_id=bot.enterprise,
            team_id=None if bot.is_org else bot.tenant,
            bot_id=bot.bot,
            bot_user_id=bot.user,
            bot_token=token,
        )

    async def __call__(self, **_: object) -> AuthorizeResult:
        """Ignore the request's own team: there is one installation."""
        return self._result
