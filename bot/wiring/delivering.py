"""The delivering half: mail to Devin, and the outbox into threads."""

from bot.delivery.attachments import Files
from bot.delivery.deliverer import Deliverer
from bot.delivery.reconcile import Reconciler
from bot.model.owed import OwedKind
from bot.relay.lifecycle.prompts import Prompts
from bot.relay.lifecycle.starter import Starter
from bot.relay.saying.speaker import Speaker
from bot.reporting.notices import NoticeTeller
from bot.reporting.outcomes import Delays, Outcomes
from bot.reporting.reporter import Reporter
from bot.schedule.local import Work
from bot.schedule.poll import Poll
from bot.slack.files import SlackFiles
from bot.slack.functions import Functions
from bot.slack.marks import MarkBudget
from bot.wiring.parts import Connections, Shared
from handlers.parse.earlier import ThreadMessages


def serve(to: Connections, shared: Shared) -> Poll:
    """Let this process deliver mail and post the outbox; return what finds what is left."""
    kept, deliverer = shared.kept, _deliverer(to, shared)
    limits, mirror, posts = shared.limits, shared.mirror, shared.posts
    outcomes = Outcomes(
        kept.reports, kept.names, posts, Functions(to.client), shared.workspace.admin
    )
    reporter = Reporter(
        outbox=kept.outbox,
        tellers={
            OwedKind.OUTCOME: outcomes,
            OwedKind.DELAY: Delays(kept.reports, kept.names, posts, to.settings.give_up_after),
            OwedKind.NOTICE: NoticeTeller(kept.outbox, posts),
            OwedKind.STEP: shared.steps,
            OwedKind.WORDS: mirror.words,
            OwedKind.CARD: mirror.cards,
            OwedKind.START: _starter(to, shared),
            OwedKind.POST: _speaker(shared),
        },
        drops={OwedKind.OUTCOME: outcomes.drop},
        schedule=shared.schedule,
        limits=limits,
        pauses=to.timing.tell_pauses,
    )
    work = Work(
        deliver=deliverer.deliver,
        tell=reporter.tell,
        shed=reporter.shed,
    )
    shared.schedule.serve(work)
    return Poll(kept.due, kept.outbox, shared.schedule, to.timing)


def _deliverer(to: Connections, shared: Shared) -> Deliverer:
    settings, kept = to.settings, shared.kept
    return Deliverer(
        mailbox=kept.mailbox,
        devin=to.devin,
        reconciler=Reconciler(to.devin, to.timing.look_after),
        files=Files(
            slack=SlackFiles(to.client, to.file_hosts),
            devin=to.devin,
            uploads=kept.attachments,
            limit=settings.file_limit,
            pauses=to.timing.upload_pauses,
        ),
        people=shared.workspace.people,
        schedule=shared.schedule,
        marks=MarkBudget(),
        in_flight=to.in_flight,
        give_up_after=settings.give_up_after,
        timing=to.timing,
    )


def _speaker(shared: Shared) -> Speaker:
    return Speaker(
        workspace=shared.workspace,
        accepting=shared.accepting,
        speaking=shared.speaking,
        starting=shared.starting,
        watches=shared.kept.watches,
        posts=shared.posts,
        notices=shared.notices,
    )


def _starter(to: Connections, shared: Shared) -> Starter:
    kept, workspace = shared.kept, shared.workspace
    messages = ThreadMessages(workspace.identity)
    return Starter(
        devin=to.devin,
        accepting=shared.accepting,
        prompts=Prompts(workspace.threads, workspace.people, messages),
        links=kept.links,
        names=kept.names,
        outbox=kept.outbox,
        claims=kept.claims,
        notices=shared.notices,
        functions=Functions(to.client),
        admin=workspace.admin,
        timing=to.timing,
        give_up_after=to.settings.give_up_after,
    )
