"""Every part of the bot, built once, in the order in which they need each other."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.catch_up.runner import CatchUp
from bot.delivery.acting import Acting
from bot.delivery.attachments import Files
from bot.delivery.deliverer import Deliverer
from bot.delivery.sending import Sender
from bot.devin.api import Devin
from bot.devin.catalog import Catalog
from bot.mirror.agents import StatusLines
from bot.mirror.audience import Audience
from bot.mirror.card import CardTeller
from bot.mirror.files import SentFiles
from bot.mirror.poll import Polling, SessionPoll
from bot.mirror.words import Ways, WordsTeller
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.relay import UseCases
from bot.relay.accept import Accepting, Replies
from bot.relay.asking import FirstWords, LinkForm
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.lifecycle.adopting import Adopting
from bot.relay.lifecycle.ending import Ending
from bot.relay.lifecycle.forms import Defaults, StartForms
from bot.relay.lifecycle.own_threads import OwnThreads
from bot.relay.lifecycle.prompts import Prompts
from bot.relay.lifecycle.starter import Starter
from bot.relay.lifecycle.starting import Choosing, Starting
from bot.relay.linking import ChannelMoves, Linking
from bot.relay.listening import Listening
from bot.relay.naming import Naming
from bot.relay.reviews import Reviews
from bot.relay.saying.say import Answers, Say
from bot.relay.saying.speaking import Speaker, Speaking
from bot.relay.stopping import Stopping
from bot.relay.usage import Digests, Usage
from bot.relay.workflow_steps import WorkflowSteps
from bot.reporting.reporter import Delays, Notices, Outcomes, Reporter
from bot.runtime.in_flight import Background, InFlight
from bot.schedule.local import LocalDispatch, Work, WorkPoll
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity, Workspace
from bot.slack.files import SlackFiles, Uploads
from bot.store.outbox import OwedKind
from bot.store.state import State
from bot.timing import Timing
from bot.wording.message import SlackMessage
from handlers.parse.commands import parse_asked, parse_earlier


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

    def __init__(self, to: Connections) -> None:
        self._to = to
        settings, timing, background = to.settings, to.timing, to.background
        self.state = state = State(to.store, settings)
        self.workspace = workspace = Workspace(to.client, to.identity, to.store, settings, timing)
        people, source = workspace.people, workspace.source
        self.acting = Acting(settings, people, source, to.devin, state.claims, state.reads)
        if self.acting.is_required:
            workspace.permissions.account = self.acting.account
        self.schedule = schedule = LocalDispatch(background, settings.delivery_concurrency)
        self.poll = WorkPoll(state.store, schedule, timing)
        self.notices = Notices(
            outbox=state.outbox, schedule=schedule, threads=workspace.threads, background=background
        )
        self.listening = Listening(state.checkpoints, workspace.clock, settings.catch_up)
        self.audience = Audience(workspace, state)
        self.status_lines = StatusLines(workspace, state, self.audience, background)
        polls = SessionPoll(workspace, state, to.devin, self.status_lines, schedule)
        self.polling = Polling(polls, state.watches, background, timing)
        self.accepting = Accepting(
            workspace, state, schedule, to.in_flight, self.listening, self.polling
        )
        self.naming = Naming(workspace, state, to.devin, self.accepting)
        self.speaking = Speaking(workspace, state, self.accepting, self.naming, schedule)
        self.choosing = Choosing(workspace, state, to.devin)
        self.prompts = Prompts(workspace, self.choosing, parse_asked, parse_earlier)
        self.starting = Starting(
            workspace, state, self.accepting, self.choosing, self.naming, self.speaking, schedule
        )
        self.steps = WorkflowSteps(
            workspace, state, self.accepting, self.naming, self.choosing, self.speaking, schedule
        )
        self.digests = Digests(workspace, state, self.accepting, self.naming, self.audience)
        self.reviews = Reviews(workspace, state, to.devin, self.accepting, self.audience, schedule)
        self.own_threads, self.adopting = self._adopting()
        self.cases = self._cases()
        self.catch_up = CatchUp(self.cases, self.listening, schedule)

    def _adopting(self) -> tuple[OwnThreads, Adopting]:
        to, state, schedule = self._to, self.state, self.schedule
        workspace, accepting = self.workspace, self.accepting
        speaking, notices = self.speaking, self.notices
        own = OwnThreads(workspace, state, accepting, self.audience, speaking, notices, schedule)
        return own, Adopting(workspace, state, to.devin, accepting, notices, own, schedule)

    def _cases(self) -> UseCases:
        workspace, state, schedule = self.workspace, self.state, self.schedule
        accepting, naming, notices = self.accepting, self.naming, self.notices
        speaking, starting = self.speaking, self.starting
        linking = Linking(state, accepting, naming, self.audience, self.acting)
        link_form = LinkForm(workspace, state, accepting, naming, notices)
        devin, background, agents = self._to.devin, self._to.background, self.status_lines.agents
        catalog = Catalog(devin, background)
        forms = StartForms(workspace, state, devin, catalog, self.prompts, starting, accepting)
        return UseCases(
            workspace=workspace,
            state=state,
            accepting=accepting,
            replies=Replies(accepting),
            linking=linking,
            naming=naming,
            notices=notices,
            background=background,
            say=Say(workspace, state, accepting, naming, speaking),
            link_form=link_form,
            first_words=FirstWords(workspace, state, accepting, starting, link_form, notices),
            edits=Edits(state, accepting, notices, speaking, background),
            home=Home(workspace, state, accepting, naming, notices, linking),
            workflow_steps=self.steps,
            channel_moves=ChannelMoves(workspace, state, notices, schedule),
            answers=Answers(state, accepting, speaking),
            stopping=Stopping(workspace, state, accepting, naming, speaking, agents),
            starting=starting,
            digests=self.digests,
            reviews=self.reviews,
            adopting=self.adopting,
            own_threads=self.own_threads,
            usage=Usage(workspace, state, devin, accepting, naming, self.audience),
            start_forms=forms,
            ending=Ending(workspace, state, devin, accepting, naming),
            defaults=Defaults(workspace, state, self.choosing, forms, accepting, naming, notices),
        )

    def serve(self) -> None:
        """Let this process do the work that is due: mail to Devin, and the outbox into threads."""
        to, workspace, state, schedule = self._to, self.workspace, self.state, self.schedule
        accepting, notices = self.accepting, self.notices
        deliverer = Deliverer(workspace, state, self.sender(), schedule, to.in_flight)
        outcomes = Outcomes(workspace, state)
        reporter = Reporter(
            outbox=state.outbox,
            tellers={
                OwedKind.OUTCOME: outcomes,
                OwedKind.DELAY: Delays(workspace, state),
                OwedKind.NOTICE: notices,
                OwedKind.STEP: self.steps,
                OwedKind.WORDS: self._words(),
                OwedKind.CARD: CardTeller(
                    workspace, state, self.audience, workspace.threads, self.status_lines, schedule
                ),
                OwedKind.START: Starter(
                    workspace, state, to.devin, accepting, self.prompts, notices, self.acting
                ),
                OwedKind.POST: Speaker(
                    workspace, state, accepting, self.speaking, notices, self.starting.begin_with
                ),
                OwedKind.DIGEST: self.digests,
                OwedKind.REVIEW: self.reviews,
                OwedKind.THREAD: self.own_threads,
                OwedKind.ADOPT: self.adopting,
            },
            drop=outcomes.drop,
            schedule=schedule,
            pauses=to.timing.tell_pauses,
        )
        schedule.serve(Work(deliverer.deliver, tell=reporter.tell, shed=reporter.shed))

    def sender(self) -> Sender:
        """Return what sends replies to Devin."""
        to, mailbox = self._to, self.state.mailbox
        return Sender(self.workspace, mailbox, to.devin, self.files(), to.in_flight, self.acting)

    def files(self) -> Files:
        """Return what sends files to Devin."""
        return Files(
            slack=SlackFiles(self._to.client, self._to.file_hosts),
            devin=self._to.devin,
            mailbox=self.state.mailbox,
            limit=self._to.settings.file_limit,
            pauses=self._to.timing.upload_pauses,
        )

    def _words(self) -> WordsTeller:
        to, words = self._to, self.state.words
        files = SentFiles(
            devin=to.devin,
            uploads=Uploads(to.client, self.workspace.threads),
            words=words,
            limit=to.settings.file_limit,
            seconds=to.timing.file_seconds,
        )

        async def say(thread: ThreadRef, said: SlackMessage, once: str) -> None:
            await self.notices.say(thread, said, once=once)

        return WordsTeller(
            self.workspace,
            self.state,
            self.audience,
            Ways(words, self.workspace.threads, files, to.timing),
            self.status_lines,
            self.schedule,
            say,
        )
