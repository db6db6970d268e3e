"""What listens to Slack, put together from the parts that `app.py` has connected."""

import logging
import secrets
from dataclasses import dataclass
from functools import partial

from docket import Docket
from slack_bolt.async_app import AsyncApp

from bot.catch_up.listening import Listening
from bot.catch_up.reader import ThreadReader
from bot.catch_up.runner import CatchUp
from bot.devin.client import Devin
from bot.redis.connection import Store
from bot.relay.accept import Accepting
from bot.relay.channel_moves import ChannelMoves
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.late_replies import LateReplies
from bot.relay.link_form import Linking
from bot.relay.link_offers import LinkOffers
from bot.relay.permissions import Permissions
from bot.relay.relay import Relay
from bot.relay.say import Say
from bot.relay.say_prompts import SayPrompts
from bot.relay.shortcuts import MessageShortcuts
from bot.relay.workflow_steps import Steps
from bot.reporting.notices import Notices
from bot.runtime.health import Health
from bot.runtime.intake import Intake
from bot.schedule.local import LocalDispatch
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.channels import ChannelVisibility
from bot.slack.functions import Functions
from bot.slack.identity import Identity, OneWorkspace
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.store.channel_defaults import ChannelDefaults
from bot.store.checkpoints import Checkpoints
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.outbox import Outbox
from bot.store.places import Places
from bot.store.revisions import Revisions
from bot.store.tickets import Tickets
from bot.store.workflow_steps import Executions
from handlers.late import LateEvents


@dataclass(frozen=True, slots=True)
class Parts:
    """What both halves of the bot, the listening and the delivering one, are made of."""

    settings: Settings
    listening: Listening
    gaps: Checkpoints | None
    health: Health
    intake: Intake
    store: Store
    client: SlackClient
    identity: Identity
    people: People
    permissions: Permissions
    docket: Docket
    devin: Devin
    schedule: LocalDispatch


def bolt_of(parts: Parts) -> AsyncApp:
    """Bolt, answering Slack only when a listener has returned."""
    log_of_bolt = logging.getLogger("slack_bolt")
    log_of_bolt.disabled = True  # it would warn that SLACK_BOT_TOKEN is ignored, which is not so
    app = AsyncApp(
        name="devin-relay",
        # Left to itself Bolt takes the root's level, and its DEBUG lines print whole payloads.
        logger=log_of_bolt,
        client=parts.client,
        authorize=OneWorkspace(parts.identity.authorization(str(parts.client.token))),
        process_before_response=True,
        # The endpoint has verified the signature; Bolt would log the whole body of a bad one.
        request_verification_enabled=False,
        # Each of these costs every event, and none is used; steps take our own token.
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        url_verification_enabled=parts.settings.mode == "http",
        # Else it logs parts of a request that nobody listens to, and answers 404.
        raise_error_for_unhandled_request=True,
    )
    log_of_bolt.disabled = False
    return app


def relay_of(parts: Parts) -> Relay:
    """The use-cases, on the parts that are connected."""
    settings, threads, links = parts.settings, threads_of(parts), _links(parts)
    mailbox = Mailbox(parts.store, settings.link_ttl, settings.catch_up)
    accepting, team, tickets = _accepting(parts), parts.identity.team, Tickets(parts.store)
    answers = _answers(parts, threads)
    moving = _moving(parts, links, mailbox, answers)
    linking = Linking(accepting=accepting, links=links, threads=threads, answers=answers)
    saying = _saying(parts, accepting, links, threads)
    return Relay(
        accepting=accepting,
        links=links,
        mailbox=mailbox,
        answers=answers,
        schedule=parts.schedule,
        saying=saying,
        asking=SayPrompts(saying=saying, tickets=tickets, answers=answers),
        home=_home(parts, accepting, links, mailbox, answers),
        moving=moving,
        dialogs=Views(parts.client),
        forwarding=MessageShortcuts(
            accepting=accepting, linking=linking, links=links, threads=threads, tickets=tickets
        ),
        offers=LinkOffers(
            permissions=parts.permissions,
            linking=linking,
            links=links,
            tickets=tickets,
            answers=answers,
            store=parts.store,
        ),
        corrections=Edits(
            accepting=accepting,
            links=links,
            is_here=moving.is_here,
            mailbox=mailbox,
            revisions=Revisions(parts.store),
            threads=threads,
            tickets=tickets,
            answers=answers,
        ),
        steps=steps_of(parts),
        latecomers=_latecomers(parts, accepting, links, mailbox, answers),
        team=team,
    )


def steps_of(parts: Parts) -> Steps:
    """What workflows start; both halves of the bot have it, one to keep a step, one to do it."""
    return Steps(
        executions=Executions(Outbox(parts.store), parts.identity.team),
        functions=Functions(parts.client),
        accepting=_accepting(parts),
        permissions=parts.permissions,
        links=_links(parts),
        threads=threads_of(parts),
        schedule=parts.schedule,
        team=parts.identity.team,
    )


def threads_of(parts: Parts) -> Threads:
    """Slack's threads; those of a channel with a new id are found there."""
    places = Places(parts.store, parts.settings.link_ttl)
    return Threads(parts.client, partial(places.now, parts.identity.team))


def _answers(parts: Parts, threads: Threads) -> Notices:
    return Notices(
        threads=threads,
        intake=parts.intake,
        store=parts.store,
        reports=Outbox(parts.store),
        schedule=parts.schedule,
    )


def _accepting(parts: Parts) -> Accepting:
    settings = parts.settings
    return Accepting(
        links=_links(parts),
        mailbox=Mailbox(parts.store, settings.link_ttl, settings.catch_up),
        people=parts.people,
        permissions=parts.permissions,
        schedule=parts.schedule,
        intake=parts.intake,
        clock=parts.client.clock,
        listening=parts.listening,
        store=parts.store,
    )


def _saying(parts: Parts, accepting: Accepting, links: Links, threads: Threads) -> Say:
    return Say(
        accepting=accepting,
        links=links,
        defaults=ChannelDefaults(parts.store, parts.settings.link_ttl),
        threads=threads,
        devin=parts.devin,
        lists_sessions=parts.settings.list_sessions,
        team=parts.identity.team,
    )


def _latecomers(
    parts: Parts, accepting: Accepting, links: Links, mailbox: Mailbox, answers: Notices
) -> LateReplies:
    return LateReplies(
        accepting=accepting,
        links=links,
        mailbox=mailbox,
        revisions=Revisions(parts.store),
        threads=threads_of(parts),
        answers=answers,
    )


def _moving(parts: Parts, links: Links, mailbox: Mailbox, answers: Notices) -> ChannelMoves:
    ttl = parts.settings.link_ttl
    return ChannelMoves(
        links=links,
        places=Places(parts.store, ttl),
        mailbox=mailbox,
        defaults=ChannelDefaults(parts.store, ttl),
        answers=answers,
        clock=parts.client.clock,
        team=parts.identity.team,
    )


def _home(
    parts: Parts, accepting: Accepting, links: Links, mailbox: Mailbox, answers: Notices
) -> Home:
    return Home(
        accepting=accepting,
        permissions=parts.permissions,
        people=parts.people,
        audience=ChannelVisibility(parts.client),
        places=Places(parts.store, parts.settings.link_ttl),
        links=links,
        mailbox=mailbox,
        answers=answers,
        dialogs=Views(parts.client),
        team=parts.identity.team,
        clock=parts.client.clock,
        url=parts.identity.url,
    )


def _links(parts: Parts) -> Links:
    return Links(parts.store, parts.settings.link_ttl, parts.settings.catch_up)


def catch_up_of(parts: Parts, relay: Relay) -> CatchUp | None:
    """What looks for replies that nobody heard; None where `CATCH_UP` is 0."""
    if parts.gaps is None:
        return None
    events = LateEvents(relay, parts.identity)
    return CatchUp(
        listening=parts.listening,
        gaps=parts.gaps,
        links=_links(parts),
        reader=ThreadReader(threads_of(parts), events),
        answers=relay.answers,
        events=events,
        schedule=parts.schedule,
        clock=parts.client.clock,
    )


def checkpoints_of(settings: Settings, store: Store, identity: Identity) -> Checkpoints | None:
    """What notes where something may be missing; None where `CATCH_UP` is 0."""
    if not settings.catch_up:
        return None
    return Checkpoints(store, identity.team, settings.catch_up, secrets.token_hex(8))
