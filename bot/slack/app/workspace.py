"""The Slack workspace that the relay serves: the bot's identity there, and who may steer Devin.

A person whom Slack does not describe may not. A failed look-up is neither yes nor no: it raises.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import NotIdentified, OperatorError, SlackRefused
from bot.model.people import WORKFLOW, Act, Person, Standing, UserId
from bot.settings import Settings
from bot.slack.api import SlackClient, SlackClock, call
from bot.slack.app.manifest import required_scopes
from bot.slack.channels import Channels
from bot.slack.functions import Functions
from bot.slack.people import GUEST_FLAGS, HOME, People
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.timing import Timing

log = logging.getLogger(__name__)


class Permissions:
    """Applies the rules of the `ALLOW_*` settings."""

    def __init__(self, settings: Settings, people: People) -> None:
        self._settings = settings
        self._people = people
        self._lists = {
            Act.START: (settings.allow_starters, Standing.NOT_STARTER),
            Act.APPROVE: (settings.allow_approvers, Standing.NOT_APPROVER),
        }
        self._is_warned = False

    async def may(self, act: Act, who: UserId, channel: str | None) -> Standing:
        """Return whether `who` may do `act` in `channel`, or the rule that forbids it.

        Without a channel, in any that is allowed. A workflow's step that names nobody is `WORKFLOW`
        and on no list.

        Raises:
            NotIdentified: Slack did not identify `who`, or the members of a group that decides.
        """
        if who == WORKFLOW:
            standing = self._of_workflow(channel)
        else:
            standing = await self.of(who, channel)
        listed, otherwise = self._lists.get(act, (None, standing))
        if standing is Standing.ALLOWED and listed and not await self._is_among(who, listed):
            return otherwise
        return standing

    async def of(
        self, who: UserId, channel: str | None, bots: Sequence[str] = (), home: str = ""
    ) -> Standing:
        """Return whether `who` may message Devin in `channel`, or the rule that forbids it.

        For a bot's post, `bots` holds its ids, and `home` where it is installed, as far as Slack
        says; `who` is then the bot user, or the user who posts through it, or else the bot id.

        Raises:
            NotIdentified: Slack did not identify `who`.
        """
        if not self.allows_channel(channel):
            return Standing.CHANNEL
        if bots:
            return await self._of_bot(who, bots, home)
        return self.anywhere(await self._people.person(who))

    async def _of_bot(self, who: UserId, bots: Sequence[str], home: str) -> Standing:
        """Return whether a listed bot's post may steer Devin; an app's id alone is not enough.

        Bot and user ids belong to one installation; an app has the same id in every workspace.
        """
        allow, has_user = self._settings, not who.startswith("B")
        listed = allow.allow_bots.intersection(bots)
        if not (home or has_user or allow.allow_external):
            listed = frozenset(one for one in listed if not one.startswith("A"))
        if not listed:
            return Standing.BOT
        if home and not self._people.is_home(home) and not allow.allow_external:
            return Standing.EXTERNAL
        if not has_user:
            return Standing.ALLOWED
        return self.anywhere(await self._people.person(who), is_listed=True)

    async def _is_among(self, who: UserId, listed: frozenset[str]) -> bool:
        """Return whether `who`, or a user group that they are in, is `listed`."""
        if who in listed:
            return True
        unknown: NotIdentified | None = None
        for group in sorted(one for one in listed if one.startswith("S")):
            try:
                if who in await self._people.members(group):
                    return True
            except NotIdentified as error:
                unknown = error
        if unknown is not None:
            raise unknown
        return False

    def _of_workflow(self, channel: str | None) -> Standing:
        if not self.allows_channel(channel):
            return Standing.CHANNEL
        return Standing.NOT_LISTED if self._settings.allow_users else Standing.ALLOWED

    def allows_channel(self, channel: str | None) -> bool:
        """Return True if Devin may be steered in `channel`, or without one anywhere, at all."""
        allowed = self._settings.allow_channels
        return not allowed or channel is None or channel in allowed

    def anywhere(self, person: Person, *, is_listed: bool = False) -> Standing:
        """Return whether `person` may steer Devin in an allowed channel, or the rule against it.

        `is_listed`: if `person` is a bot, `ALLOW_BOTS` names it, perhaps by another of its ids.
        """
        allow = self._settings
        is_listed_bot = person.is_bot and is_listed
        barred = {
            Standing.UNKNOWN: not person.is_known or self._lacks(person),
            Standing.BOT: person.is_bot and not (is_listed or person.id in allow.allow_bots),
            Standing.EXTERNAL: person.is_external and not allow.allow_external,
            Standing.GUEST: person.is_guest and not allow.allow_guests,
            Standing.NOT_LISTED: bool(allow.allow_users)
            and not (is_listed_bot or person.id in allow.allow_users),
        }
        return next((why for why, is_so in barred.items() if is_so), Standing.ALLOWED)

    def _lacks(self, person: Person) -> bool:
        """Return True if Slack left out a deciding field; the first time, the log names it."""
        allow, decides = self._settings, set(person.unsaid)
        if allow.allow_guests:
            decides -= GUEST_FLAGS
        if allow.allow_external:
            decides -= {HOME}
        if decides and not self._is_warned:
            self._is_warned = True
            missing = ", ".join(sorted(decides))
            log.warning("look-up incomplete", extra={"id": person.id, "missing": missing})
        return bool(decides)


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


@dataclass(frozen=True, slots=True)
class Workspace:
    """The relay's identity in a workspace, its clients for it, and its permissions there.

    `admin` is who people are told to ask, as Slack markup within a sentence.
    """

    identity: Identity
    client: SlackClient
    people: People
    permissions: Permissions
    threads: Threads
    views: Views
    channels: Channels
    functions: Functions
    settings: Settings
    admin: str
    timing: Timing

    @property
    def team(self) -> str:
        """Slack's id of the workspace, which is in the name of each of its own keys in Redis."""
        return self.identity.team

    @property
    def clock(self) -> SlackClock:
        """Slack's clock, estimated from its answers and events."""
        return self.client.clock
