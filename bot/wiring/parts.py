"""The open connections, the repositories in Redis, and the parts that both halves share."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from bot.catch_up.listening import Listening
from bot.devin.api import Devin
from bot.redis.connection import Store
from bot.relay.accept import Accepting
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.lifecycle.starting import Starting
from bot.relay.naming import Naming
from bot.relay.saying.speaking import Speaking
from bot.relay.workflow_steps import WorkflowSteps
from bot.reporting.notices import Notices
from bot.runtime.background import Background
from bot.runtime.in_flight import InFlight
from bot.schedule.local import LocalDispatch
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.identity import Identity
from bot.slack.app.permissions import Permissions
from bot.slack.app.workspace import Workspace
from bot.slack.channels import Channels
from bot.slack.functions import Functions
from bot.slack.lookups import Source
from bot.slack.people import People
from bot.slack.posts import Posts
from bot.slack.rate_limits import RateLimits
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.store.attachments import Attachments
from bot.store.channel_defaults import ChannelDefaults
from bot.store.checkpoints import CATCH_UP, Checkpoints
from bot.store.claims import Claims
from bot.store.due_mail import DueMail
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.mirror.cards import Cards
from bot.store.mirror.watches import Watches
from bot.store.outbox import Outbox
from bot.store.reports import Reports
from bot.store.revisions import Revisions
from bot.store.session_names import SessionNames
from bot.store.tickets import Tickets
from bot.timing import Timing
from bot.wiring.mirroring import Base, Mirror, mirror_of
from bot.wording.phrases import admin_named


@dataclass(frozen=True, slots=True)
class Connections:
    """The open connections, and the work in progress, that everything is built on."""

    settings: Settings
    timing: Timing
    in_flight: InFlight
    background: Background
    store: Store
    client: SlackClient
    identity: Identity
    devin: Devin
    file_hosts: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """The repositories in Redis, one per kind."""

    attachments: Attachments
    cards: Cards
    checkpoints: Checkpoints
    claims: Claims
    defaults: ChannelDefaults
    due: DueMail
    links: Links
    mailbox: Mailbox
    names: SessionNames
    outbox: Outbox
    reports: Reports
    revisions: Revisions
    tickets: Tickets
    watches: Watches


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts that both the listening and the delivering half are built on."""

    workspace: Workspace
    kept: Kept
    schedule: LocalDispatch
    listening: Listening
    notices: Notices
    accepting: Accepting
    naming: Naming
    choices: SessionChoices
    posts: Posts
    speaking: Speaking
    starting: Starting
    steps: WorkflowSteps
    limits: RateLimits
    mirror: Mirror


def kept_in(to: Connections) -> Kept:
    """Build the repositories of a workspace."""
    settings, store, team = to.settings, to.store, to.identity.team
    ttl, within = settings.link_ttl, settings.catch_up
    return Kept(
        attachments=Attachments(store),
        cards=Cards(store),
        checkpoints=Checkpoints(store, team, within or CATCH_UP, secrets.token_hex(8)),
        claims=Claims(store, to.timing.claim_seconds),
        defaults=ChannelDefaults(store, ttl),
        due=DueMail(store),
        links=Links(store, ttl),
        mailbox=Mailbox(store, ttl),
        names=SessionNames(store, ttl),
        outbox=Outbox(store),
        reports=Reports(store),
        revisions=Revisions(store),
        tickets=Tickets(store),
        watches=Watches(store, ttl),
    )


def workspace_of(to: Connections) -> Workspace:
    """Build the workspace."""
    client, identity = to.client, to.identity
    source = Source(client, to.store, to.timing)
    channels = Channels(source, to.settings.link_ttl)
    people = People(source, channels.lookup, identity.team, identity.enterprise)
    return Workspace(
        identity=identity,
        client=client,
        people=people,
        permissions=Permissions(to.settings, people),
        threads=Threads(client, channels),
        views=Views(client),
        channels=channels,
        admin=admin_named(to.settings.admin_contact, mentions=to.settings.notify),
        timing=to.timing,
    )


def shared_by(to: Connections) -> Shared:
    """Build the parts that both halves need."""
    kept = kept_in(to)
    workspace = workspace_of(to)
    schedule = LocalDispatch(to.background, to.settings.delivery_concurrency)
    listening = Listening(kept.checkpoints, workspace.clock, to.settings.catch_up)
    notices = _notices(to, kept, workspace, schedule)
    limits = RateLimits(to.timing.token_pause)
    posts = Posts(workspace.threads, limits)
    mirror = mirror_of(Base(to, kept, workspace, schedule, posts, notices))
    accepting = Accepting(
        workspace=workspace,
        links=kept.links,
        mailbox=kept.mailbox,
        schedule=schedule,
        in_flight=to.in_flight,
        listening=listening,
        store=to.store,
        polling=mirror.polling,
    )
    naming = Naming(to.devin, kept.names, to.timing.session_name_seconds)
    choices = _choices(to, workspace, kept, accepting, naming)
    speaking = _speaking(workspace, kept, accepting, naming, schedule)
    return Shared(
        workspace=workspace,
        kept=kept,
        schedule=schedule,
        listening=listening,
        notices=notices,
        accepting=accepting,
        naming=naming,
        choices=choices,
        posts=posts,
        speaking=speaking,
        starting=_starting(workspace, kept, accepting, naming, speaking, schedule),
        steps=_steps(workspace, kept, accepting, choices, speaking, schedule),
        limits=limits,
        mirror=mirror,
    )


def _notices(to: Connections, kept: Kept, workspace: Workspace, schedule: LocalDispatch) -> Notices:
    return Notices(
        outbox=kept.outbox,
        schedule=schedule,
        threads=workspace.threads,
        background=to.background,
    )


def _choices(
    to: Connections, workspace: Workspace, kept: Kept, accepting: Accepting, naming: Naming
) -> SessionChoices:
    return SessionChoices(
        workspace=workspace,
        accepting=accepting,
        links=kept.links,
        defaults=kept.defaults,
        watches=kept.watches,
        naming=naming,
        devin=to.devin,
        lists_sessions=to.settings.list_sessions,
    )


def _speaking(
    workspace: Workspace,
    kept: Kept,
    accepting: Accepting,
    naming: Naming,
    schedule: LocalDispatch,
) -> Speaking:
    return Speaking(
        workspace=workspace,
        accepting=accepting,
        naming=naming,
        links=kept.links,
        outbox=kept.outbox,
        schedule=schedule,
    )


def _starting(
    workspace: Workspace,
    kept: Kept,
    accepting: Accepting,
    naming: Naming,
    speaking: Speaking,
    schedule: LocalDispatch,
) -> Starting:
    return Starting(
        workspace=workspace,
        accepting=accepting,
        naming=naming,
        links=kept.links,
        outbox=kept.outbox,
        tickets=kept.tickets,
        speaking=speaking,
        schedule=schedule,
    )


def _steps(
    workspace: Workspace,
    kept: Kept,
    accepting: Accepting,
    choices: SessionChoices,
    speaking: Speaking,
    schedule: LocalDispatch,
) -> WorkflowSteps:
    return WorkflowSteps(
        workspace=workspace,
        outbox=kept.outbox,
        functions=Functions(workspace.client),
        accepting=accepting,
        choices=choices,
        links=kept.links,
        speaking=speaking,
        schedule=schedule,
    )
