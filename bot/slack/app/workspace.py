"""The Slack workspace that the relay serves, and the bot's identity there."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import OperatorError, SlackAway, SlackRefused, StoreAway
from bot.model.record import string
from bot.model.threads import ThreadRef, is_enterprise
from bot.model.verbs import Verb
from bot.redis.connection import Store
from bot.settings import Settings
from bot.slack.api import SlackClient, call, parse_scopes
from bot.slack.app.manifest import required_scopes
from bot.slack.channels import Channels
from bot.slack.lookups import LookupParts
from bot.slack.people import People
from bot.slack.permissions import Permissions
from bot.slack.threads import Threads
from bot.timing import Timing
from bot.wording.phrases import admin_named

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot, as `auth.test` describes it, its token's `scopes`, and its workspace's `url`.

    `tenant` is the id of the installation: a workspace's, or for an org-wide one the
    organization's (`enterprise`). `verbs` are those of its commands, also of features, of which one
    may have a form for new sessions (`has_form`).
    """

    tenant: str
    enterprise: str | None
    user: str
    bot: str
    scopes: frozenset[str]
    url: str
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    has_form: bool = False

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
        self.source = LookupParts(client, store, timing)
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
