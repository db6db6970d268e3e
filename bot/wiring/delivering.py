"""The delivering half: mail to Devin, and the outbox into threads."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.delivery.attachments import Files
from bot.delivery.deliverer import Deliverer
from bot.delivery.reconcile import Reconciler
from bot.model.owed import OwedKind
from bot.reporting.notices import NoticeTeller
from bot.reporting.outcomes import Delays, Outcomes
from bot.reporting.reporter import Reporter
from bot.schedule.docket import register
from bot.schedule.local import Work
from bot.slack.files import SlackFiles
from bot.slack.posts import Posts
from bot.slack.rate_limits import RateLimits
from bot.wiring.parts import Connections, Shared


@dataclass(frozen=True, slots=True)
class Tuning:
    """The timing of `Deliverer` and `Reconciler`, and additional hosts of files."""

    notice_after: timedelta
    look_after: Sequence[float]
    file_hosts: Collection[str]


def serve(to: Connections, shared: Shared, tuning: Tuning) -> None:
    """Let this process deliver mail and post the outbox."""
    kept, deliverer = shared.kept, _deliverer(to, shared, tuning)
    limits = RateLimits()
    posts = Posts(shared.workspace.threads, limits)
    outcomes = Outcomes(kept.reports, kept.names, posts, shared.functions)
    reporter = Reporter(
        outbox=kept.outbox,
        tellers={
            OwedKind.OUTCOME: outcomes,
            OwedKind.DELAY: Delays(kept.reports, kept.names, posts, to.settings.give_up_after),
            OwedKind.NOTICE: NoticeTeller(kept.outbox, posts),
            OwedKind.STEP: shared.steps,
        },
        mark=outcomes.mark,
        schedule=shared.schedule,
        limits=limits,
    )
    work = Work(
        deliver=deliverer.deliver,
        abandoned=kept.due.abandoned,
        tell=reporter.tell,
        shed=reporter.shed,
        mark=reporter.mark,
        drop_mark=outcomes.drop_mark,
    )
    shared.schedule.serve(work)
    register(to.docket, shared.schedule, kept.due, kept.outbox)


def _deliverer(to: Connections, shared: Shared, tuning: Tuning) -> Deliverer:
    settings, kept = to.settings, shared.kept
    return Deliverer(
        mailbox=kept.mailbox,
        devin=to.devin,
        reconciler=Reconciler(to.devin, tuning.look_after),
        files=Files(
            slack=SlackFiles(to.client, tuning.file_hosts),
            devin=to.devin,
            uploads=kept.attachments,
            limit=settings.file_limit,
        ),
        people=shared.workspace.people,
        schedule=shared.schedule,
        in_flight=to.in_flight,
        give_up_after=settings.give_up_after,
        notice_after=tuning.notice_after,
    )
