"""The Slack workspace that the relay serves: the bot's identity there, and who may steer Devin.

A person whom Slack does not describe may not. A failed look-up is neither yes nor no: it raises.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import AccountsDenied, OperatorError, SlackAway, SlackRefused, StoreAway
from bot.model.people import WORKFLOW, Act, Person, Standing, UserId
from bot.model.record import string
from bot.model.replies import Reply
from bot.model.threads import ThreadRef, is_enterprise
from bot.model.verbs import Verb
from bot.redis.connection import Store
from bot.settings import Settings
from bot.slack.api import SlackClient, call, parse_scopes
from bot.slack.app.manifest import required_scopes
from bot.slack.channels import Channels
from bot.slack.lookups import Source
from bot.slack.people import GUEST_FLAGS, HOME, People
from bot.slack.threads import Threads
from bot.timing import Timing
from bot.wording.phrases import admin_named

log = logging.getLogger(__name__)


class Permissions:
    """Applies the rules of the `ALLOW_*` settings; may raise `NotIdentified`.

    Once it has an `account`, only those may whom that knows an account of: nobody can vouch for a
    workflow's step, or for another app.
    """

    def __init__(self, settings: Settings, people: People) -> None:
        self._settings = settings
        self._people = people
        self.account: Callable[[UserId], Awaitable[str]] | None = None
        self._lists = {
            Act.START: (settings.allow_starters, Standing.NOT_STARTER),
            Act.APPROVE: (settings.allow_approvers, Standing.NOT_APPROVER),
        }
        self._is_warned = False

    async def may(
        self, act: Act, who: UserId, channel: str | None, *, by_step: bool = False
    ) -> Standing:
        """Return whether `who` may do `act` in `channel` (None: at all), or the rule against it.

        A workflow's step that names nobody is `WORKFLOW`, and on no list.
        """
        if by_step and self.account is not None:
            return Standing.NO_ACCOUNT
        if who != WORKFLOW:
            standing = await self.of(who, channel)
        elif not self.allows_channel(channel):
            standing = Standing.CHANNEL
        else:
            standing = Standing.NOT_LISTED if self._settings.allow_users else Standing.ALLOWED
        listed, otherwise = self._lists.get(act, (None, standing))
        if standing is Standing.ALLOWED and listed and not await self._is_among(who, listed):
            return otherwise
        return standing

    async def of(
        self, who: UserId, channel: str | None, bots: Sequence[str] = (), home: str = ""
    ) -> Standing:
        """Return whether `who` may message Devin in `channel`, or the rule that forbids it.

        For a bot's post, `bots` are its ids, and `home` is where Slack says that it is installed;
        `who` is the bot user, or the user who posts through it, or else the bot id.
        """
        if not self.allows_channel(channel):
            return Standing.CHANNEL
        if bots:
            return await self._of_bot(who, bots, home)
        standing = self.of_person(await self._people.person(who))
        if self.account is None or standing is not Standing.ALLOWED:
            return standing
        try:
            return standing if await self.account(who) else Standing.NO_ACCOUNT
        except AccountsDenied:
            return Standing.ACCOUNTS_DENIED

    async def of_author(self, message: Reply) -> Standing:
        """Return whether the author of `message` may message Devin where it was written."""
        return await self.of(message.author, message.thread.channel, message.bots, message.home)

    async def _of_bot(self, who: UserId, bots: Sequence[str], home: str) -> Standing:
        """Return whether a listed bot's post may steer Devin; an app's id alone is not enough.

        Bot and user ids belong to one installation; an app has the same id in every workspace.
        """
        allow, has_user = self._settings, not who.startswith("B")
        listed = allow.allow_bots.intersection(bots)
        if not (home or has_user or allow.allow_external):
            listed = frozenset(one for one in listed if not one.startswith("A"))
        if not listed or self.account is not None:
            return Standing.BOT
        if home and not allow.allow_external and not await self._people.is_home(home):
            return Standing.EXTERNAL
        if not has_user:
            return Standing.ALLOWED
        return self.of_person(await self._people.person(who), is_listed=True)

    async def _is_among(self, who: UserId, listed: frozenset[str]) -> bool:
        if who in listed:
            return True
        for group in sorted(one for one in listed if one.startswith("S")):
            if who in await self._people.members(group):
                return True
        return False

    def allows_channel(self, channel: str | None) -> bool:
        """Return True if Devin may be steered in `channel` (None: at all)."""
        allowed = self._settings.allow_channels
        return not allowed or channel is None or channel in allowed

    def of_person(self, person: Person, *, is_listed: bool = False) -> Standing:
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
    """The bot, as `auth.test` describes it, its token's `scopes`, and its workspace's `url`.

    `tenant` is the id of the installation: a workspace's, or for an org-wide one the
    organization's (`enterprise`). `verbs` are those of its commands, also of features.
    """

    tenant: str
    enterprise: str | None
    user: str
    bot: str
    scopes: frozenset[str]
    url: str
    verbs: Mapping[str, Verb] = field(default_factory=dict)

    @property
    def is_org(self) -> bool:
        """True if the token serves all workspaces of an Enterprise organization."""
        return self.tenant == self.enterprise

    def missing_scopes(self, options: Sequence[str] = ()) -> frozenset[str]:
        """Return the scopes of the manifest with `options` that the token lacks, if Slack says."""
        return frozenset(required_scopes(*options)) - self.scopes if self.scopes else frozenset()


async def identify(client: AsyncWebClient) -> Identity:
    """Ask which bot the token belongs to; raises `SlackAway`, or `OperatorError` for a bad one.

    For an org-wide token, `team_id` may be null, the organization's, or a workspace's.
    """
    fix = "Copy the bot token again from the app's page, under OAuth & Permissions."
    answer = await _accepted(client, "auth.test", "SLACK_BOT_TOKEN", fix)
    headers = {k.lower(): v for k, v in getattr(answer, "headers", {}).items()}
    team, enterprise = string(answer, "team_id"), string(answer, "enterprise_id")
    if is_enterprise(team):
        team, enterprise = "", enterprise or team
    if answer.get("is_enterprise_install") is True:
        team = ""
    if not (team or enterprise):
        says = "Slack names neither a workspace nor an organization for SLACK_BOT_TOKEN"
        raise OperatorError(says, fix)
    return Identity(
        tenant=team or enterprise,
        enterprise=enterprise or None,
        user=str(answer["user_id"]),
        bot=str(answer.get("bot_id") or ""),
        scopes=parse_scopes(headers.get("x-oauth-scopes")),
        url=str(answer.get("url") or ""),
    )


async def check_app_token(client: AsyncWebClient, token: str) -> None:
    """Request a connection once (slack_sdk retries a bad token forever); raises as `identify`."""
    fix = "Create an app-level token with connections:write, and turn on Socket Mode."
    await _accepted(client, "apps.connections.open", "SLACK_APP_TOKEN", fix, app_token=token)


async def _accepted(
    client: AsyncWebClient, method: str, token: str, fix: str, **params: str
) -> Mapping[str, Any]:
    try:
        return await call(client, method, **params)
    except SlackRefused as error:
        raise OperatorError(f"Slack rejected {token} ({error.reason})", fix) from error


class Workspace:
    """What is known of a workspace and done there; `admin` is who people are told to ask."""

    def __init__(
        self,
        client: SlackClient,
        identity: Identity,
        store: Store,
        settings: Settings,
        timing: Timing,
    ) -> None:
        self.client = client
        self.clock = client.clock
        self.identity = identity
        self.team = identity.tenant
        self.settings = settings
        self.timing = timing
        self.source = Source(client, store, timing)
        self.channels = Channels(self.source, settings.link_ttl)
        self.people = People(self.source, self.channels.lookup, self.team, identity.enterprise)
        self.permissions = Permissions(settings, self.people)
        self.threads = Threads(client, self.channels.now, store)
        self.admin = admin_named(settings.admin_contact, mentions=settings.notify)

    def place(self, channel: str) -> ThreadRef:
        """Return where a post in `channel` begins a thread: one without a `thread_ts`."""
        return ThreadRef(team=self.team, channel=channel, thread_ts="")

    def address(self, thread: ThreadRef) -> str:
        """Return a thread's address in Slack; "" until Slack has told the workspace's address."""
        ts, ours = thread.thread_ts, self.identity.url
        if not ours:
            return ""
        there = f"{ours}archives/{thread.channel}/p{ts.replace('.', '')}"
        return f"{there}?thread_ts={ts}&cid={thread.channel}"

    async def root(self, thread: ThreadRef) -> Mapping[str, Any]:
        """Return a thread's first message; empty if Slack shows none in time."""
        try:
            async with asyncio.timeout(self.timing.root_seconds):
                return await self.threads.message(thread, thread.thread_ts) or {}
        except (SlackAway, SlackRefused, StoreAway, TimeoutError) as error:
            reason = type(error).__name__
            log.info("thread not looked at", extra=thread.log_fields | {"reason": reason})
            return {}


def bolt_of(client: SlackClient, identity: Identity, *, is_http: bool) -> AsyncApp:
    """Build the Bolt app, which answers Slack only after a listener has returned."""
    installation = AuthorizeResult(
        enterprise_id=identity.enterprise,
        team_id=None if identity.is_org else identity.tenant,
        bot_id=identity.bot or None,  # Bolt drops what has the same one, also "" and ""
        bot_user_id=identity.user,
        bot_token=client.token,
    )

    async def authorize() -> AuthorizeResult:
        """Return the one installation, whatever team the request names."""
        return installation

    log_of_bolt = logging.getLogger("slack_bolt")
    log_of_bolt.disabled = True  # it would warn that SLACK_BOT_TOKEN is ignored, which is not so
    app = AsyncApp(
        name="devin-relay",
        # By default, Bolt takes the root logger's level, and its DEBUG lines print whole payloads.
        logger=log_of_bolt,
        client=client,
        authorize=authorize,
        process_before_response=True,
        # The endpoint has verified the signature; Bolt would log the whole body of a bad one.
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
