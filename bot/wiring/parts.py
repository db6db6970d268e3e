"""The open connections, the repositories in Redis, and the parts that both halves share."""

import secrets
from dataclasses import dataclass
from functools import partial

from docket import Docket

from bot.catch_up.listening import Listening
from bot.devin.api import Devin
from bot.redis.connection import Store
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.permissions import Permissions
from bot.relay.workflow_steps import WorkflowSteps
from bot.relay.workspace import Workspace
from bot.reporting.notices import Notices
from bot.runtime.background import Background
from bot.runtime.in_flight import InFlight
from bot.schedule.docket import DocketSchedule
from bot.schedule.local import LocalDispatch
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.identity import Identity
from bot.slack.functions import Functions
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.store.attachments import Attachments
from bot.store.channel_defaults import ChannelDefaults
from bot.store.checkpoints import Checkpoints
from bot.store.claims import Claims
from bot.store.due_mail import DueMail
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.outbox import Outbox
from bot.store.places import Places
from bot.store.reports import Reports
from bot.store.revisions import Revisions
from bot.store.session_names import SessionNames
from bot.store.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Connections:
    """The open connections, and the work in progress, that everything is built on."""

    settings: Settings
    in_flight: InFlight
    background: Background
    store: Store
    client: SlackClient
    identity: Identity
    docket: Docket
    devin: Devin


@dataclass(frozen=True, slots=True)
class Kept:
    """The repositories in Redis, one per kind."""

    attachments: Attachments
    checkpoints: Checkpoints | None
    claims: Claims
    defaults: ChannelDefaults
    due: DueMail
    links: Links
    mailbox: Mailbox
    names: SessionNames
    outbox: Outbox
    places: Places
    reports: Reports
    revisions: Revisions
    tickets: Tickets


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
    functions: Functions
    steps: WorkflowSteps


def kept_in(settings: Settings, store: Store, team: str) -> Kept:
    """Build the repositories of a workspace."""
    ttl, within = settings.link_ttl, settings.catch_up
    return Kept(
        attachments=Attachments(store),
        checkpoints=Checkpoints(store, team, within, secrets.token_hex(8)) if within else None,
        claims=Claims(store, team),
        defaults=ChannelDefaults(store, ttl),
        due=DueMail(store),
        links=Links(store, ttl, within),
        mailbox=Mailbox(store, ttl, within),
        names=SessionNames(store, ttl),
        outbox=Outbox(store),
        places=Places(store, ttl),
        reports=Reports(store),
        revisions=Revisions(store),
        tickets=Tickets(store),
    )


def workspace_of(to: Connections, places: Places) -> Workspace:
    """Build the workspace; `places` resolves channels that have a new id."""
    client, identity = to.client, to.identity
    people = People(client, identity.team, identity.enterprise)
    return Workspace(
        identity=identity,
        client=client,
        people=people,
        permissions=Permissions(to.settings, people),
        threads=Threads(client, partial(places.now, identity.team)),
        views=Views(client),
    )


def shared_by(to: Connections) -> Shared:
    """Build the parts that both halves need."""
    kept = kept_in(to.settings, to.store, to.identity.team)
    workspace = workspace_of(to, kept.places)
    schedule = LocalDispatch(
        DocketSchedule(to.docket), to.background, to.settings.delivery_concurrency
    )
    listening = Listening(kept.checkpoints, workspace.clock)
    notices = Notices(
        outbox=kept.outbox,
        schedule=schedule,
        threads=workspace.threads,
        background=to.background,
    )
    accepting = Accepting(
        workspace=workspace,
        links=kept.links,
        mailbox=kept.mailbox,
        schedule=schedule,
        in_flight=to.in_flight,
        listening=listening,
        store=to.store,
    )
    naming = Naming(to.devin, kept.names)
    functions = Functions(to.client)
    steps = WorkflowSteps(
        workspace=workspace,
        outbox=kept.outbox,
        functions=functions,
        accepting=accepting,
        naming=naming,
        links=kept.links,
        schedule=schedule,
    )
    return Shared(
        workspace=workspace,
        kept=kept,
        schedule=schedule,
        listening=listening,
        notices=notices,
        accepting=accepting,
        naming=naming,
        functions=functions,
        steps=steps,
    )
