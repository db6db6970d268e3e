"""Each part of the bot is built when another one first needs it, and then kept."""

from functools import cached_property

from bot.catch_up.listening import Listening
from bot.catch_up.runner import CatchUp
from bot.delivery.attachments import Files
from bot.delivery.deliverer import Deliverer
from bot.mirror.audience import Audience
from bot.mirror.card import CardTeller
from bot.mirror.files import SentFiles
from bot.mirror.poll import SessionPoll
from bot.mirror.polling import Polling
from bot.mirror.posting import Ways
from bot.mirror.status import StatusLines
from bot.mirror.words import WordsTeller
from bot.model.owed import OwedKind
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.relay.answers import Answers
from bot.relay.asking.first_words import FirstWords
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.asking.shortcuts import MessageShortcuts
from bot.relay.channel_moves import ChannelMoves
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.lifecycle.ending import Ending
from bot.relay.lifecycle.prompts import Prompts
from bot.relay.lifecycle.starter import Starter
from bot.relay.lifecycle.starting import Starting
from bot.relay.link_form import LinkForm
from bot.relay.linking import Linking
from bot.relay.naming import Naming
from bot.relay.replies import Replies
from bot.relay.saying.say import Say
from bot.relay.saying.speaker import Speaker
from bot.relay.saying.speaking import Speaking
from bot.relay.workflow_steps import WorkflowSteps
from bot.reporting.notices import Notices, NoticeTeller
from bot.reporting.outcomes import Delays, Outcomes
from bot.reporting.reporter import Reporter
from bot.schedule.local import LocalDispatch, Work
from bot.schedule.poll import Poll
from bot.slack.files import SlackFiles
from bot.slack.limits import RateLimits
from bot.slack.posts import Posts
from bot.slack.uploads import Uploads
from bot.store.state import State
from bot.wiring.connections import Connections
from bot.wording.message import SlackMessage
from handlers.late import LateEvents
from handlers.parse.earlier import ThreadMessages


class Parts:
    """The parts of the bot, on its open connections."""

    def __init__(self, to: Connections) -> None:
        self._to = to
        self._settings, self._timing = to.settings, to.timing
        self._devin, self._background = to.devin, to.background
        self.workspace = to.workspace()
        self.state = State.of(to.store, to.settings)

    def serve(self) -> None:
        """Let this process do the work that is due: mail to Devin, and the outbox into threads."""
        reporter = self.reporter
        work = Work(self.deliverer.deliver, tell=reporter.tell, shed=reporter.shed)
        self.schedule.serve(work)

    # What all others are built on.

    @cached_property
    def schedule(self) -> LocalDispatch:
        return LocalDispatch(self._background, self._settings.delivery_concurrency)

    @cached_property
    def limits(self) -> RateLimits:
        return RateLimits()

    @cached_property
    def posts(self) -> Posts:
        return Posts(self.workspace.threads, self.limits)

    @cached_property
    def notices(self) -> Notices:
        return Notices(
            outbox=self.state.outbox,
            schedule=self.schedule,
            threads=self.workspace.threads,
            background=self._background,
        )

    @cached_property
    def accepting(self) -> Accepting:
        return Accepting(
            self.workspace,
            self.state,
            self.schedule,
            self._to.in_flight,
            self.listening,
            self.polling,
        )

    @cached_property
    def listening(self) -> Listening:
        return Listening(self.state.checkpoints, self.workspace.clock, self._settings.catch_up)

    # The mirror.

    @cached_property
    def audience(self) -> Audience:
        return Audience(self.workspace, self.state)

    @cached_property
    def status_lines(self) -> StatusLines:
        return StatusLines(self.workspace, self.state, self.audience, self._background)

    @cached_property
    def polling(self) -> Polling:
        polls = SessionPoll(
            self.workspace, self.state, self._devin, self.status_lines, self.schedule
        )
        return Polling(polls, self.state.watches, self._background, self._timing)

    @cached_property
    def sent_files(self) -> SentFiles:
        return SentFiles(
            devin=self._devin,
            uploads=Uploads(self._to.client, self.workspace.threads),
            words=self.state.words,
            limit=self._settings.file_limit,
            seconds=self._timing.file_seconds,
        )

    @cached_property
    def words(self) -> WordsTeller:
        async def say(thread: ThreadRef, said: SlackMessage, once: str) -> None:
            await self.notices.say(thread, said, once=once)

        return WordsTeller(
            self.workspace,
            self.state,
            self.audience,
            Ways(self.state.words, self.posts, self.sent_files, self._timing),
            self.status_lines,
            self.schedule,
            say,
        )

    @cached_property
    def cards(self) -> CardTeller:
        return CardTeller(
            self.workspace, self.state, self.audience, self.posts, self.status_lines, self.schedule
        )

    # What people ask for.

    @cached_property
    def naming(self) -> Naming:
        people, seconds = self.workspace.people, self._timing.session_name_seconds
        return Naming(self._devin, self.state.names, people, seconds)

    @cached_property
    def choices(self) -> SessionChoices:
        return SessionChoices(self.workspace, self.state, self._devin, self.accepting, self.naming)

    @cached_property
    def speaking(self) -> Speaking:
        return Speaking(self.workspace, self.state, self.accepting, self.naming, self.schedule)

    @cached_property
    def starting(self) -> Starting:
        return Starting(
            self.workspace, self.state, self.accepting, self.naming, self.speaking, self.schedule
        )

    @cached_property
    def steps(self) -> WorkflowSteps:
        return WorkflowSteps(
            self.workspace, self.state, self.accepting, self.choices, self.speaking, self.schedule
        )

    @cached_property
    def cases(self) -> UseCases:
        workspace, state = self.workspace, self.state
        accepting, naming, notices = self.accepting, self.naming, self.notices
        choices, speaking, starting = self.choices, self.speaking, self.starting
        linking = Linking(state, accepting, naming, choices, self.audience)
        link_form = LinkForm(workspace, state, accepting, naming, notices)
        shortcuts = MessageShortcuts(workspace, state, accepting, naming, choices, link_form)
        return UseCases(
            workspace=workspace,
            state=state,
            accepting=accepting,
            replies=Replies(state, accepting, self.schedule),
            linking=linking,
            naming=naming,
            notices=notices,
            background=self._background,
            say=Say(workspace, state, accepting, choices, naming, speaking),
            shortcuts=shortcuts,
            link_form=link_form,
            first_words=FirstWords(workspace, state, accepting, starting, shortcuts, notices),
            edits=Edits(state, accepting, notices, speaking, self._background),
            home=Home(workspace, state, accepting, naming, notices, linking),
            workflow_steps=self.steps,
            channel_moves=ChannelMoves(workspace, state, notices, self.schedule),
            answers=Answers(state, accepting, speaking),
            starting=starting,
            ending=Ending(workspace, state, self._devin, accepting, naming),
        )

    @cached_property
    def catch_up(self) -> CatchUp:
        events = LateEvents(self.cases)
        return CatchUp(
            self.workspace, self.state, self.listening, events, self.notices, self.schedule
        )

    # What is due.

    @cached_property
    def poll(self) -> Poll:
        return Poll(self.state.mailbox, self.state.outbox, self.schedule, self._timing)

    @cached_property
    def files(self) -> Files:
        return Files(
            slack=SlackFiles(self._to.client, self._to.file_hosts),
            devin=self._devin,
            uploads=self.state.attachments,
            limit=self._settings.file_limit,
            pauses=self._timing.upload_pauses,
        )

    @cached_property
    def deliverer(self) -> Deliverer:
        return Deliverer(
            self.workspace, self.state, self._devin, self.files, self.schedule, self._to.in_flight
        )

    @cached_property
    def reporter(self) -> Reporter:
        outcomes = Outcomes(self.workspace, self.state, self.posts)
        return Reporter(
            outbox=self.state.outbox,
            tellers={
                OwedKind.OUTCOME: outcomes,
                OwedKind.DELAY: Delays(self.workspace, self.state, self.posts),
                OwedKind.NOTICE: NoticeTeller(self.state.outbox, self.posts),
                OwedKind.STEP: self.steps,
                OwedKind.WORDS: self.words,
                OwedKind.CARD: self.cards,
                OwedKind.START: self._starter(),
                OwedKind.POST: self._speaker(),
            },
            drops={OwedKind.OUTCOME: outcomes.drop},
            schedule=self.schedule,
            pauses=self._timing.tell_pauses,
        )

    def _starter(self) -> Starter:
        workspace = self.workspace
        messages = ThreadMessages(workspace.identity)
        prompts = Prompts(workspace, messages)
        return Starter(workspace, self.state, self._devin, self.accepting, prompts, self.notices)

    def _speaker(self) -> Speaker:
        return Speaker(
            self.workspace,
            self.state,
            self.accepting,
            self.speaking,
            self.starting,
            self.posts,
            self.notices,
        )
