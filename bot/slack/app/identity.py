"""The bot's own identity in Slack, requested once at startup.

Bolt would request it at the first event, and on an error acknowledge and lose that event.
"""

from dataclasses import dataclass

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import OperatorError, SlackRefused
from bot.slack.api import call
from bot.slack.app.manifest import required_scopes


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot, as `auth.test` describes it; `scopes` are those of its token.

    `url` is the workspace's own address, such as `https://example.slack.com/`.
    """

    team: str
    enterprise: str | None
    user: str
    bot: str
    scopes: frozenset[str]
    url: str

    @property
    def missing_scopes(self) -> frozenset[str]:
        """The manifest's scopes that the token lacks; empty if Slack did not name its scopes."""
        return frozenset(required_scopes()) - self.scopes if self.scopes else frozenset()

    def authorization(self, token: str) -> AuthorizeResult:
        """Return the authorization that Bolt needs for each request."""
        return AuthorizeResult(
            enterprise_id=self.enterprise,
            team_id=self.team,
            bot_id=self.bot,
            bot_user_id=self.user,
            bot_token=token,
        )


class OneWorkspace(AsyncAuthorize):
    """Authorizes every request for the one workspace; Bolt takes longer to call a function."""

    def __init__(self, result: AuthorizeResult) -> None:
        self._result = result

    async def __call__(self, **_: object) -> AuthorizeResult:
        """Ignore the request's own team: there is one workspace."""
        return self._result


async def identify(client: AsyncWebClient) -> Identity:
    """Ask Slack which bot the token belongs to.

    Raises:
        OperatorError: Slack rejects the token, or it does not belong to a bot.
        SlackAway: Slack cannot be asked now.
    """
    try:
        answer = await call(client, "auth.test")
    except SlackRefused as error:
        raise OperatorError(
            f"Slack rejected SLACK_BOT_TOKEN ({error.reason})",
            "Copy the bot token again from the app's page, under OAuth & Permissions.",
        ) from error
    headers = {k.lower(): v for k, v in getattr(answer, "headers", {}).items()}
    scopes = str(headers.get("x-oauth-scopes", "")).split(",")
    return Identity(
        team=str(answer["team_id"]),
        enterprise=answer.get("enterprise_id"),
        user=str(answer["user_id"]),
        bot=str(answer.get("bot_id") or ""),
        scopes=frozenset(scope.strip() for scope in scopes if scope.strip()),
        url=str(answer.get("url") or ""),
    )


async def check_app_token(client: AsyncWebClient, token: str) -> None:
    """Request a connection once: with a bad token, slack_sdk would retry forever.

    Raises:
        OperatorError: Slack rejects the token.
        SlackAway: Slack cannot be asked now.
    """
    try:
        await call(client, "apps.connections.open", app_token=token)
    except SlackRefused as error:
        raise OperatorError(
            f"Slack rejected SLACK_APP_TOKEN ({error.reason})",
            "Create an app-level token with connections:write, and turn on Socket Mode.",
        ) from error
