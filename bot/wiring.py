"""Every part of the bot, built once, in the order in which they need each other."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

from bot.catch_up.backfill import CatchUp
from bot.delivery.attachments import Files
from bot.delivery.deliverer import Deliverer
from bot.delivery.sending import Sender
from bot.devin.api import Devin
from bot.devin.catalog import Catalog
from bot.mirror.card import CardTeller
from bot.mirror.files import SentFiles
from bot.mirror.posting import Place
from bot.mirror.words import Closings, FilesTeller, WordsTeller
from bot.model.replies import Reply
from bot.redis.connection import Store
from bot.relay import UseCases
from bot.relay.lifecycle.choosing import Choosing
from bot.relay.lifecycle.prompts import Prompts
from bot.relay.lifecycle.starter import Starter
from bot.relay.speaking import Speaker
from bot.reporting.outcomes import Delays, Outcomes, ReplyResult
from bot.reporting.reporter import Reporter
from bot.runtime.in_flight import Background, InFlight
from bot.schedule import LocalDispatch, WorkPoll
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity, Workspace
from bot.slack.files import SlackFiles
from bot.store.outbox import Teller
from bot.store.state import State
from bot.timing import Timing
from handlers import FEATURES
from handlers.feature import Features
from handlers.parse.commands import CORE
from handlers.parse.messages import parse_asked, parse_earlier


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


class Parts:
    """The parts of the bot, on its open connections."""

    def __init__(self, to: Connections, features: Features = FEATURES) -> None:
        self._to = to
        beside = next((one.offers_child for one in features if one.offers_child), None)
        self._offers = [one.offers for one in features], beside
        settings, timing, background = to.settings, to.timing, to.background
        added = {verb: one for feature in features for verb, one in feature.verbs.items()}
        forms = [one for one in features if one.new_form]
        identity = replace(to.identity, verbs={**CORE, **added}, has_form=bool(forms))
        self.state = state = State(to.store, settings)
        self.workspace = workspace = Workspace(to.client, identity, to.store, settings, timing)
        self.schedule = schedule = LocalDispatch(background, settings.delivery_concurrency)
        self.poll = WorkPoll(state.store, schedule, timing)
        choosing = Choosing(workspace, state, to.devin, Catalog(to.devin))
        self.prompts = Prompts(workspace, choosing, parse_asked, parse_earlier)
        self.cases = UseCases(
            workspace, state, to.devin, self.prompts, schedule, background, to.in_flight
        )
        self.features = [one.begin(self.cases) for one in features]
        self.cases.obeys = {verb: do for one in self.features for verb, do in one.obeys.items()}
        self.cases.says = {word: tell for one in self.features for word, tell in one.says.items()}
        self.cases.new_form = next((one.new_form for one in self.features if one.new_form), None)
        self.cases.helps = [one.help for one in features if one.help]
        self.cases.say_helps = [one.say_help for one in features if one.say_help]
        self.catch_up = CatchUp(self.cases, schedule)

    def serve(self) -> None:
        """Let this process do the work that is due: mail to Devin, and the outbox into threads."""
        to, workspace, state, schedule = self._to, self.workspace, self.state, self.schedule
        cases, accepting, notices = self.cases, self.cases.accepting, self.cases.notices
        deliverer = Deliverer(workspace, state, self.sender(), schedule, to.in_flight)
        place = self._place()
        named, lines = cases.audience.named, cases.status_lines
        tellers = (
            Outcomes(workspace, state, named, self.complete),
            Delays(workspace, state, named),
            WordsTeller(place, lines),
            FilesTeller(place, lines),
            Closings(place),
            CardTeller(workspace, state, cases.audience, lines, schedule, *self._offers),
            Starter(
                *(workspace, state, to.devin, accepting, self.prompts, notices),
                *(cases.acting, cases.audience, self.complete),
            ),
            Speaker(
                *(workspace, state, accepting, cases.speaking, notices),
                *(cases.starting.begin_with, self.complete),
            ),
            *(notices, cases.edits),
            *(one for feature in self.features for one in feature.tellers),
        )
        by_kind: dict[str, Teller] = {one.kind: one for one in tellers}
        reporter = Reporter(
            outbox=state.outbox, tellers=by_kind, schedule=schedule, pauses=to.timing.tell_pauses
        )
        schedule.serve(deliverer.deliver, reporter.tell, by_kind)

    async def complete(self, reply: Reply, result: ReplyResult) -> None:
        """Let the features complete what waits for the result of a reply."""
        for feature in self.features:
            await feature.completes(reply, result)

    def sender(self) -> Sender:
        """Return what sends replies to Devin."""
        to, mailbox, acting = self._to, self.state.mailbox, self.cases.acting
        return Sender(self.workspace, mailbox, to.devin, self.files(), acting)

    def files(self) -> Files:
        """Return what sends files to Devin."""
        return Files(
            slack=SlackFiles(self._to.client, self._to.file_hosts),
            devin=self._to.devin,
            mailbox=self.state.mailbox,
            limit=self._to.settings.file_limit,
            pauses=self._to.timing.upload_pauses,
        )

    def _place(self) -> Place:
        return Place(
            self.workspace,
            self.state,
            self.cases.audience,
            SentFiles(self.workspace, self.state.words, self._to.devin),
            partial(self.cases.notices.say, once="mirror quiet"),
        )
