"""What listens to Slack, put together from the parts that `app.py` has connected."""

import logging
import secrets
from dataclasses import dataclass

from docket import Docket
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.accepting import Accepting
from bot.answers import Answers
from bot.catch_up import CatchUp
from bot.dialogs import Dialogs
from bot.gaps import Gaps
from bot.health import Health
from bot.identity import Identity
from bot.intake import Intake
from bot.late_reader import LateReader
from bot.links import Links
from bot.mailbox import Mailbox
from bot.nearby import Nearby
from bot.people import People
from bot.permissions import Permissions
from bot.relay import Relay
from bot.saying import Saying
from bot.settings import Settings
from bot.store import Store
from bot.threads import Threads
from bot.tickets import Tickets
from handlers.late import LateEvents


@dataclass(frozen=True, slots=True)
class Parts:
    """What both halves of the bot, the listening and the delivering one, are made of."""

    settings: Settings
    health: Health
    intake: Intake
    store: Store
    client: AsyncWebClient
    identity: Identity
    people: People
    docket: Docket
    schedule: Nearby


def bolt_of(parts: Parts) -> AsyncApp:
    """Bolt, answering Slack only when a listener has returned."""
    authorization = parts.identity.authorization(str(parts.client.token))

    async def authorize() -> AuthorizeResult:
        return authorization

    log_of_bolt = logging.getLogger("slack_bolt")
    log_of_bolt.disabled = True  # it would warn that SLACK_BOT_TOKEN is ignored, which is not so
    app = AsyncApp(
        name="devin-relay",
        # Left to itself Bolt takes the root's level, and its DEBUG lines print whole payloads.
        logger=log_of_bolt,
        client=parts.client,
        authorize=authorize,
        process_before_response=True,
        # The endpoint has verified the signature; Bolt would log the whole body of a bad one.
        request_verification_enabled=False,
    )
    log_of_bolt.disabled = False
    return app


def relay_of(parts: Parts) -> Relay:
    """The use-cases, on the parts that are connected."""
    settings, threads, links = parts.settings, Threads(parts.client), _links(parts)
    mailbox = Mailbox(parts.store, settings.link_ttl, settings.catch_up)
    accepting = Accepting(
        links=links,
        mailbox=mailbox,
        people=parts.people,
        permissions=Permissions(settings, parts.people),
        schedule=parts.schedule,
        intake=parts.intake,
    )
    team = parts.identity.team
    return Relay(
        accepting=accepting,
        links=links,
        mailbox=mailbox,
        answers=Answers(threads, parts.intake, parts.store),
        schedule=parts.schedule,
        saying=Saying(accepting=accepting, links=links, threads=threads, team=team),
        dialogs=Dialogs(parts.client),
        tickets=Tickets(parts.store),
        team=team,
    )


def _links(parts: Parts) -> Links:
    return Links(parts.store, parts.settings.link_ttl, parts.settings.catch_up)


def catch_up_of(parts: Parts, relay: Relay) -> CatchUp | None:
    """What looks for replies that nobody heard; None where `CATCH_UP` is 0."""
    within = parts.settings.catch_up
    if not within:
        return None
    events = LateEvents(relay, parts.identity)
    return CatchUp(
        gaps=Gaps(parts.store, parts.identity.team, within, secrets.token_hex(8)),
        links=_links(parts),
        reader=LateReader(Threads(parts.client), events),
        answers=relay.answers,
        events=events,
    )
