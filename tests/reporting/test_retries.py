"""A single report may be moot, retried or given up."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.mirror.audience import Audience
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply, ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keep import ENTRY_LEASE
from bot.redis.keys import subject_key
from bot.reporting.outcomes import Delays, Outcomes
from bot.reporting.reporter import TELLING_SECONDS, Reporter
from bot.store.links import Links
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import Owed, OwedKind
from bot.timing import TIMING
from sandbox import Sandbox
from tests.support.desk import SESSION
from tests.support.entries import Entries
from tests.support.parts import parts_of
from tests.support.schedules import Planned

ID = SessionId(SESSION)
TTL = timedelta(days=1)


async def finished(store: Store, outcome: Outcome, *, is_owed: bool = True, step: str = "") -> Owed:
    """Finish a reply with that outcome, and return the report that is owed for it."""
    thread = ThreadRef(team="T0TEAM", channel="C0GENERAL0", thread_ts="1764000000.000100")
    await Links(store, TTL).create(thread, Link(session=ID, by=UserId("U0ADA"), linked_at=1))
    mailbox = Mailbox(store, TTL)
    reply = Reply(
        thread=thread, ts="1764000001.000100", author=UserId("U0ADA"), text="hello", step=step
    )
    await mailbox.accept(reply, ID, timedelta(0))
    head = await mailbox.take(ID, "token")
    assert isinstance(head, Head)
    await mailbox.finish(ID, "token", head, outcome, is_owed=is_owed, go_on=False)
    return Owed(reply.id, 1, OwedKind.OUTCOME)


async def sent_again(store: Store, report: Owed) -> Head:
    """Return the same reply in its next round, as it is taken."""
    mailbox = Mailbox(store, TTL)
    reply = await mailbox.kept(ReplyId(report.subject))
    assert reply is not None
    await mailbox.send_again(reply, report.number)
    head = await mailbox.take(ID, "again")
    assert isinstance(head, Head)
    return head


def telling_with(
    box: Sandbox, store: Store, planned: Planned, seconds: float = TELLING_SECONDS
) -> Reporter:
    """Return the reporter of the core without a feature, with that many seconds per report."""
    parts = parts_of(box, store, features=(), GIVE_UP_AFTER="1d")
    named = Audience(parts.workspace, parts.state).named
    return Reporter(
        outbox=parts.state.outbox,
        tellers={
            OwedKind.OUTCOME: Outcomes(parts.workspace, parts.state, named, parts.complete),
            OwedKind.DELAY: Delays(parts.workspace, parts.state, named),
        },
        schedule=planned,
        seconds=seconds,
    )


async def test_what_was_told_meanwhile_is_not_owed_again(store: Store) -> None:
    """An attempt ends after another one told the report."""
    report = await finished(store, Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep"))
    reports = Entries(store)
    await reports.begin(report)
    await reports.end(report, told=True)
    await reports.pause(report, 0.0, may_be_done=True)
    assert await reports.begin(report) is None


async def test_a_mark_beyond_the_budget_is_not_owed(store: Store) -> None:
    """It costs nothing in a flood; the reply is finished all the same."""
    report = await finished(store, Outcome(kind=OutcomeKind.DELIVERED), is_owed=False)
    assert await Entries(store).begin(report) is None
    assert await store.field(subject_key(report.subject), "state") == "done"


async def test_a_mark_that_slack_does_not_take_is_owed_until_it_does(
    store: Store, box: Sandbox
) -> None:
    """It stays in the outbox, and its next try is scheduled."""
    report = await finished(store, Outcome(kind=OutcomeKind.DELIVERED))
    planned, reports = Planned(), Entries(store)
    box.slack.fail_next("reactions.add", status=429, retry_after=7)
    await telling_with(box, store, planned).tell(report)
    assert [one for one, _ in planned.told] == [report]
    still_owed = await reports.begin(report)
    assert still_owed is not None


async def test_without_the_feature_nothing_waits_for_a_step(store: Store, box: Sandbox) -> None:
    """The reply that it sent gets its mark, and no workflow is told."""
    report = await finished(store, Outcome(kind=OutcomeKind.DELIVERED), step="Fx0STEP")
    await telling_with(box, store, Planned()).tell(report)
    assert [call.method for call in box.slack.calls] == ["reactions.add"]
    assert await Entries(store).begin(report) is None


@pytest.mark.parametrize("kind", [OwedKind.OUTCOME, OwedKind.DELAY])
async def test_a_report_of_an_earlier_round_is_moot(
    store: Store, box: Sandbox, kind: OwedKind
) -> None:
    """The reply was sent again; its new outcome is told under a new name."""
    asleep = Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep")
    report = await finished(store, asleep)
    mailbox, reports = Mailbox(store, TTL), Entries(store)
    head = await sent_again(store, report)
    earlier = Owed(report.subject, 1, kind)
    if kind is OwedKind.OUTCOME:
        await mailbox.finish(ID, "again", head, asleep, go_on=False)
    else:
        await mailbox.defer(ID, "again", replace(head, round=1), TTL, TTL)
    await telling_with(box, store, Planned()).tell(earlier)
    assert box.slack.calls == []
    assert await reports.begin(earlier) is None


async def test_who_tells_one_report_holds_up_no_other(store: Store) -> None:
    """The next round's report and the outcome beside a notice of waiting do not wait."""
    asleep = Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep")
    report, reports, mailbox = await finished(store, asleep), Entries(store), Mailbox(store, TTL)
    await reports.begin(report)
    head = await sent_again(store, report)
    await mailbox.defer(ID, "again", head, timedelta(0), timedelta(0))
    await mailbox.take(ID, "b")
    await mailbox.finish(ID, "b", head, asleep, go_on=False)
    for kind in (OwedKind.DELAY, OwedKind.OUTCOME):
        other = await reports.begin(Owed(report.subject, 2, kind))
        assert other is not None
        assert not other.again


async def test_who_tells_a_report_stops_before_another_may_begin(
    store: Store, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack may have taken it by then, so the next attempt looks for it before it posts."""
    report = await finished(store, Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep"))
    reports, planned, over = Entries(store), Planned(), asyncio.Event()
    box.slack.fail_next("chat.postMessage", until=over)
    await telling_with(box, store, planned, 0.2).tell(report)
    over.set()
    assert planned.told == [(report, 1.0 * 2)]
    (put_off,) = [one for one in caplog.records if one.message == "report waits"]
    assert vars(put_off)["reason"] == "telling: too slow"
    again = await reports.begin(report)
    assert again is not None
    assert again.again
    spare = ENTRY_LEASE.total_seconds() - TELLING_SECONDS
    assert spare > 2 * TIMING.redis_seconds, "that Redis may take to put it off"


async def test_a_report_is_tried_for_ever_and_no_more_than_once_a_minute(
    store: Store, box: Sandbox
) -> None:
    """It does not matter how often Slack was away."""
    report = await finished(store, Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep"))
    planned = Planned()
    box.slack.fail_next("*", status=503, times=10)
    await telling_with(box, store, planned).tell(report, attempt=100)
    assert planned.told == [(report, 60.0 * 101)]


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("chat.postMessage", OutcomeKind.SUSPENDED),
        ("reactions.add", OutcomeKind.DELIVERED),
        ("reactions.remove", OutcomeKind.DELIVERED),
    ],
)
async def test_whatever_a_void_token_refuses_is_tried_again(
    store: Store, box: Sandbox, method: str, kind: OutcomeKind
) -> None:
    """This covers sentences and marks, set or removed: nothing is given up for it."""
    head = await sent_again(
        store, await finished(store, Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep"))
    )
    await Mailbox(store, TTL).finish(ID, "again", head, Outcome(kind=kind), go_on=False)
    reports, planned = Entries(store), Planned()
    box.slack.fail_next(method, error="token_revoked")
    report = Owed(head.reply.id, 2, OwedKind.OUTCOME)
    await telling_with(box, store, planned).tell(report)
    assert [one for one, _ in planned.told] == [report]
    assert await reports.begin(report) is not None


async def test_a_notice_that_may_have_been_given_in_vain_takes_its_mark_off(
    store: Store, box: Sandbox
) -> None:
    """The outcome came between two attempts; the first one may have left the waiting mark."""
    head = await sent_again(
        store, await finished(store, Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep"))
    )
    mailbox, reports = Mailbox(store, TTL), Entries(store)
    await mailbox.defer(ID, "again", head, timedelta(0), timedelta(0))
    notice = Owed(head.reply.id, 2, OwedKind.DELAY)
    await reports.begin(notice)
    await reports.pause(notice, 0.0, may_be_done=True)
    await mailbox.take(ID, "b")
    await mailbox.finish(ID, "b", head, Outcome(kind=OutcomeKind.DELIVERED), go_on=False)
    await telling_with(box, store, Planned()).tell(notice)
    assert [call.method for call in box.slack.calls] == ["reactions.remove"]
